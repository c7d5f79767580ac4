"""The clock of the playground makes the calls that Twisted's fake clock makes, at the same moments."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from chatd.testing.clock import QuickClock

WAITS = st.integers(0, 5)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), WAITS, WAITS),
        st.tuples(st.just("cancel"), st.integers(0, 20), st.just(0)),
        st.tuples(st.just("reset"), st.integers(0, 20), WAITS),
        st.tuples(st.just("delay"), st.integers(0, 20), st.integers(-5, 5)),
        st.tuples(st.just("advance"), WAITS, st.just(0)),
    ),
    max_size=40,
)


def played(clock, steps):
    """Return which calls ``clock`` has made by each step, and when; each call asks for another one."""
    made, pending, seen = [], [], []

    def call(name, then):
        made.append((clock.seconds(), name))
        if then:
            clock.callLater(then - 1, call, f"after {name}", 0)

    for number, (what, first, second) in enumerate(steps):
        if what == "call":
            pending.append(clock.callLater(first, call, str(number), second))
        elif what == "advance":
            clock.advance(first)
        elif pending and (one := pending[first % len(pending)]).active():
            getattr(one, what)(*[] if what == "cancel" else [second])
        seen.append((sorted(made), len(clock.getDelayedCalls())))
    clock.advance(30)
    return made, seen


@given(STEPS)
def test_it_makes_the_calls_that_twisteds_makes_when_they_are_due(steps):
    made, seen = played(QuickClock(), steps)
    expected, expected_seen = played(Clock(), steps)
    assert seen == expected_seen
    assert sorted(made) == sorted(expected)
    assert [at for at, _ in made] == sorted(at for at, _ in made)


@given(st.lists(WAITS))
def test_what_is_due_at_one_moment_is_called_in_the_order_in_which_it_was_asked_for(waits):
    clock, made = QuickClock(), []
    for number, wait in enumerate(waits):
        clock.callLater(wait, made.append, (wait, number))
    clock.advance(5)
    assert made == sorted(made)
