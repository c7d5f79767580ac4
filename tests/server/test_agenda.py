"""The agenda: whoever is due comes up once, a little behind that; beside a plain list of who is due when."""

from hypothesis import given, settings
from hypothesis import strategies as st

from chatd.server.agenda import GRAIN, LATE, Agenda
from tests.examples import examples

SOMEBODY = st.integers(0, 5)
STEPS = st.lists(
    st.tuples(st.just("plan"), SOMEBODY, st.floats(-5, 90))
    | st.tuples(st.just("drop"), SOMEBODY)
    | st.tuples(st.just("pass"), st.floats(0, 40)),
    max_size=40,
)


class Swept:
    due = 0.0


def come_up(agenda, now):
    while (one := agenda.take(now)) is not None:
        yield one


@settings(max_examples=examples(300), deadline=None)
@given(STEPS, st.floats(0, 1e6))
def test_everybody_comes_up_when_due_and_at_no_other_time(steps, now):
    agenda, crowd, planned = Agenda(now), [Swept() for _ in range(6)], {}
    for step in steps:
        if step[0] == "plan":
            one, due = crowd[step[1]], now + step[2]
            agenda.plan(one, due)
            planned[one] = max(due, now)
        elif step[0] == "drop":
            agenda.drop(crowd[step[1]])
            planned.pop(crowd[step[1]], None)
        else:
            now += step[1]
            for one in come_up(agenda, now):
                assert planned.pop(one) <= now
            late = [due for due in planned.values() if due + GRAIN + LATE < now - GRAIN]
            assert not late
    for one in come_up(agenda, now + 200):
        del planned[one]
    assert not planned


def test_who_is_dropped_or_came_up_is_held_no_longer():
    agenda, one, other = Agenda(0.0), Swept(), Swept()
    agenda.plan(one, 5.0)
    agenda.plan(other, 5.0)
    agenda.drop(one)
    assert list(come_up(agenda, 10.0)) == [other]
    assert not any(agenda._slots.values())


def test_a_day_of_absence_is_no_long_way():
    agenda, one = Agenda(0.0), Swept()
    agenda.plan(one, 86_400.0 * 365)
    assert list(come_up(agenda, 86_400.0 * 364)) == []
    assert list(come_up(agenda, 86_400.0 * 366)) == [one]
