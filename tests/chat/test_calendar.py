"""The calendar goes on as the daemon lives, and with no step of the clock."""

from hypothesis import given
from hypothesis import strategies as st

from chatd.chat.calendar import LEAP, Calendar


def test_it_begins_where_it_was_and_goes_on():
    calendar = Calendar(1000)
    told = []
    for seconds in (77.0, 77.0, 78.0, 78.001):
        calendar.run(seconds)
        told.append(calendar.now)
    assert told == [1000, 1000, 2000, 2001]


def test_a_first_one_begins_at_one():
    """0 is what is kept where nothing is known of a session."""
    assert Calendar(0).now == 1


def test_time_away_is_not_counted():
    calendar = Calendar(5)
    for seconds in (100.0, 100.0 + LEAP + 1, 50.0, 60.0):
        calendar.run(seconds)
    assert calendar.now == 10_005


def test_nothing_is_lost_or_won_by_looking_often():
    calendar = Calendar(1)
    for tick in range(100_001):
        calendar.run(tick * 0.0007)
    assert 69_999 <= calendar.now - 1 <= 70_000


@given(st.lists(st.tuples(st.floats(0, LEAP), st.one_of(st.just(0.0), st.floats(-1e7, 1e7))), max_size=50))
def test_it_never_goes_back_and_is_never_ahead_of_what_has_passed(moves):
    calendar, seconds, passed, last = Calendar(7), 1e6, 0.0, 7
    calendar.run(seconds)
    for pause, step in moves:
        seconds += pause + step
        passed += (pause + (LEAP if step else 0)) * 1000
        calendar.run(seconds)
        assert last <= calendar.now <= 7 + passed + 1
        last = calendar.now
