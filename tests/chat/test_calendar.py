"""The calendar goes on as time does, and with no step of the clock."""

from hypothesis import given
from hypothesis import strategies as st

from chatd.chat.calendar import LEAP, Calendar

MINUTE = 60_000
DAY = 1440 * MINUTE


def test_it_begins_where_it_was_and_goes_on():
    calendar = Calendar(1000)
    assert [calendar.at(now) for now in (77_000, 77_000, 78_000, 78_001)] == [1000, 1000, 2000, 2001]


def test_a_first_one_begins_with_the_wall_clock():
    assert Calendar(0).at(123) == 123
    assert Calendar(0).at(0) == 1
    assert Calendar(0).at(-5) == 1


def test_steps_are_not_counted():
    calendar = Calendar(0)
    calendar.at(DAY)
    assert calendar.at(41 * DAY) == DAY
    assert calendar.at(41 * DAY + MINUTE) == DAY + MINUTE
    assert calendar.at(0) == DAY + MINUTE
    assert calendar.at(MINUTE) == DAY + 2 * MINUTE


@given(st.lists(st.tuples(st.integers(0, LEAP), st.integers(-(10**14), 10**14)), max_size=50))
def test_it_never_goes_back_and_is_never_ahead_of_what_has_passed(moves):
    calendar, wall, passed, last = Calendar(7), 10**12, 0, 7
    calendar.at(wall)
    for pause, step in moves:
        wall += pause + step
        passed += pause + (LEAP if step else 0)
        time = calendar.at(wall)
        assert last <= time <= 7 + passed
        last = time
