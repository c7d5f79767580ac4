"""Repeated things are said once in a while, with what was held back, at bounded cost."""

from hypothesis import given
from hypothesis import strategies as st

from chatd.ops.repeats import Repeats


def test_once_per_while():
    repeats = Repeats(10.0)
    assert repeats.admit("a", 0.0) == 0
    assert repeats.admit("a", 1.0) is None
    assert repeats.admit("a", 9.9) is None
    assert repeats.admit("b", 5.0) == 0
    assert repeats.admit("a", 10.0) == 2
    assert repeats.admit("a", 11.0) is None
    assert repeats.admit("a", 30.0) == 1


def test_memory_is_bounded():
    repeats = Repeats(10.0, keys=3)
    for key in "abcd":
        assert repeats.admit(key, 0.0) == 0
    assert repeats.admit("b", 1.0) is None
    assert repeats.admit("a", 1.0) == 0


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 30))))
def test_everything_is_said_or_counted(steps):
    repeats, now, said, counted, pending = Repeats(10.0), 0.0, 0, 0, 0
    for key, pause in steps:
        now += pause
        count = repeats.admit(key, now)
        if count is None:
            pending += 1
        else:
            said, counted, pending = said + 1, counted + count, pending - count
    assert said + counted + pending == len(steps)
    assert pending >= 0
