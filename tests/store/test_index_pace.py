"""How much of the time the index gets while commits follow each other: enough, or nearly nothing."""

import pytest

from chatd.store.index.pace import DEFER, FULL, GATHER, QUIET, Pace


def come(pace, messages, now, used):
    pace.come(messages, now)
    if pace.measures(now):
        pace.measure(now, used)


def play(rate, cost, busy=0.1, seconds=20.0, slice_=200):
    """Let messages come at a ``rate``, each of some ``cost``; return the share of time, and what is left."""
    now, behind, spent = 0.0, 0.0, 0.0
    pace = Pace(now)
    while now < seconds:
        now += 0.005  # a commit
        behind += rate * 0.005
        come(pace, round(rate * 0.005), now, busy * now)
        if behind >= 1 and pace.between(now):
            count = min(slice_, int(behind))
            begin, now = now, now + count * cost
            spent += count * cost
            behind += rate * count * cost - count
            come(pace, round(rate * count * cost), now, busy * now)
            pace.took(count, begin, now)
    return spent / now, behind


@pytest.mark.parametrize(("rate", "cost"), [(400, 3e-5), (10_000, 3e-5), (3_000, 1e-4), (1_000, 3e-4)])
def test_it_keeps_up_where_that_is_less_than_a_third_of_the_time(rate, cost):
    share, behind = play(rate, cost)
    assert behind < 3 * rate, "it is less than three seconds behind"
    assert share < 0.35


@pytest.mark.parametrize(
    ("rate", "cost", "busy"),
    [(130_000, 3e-5, 0.9), (20_000, 3e-5, 0.2), (10_000, 3e-4, 0.2), (8000, 3e-5, 0.9)],
)
def test_it_gives_way_where_it_would_be_more_or_the_processor_is_needed(rate, cost, busy):
    share, _ = play(rate, cost, busy)
    assert share < 0.05


def test_few_messages_are_gathered_for_a_moment_and_many_are_not():
    pace = Pace(0.0)
    come(pace, 1, 10.0, 0.0)
    come(pace, 1, 10.2, 0.0)
    assert pace.until(10.2) == pytest.approx(GATHER - 0.2)
    assert pace.until(10.0 + GATHER) == 0
    pace.took(2, 10.6, 10.7)
    come(pace, 1, 20.0, 0.0)
    assert pace.until(20.0) == GATHER
    come(pace, FULL, 20.1, 0.0)
    assert pace.until(20.1) == pytest.approx(QUIET), "as soon as there is a moment for it"
    pace.took(FULL, 20.1, 20.2)
    assert 0 < pace.until(20.2) <= GATHER


def test_much_waits_for_a_moment_without_commits_but_not_for_long():
    pace = Pace(0.0)
    for tick in range(300):
        now = tick / 100
        come(pace, 100, now, 0.1 * now)
        if tick > 20 and pace.between(now):  # by then it knows how many come
            break
    assert DEFER <= now < DEFER + 0.2
    pace.took(FULL, now, now + 0.005)
    assert pace.between(pace.next), "what is behind is caught up"
    pace.done()
    come(pace, FULL, 60.0, 7.0)
    come(pace, 1, 61.0, 8.0)
    assert pace.between(61.0), "little does not wait"


@pytest.mark.parametrize("rate", [100, 3_000])
def test_a_burst_with_small_pauses_is_not_disturbed_until_it_is_over(rate):
    pace, now = Pace(0.0), 0.0
    while now < 1.0:
        now += 0.05
        come(pace, round(rate * 0.05), now, 0.9 * now)
        assert not pace.between(now)
        assert pace.until(now + 0.04) > 0, "neither between commits nor in a pause"
    assert pace.until(now + QUIET) == 0
    assert not pace.between(now + QUIET / 2), "a slice is for when nothing else is to be done"


def test_what_comes_all_the_time_is_taken_in_all_the_same():
    pace, now = Pace(0.0), 0.0
    while not pace.between(now):
        now += 0.05
        come(pace, 2, now, 0.1 * now)
    assert now <= DEFER + 0.1
