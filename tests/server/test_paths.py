"""Paths that swallow large packets: who gets fragments, smaller segments, an end, and who is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.server.paths import LADDER, MOST, PATIENCE, REPEATS, TERM, VAIN, YOUNG, Paths, Step
from chatd.tcp import Flow

HOST = "192.0.2.1"
FLOWING = Flow()
UNDER_WAY = Flow(waiting=3)
CLOGGED = Flow(3, REPEATS, 1.0)
IN_VAIN = Flow(3, REPEATS + VAIN, 0.1)


@pytest.fixture
def paths():
    return Paths()


def look(course, flow, now, opening=False):
    return course.look(flow, now, opening=opening)


def stall(paths, now, *, opening=True):
    """Let a new connection stall for good; return it."""
    course = paths.begin(HOST, now)
    look(course, CLOGGED, now + 1, opening)
    assert look(course, IN_VAIN, now + 1 + PATIENCE, opening) is Step.END
    return course


def test_what_is_taken_is_not_looked_at_again(paths):
    course = paths.begin(HOST, 0.0)
    assert look(course, UNDER_WAY, 0.5) is Step.LOOK_AGAIN
    assert look(course, FLOWING, 1.0) is Step.NOTHING
    assert paths.look_up(HOST, 1.0) == (0, False)
    assert not len(paths)


def test_what_is_repeated_in_vain_may_be_taken_apart_and_the_next_one_is_smaller(paths):
    course = paths.begin(HOST, 0.0)
    assert look(course, CLOGGED, 1.0) is Step.ALLOW_FRAGMENTS
    assert look(course, CLOGGED, 1.5) is Step.LOOK_AGAIN
    assert paths.begin(HOST, 2.0).segment == LADDER[1]
    assert paths.begin("192.0.2.2", 2.0).segment == 0


def test_if_fragments_help_the_next_one_has_them_from_the_beginning(paths):
    course = paths.begin(HOST, 0.0)
    look(course, CLOGGED, 1.0)
    assert look(course, FLOWING, 2.0) is Step.NOTHING
    again = paths.begin(HOST, 3.0)
    assert (again.segment, again.fragments) == (0, True)


def test_a_connection_is_ended_where_smaller_segments_are_left_and_the_peer_speaks(paths):
    assert [stall(paths, 10.0 * number).segment for number in range(2)] == [0, LADDER[1]]
    course = paths.begin(HOST, 30.0)
    assert course.segment == LADDER[2]
    assert look(course, CLOGGED, 31.0, opening=True) is Step.LOOK_AGAIN
    assert look(course, IN_VAIN, 60.0, opening=True) is Step.LOOK_AGAIN


def test_whoever_says_nothing_may_have_been_cut_and_is_left_to_the_heartbeat(paths):
    course = paths.begin(HOST, 0.0)
    look(course, CLOGGED, YOUNG + 1)
    assert look(course, Flow(3, 9, YOUNG), YOUNG + 20) is Step.LOOK_AGAIN
    assert paths.look_up(HOST, YOUNG + 20) == (0, False)
    assert look(course, Flow(3, 9, 0.1), YOUNG + 21) is Step.END
    assert paths.look_up(HOST, YOUNG + 21) == (LADDER[1], True)


def test_a_long_round_trip_is_waited_for(paths):
    course = paths.begin(HOST, 0.0)
    for now in range(1, 30):
        assert look(course, Flow(3, 0, now), float(now), opening=True) is Step.LOOK_AGAIN
    assert look(course, CLOGGED, 30.0, opening=True) is Step.ALLOW_FRAGMENTS
    assert look(course, CLOGGED, 60.0, opening=True) is Step.LOOK_AGAIN  # not repeated since


def test_what_flows_is_looked_at_seldom_once_the_connection_is_older(paths):
    course = paths.begin(HOST, 0.0)
    assert look(course, UNDER_WAY, YOUNG - 0.5) is Step.LOOK_AGAIN
    assert look(course, UNDER_WAY, YOUNG) is Step.LOOK_LATER
    assert look(course, Flow(3, 1, 0.1), YOUNG + 5) is Step.LOOK_AGAIN
    assert look(course, CLOGGED, YOUNG + 6) is Step.ALLOW_FRAGMENTS
    assert look(course, UNDER_WAY, YOUNG + 7) is Step.LOOK_LATER


def test_a_connection_that_has_ended_asks_for_nothing(paths):
    course = paths.begin(HOST, 0.0)
    assert look(course, Flow(0, 5, 0.0), 5.0) is Step.NOTHING


def test_what_is_known_ends_after_a_while(paths):
    stall(paths, 0.0)
    assert paths.look_up(HOST, 1.0 + TERM - 0.1) == (LADDER[1], True)
    assert paths.look_up(HOST, 1.0 + TERM) == (0, False)
    assert not len(paths)


def test_a_new_connection_hears_what_an_older_one_has_met_since(paths):
    old, new = paths.begin(HOST, 0.0), paths.begin(HOST, 0.5)
    look(old, CLOGGED, 1.0)
    new.renew(1.5)
    assert new.segment == LADDER[1]
    old.renew(2.0)
    assert old.segment == 0


def test_as_many_hosts_as_there_are_cost_bounded_memory(paths):
    for number in range(MOST + 10):
        look(paths.begin(f"host{number}", 0.0), CLOGGED, 1.0)
    assert len(paths) == MOST
    assert paths.look_up("host0", 2.0) == (0, False)
    assert paths.look_up(f"host{MOST + 9}", 2.0) == (LADDER[1], True)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["open", "look", "renew"]),
            st.integers(0, 5),
            st.integers(0, 8),
            st.floats(0, 30),
            st.booleans(),
        )
    )
)
def test_whatever_comes_an_end_is_always_followed_by_something_smaller(steps):
    paths, now, course = Paths(), 0.0, None
    for step, waiting, repeats, seconds, opening in steps:
        now += seconds
        if course is None or step == "open":
            course = paths.begin(HOST, now)
        elif step == "renew":
            course.renew(now)
        elif look(course, Flow(waiting, repeats, seconds / 2), now, opening) is Step.END:
            before, course = course.segment, paths.begin(HOST, now)
            assert 0 < course.segment < (before or LADDER[0] + 2000)
