"""Ages: what is taken for old is old, what is old is taken for it in the end, and little is kept for that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.chat.ages import HALF_DAY, MOST, PER_TERM, TEN_DAYS, pause_between_marks
from chatd.chat.calendar import DAY
from chatd.chat.changes.applying import apply
from chatd.chat.changes.records import Records
from chatd.chat.changes.rows import DropMark, DropMarks, PutMark

MINUTE = 60_000


def loaded(*marks):
    """Return records that was loaded with ``marks``."""
    records = Records()
    for mark in marks:
        apply(records, mark)
    return records


def done(records, changes):
    """Apply ``changes`` and return them."""
    for change in changes:
        apply(records, change)
    return changes


class Kept:
    """What is on disk of the marks."""

    def __init__(self):
        self.rows = {}

    def take(self, changes):
        for change in changes:
            match change:
                case PutMark():
                    self.rows[change.seq] = change
                case DropMark():
                    del self.rows[change.seq]
                case DropMarks():
                    self.rows = {seq: row for seq, row in self.rows.items() if seq >= change.first}


def test_the_pause_follows_the_shortest_term():
    assert pause_between_marks(0, 0) == HALF_DAY
    assert pause_between_marks(64 * DAY, 0) == DAY
    assert pause_between_marks(64 * DAY, 32 * DAY) == DAY // 2
    assert pause_between_marks(36_500 * DAY) == TEN_DAYS


def test_an_event_is_as_old_as_the_first_mark_that_covers_it():
    records = loaded()
    ages = records.ages
    assert ages.old(1, 10**9) == 0
    assert done(records, ages.mark(1, 3, 100, 10)) == [PutMark(1, 3, 100)]
    assert done(records, ages.mark(1, 3, 200, 10)) == []
    assert done(records, ages.mark(1, 5, 105, 10)) == []
    assert done(records, ages.mark(1, 5, 110, 10)) == [PutMark(1, 5, 110)]
    assert [ages.old(1, before) for before in (99, 100, 109, 110)] == [0, 3, 3, 5]
    assert ages.old(2, 110) == 0


def test_marks_go_with_their_events():
    records = loaded(PutMark(1, 5, 110), PutMark(1, 3, 100), PutMark(2, 1, 90))
    ages = records.ages
    assert done(records, ages.forget(1, 3)) == []
    assert done(records, ages.forget(1, 4)) == [DropMarks(1, 4)]
    assert [ages.old(1, before) for before in (100, 110)] == [0, 5]
    assert done(records, ages.forget(1, 6)) == [DropMarks(1, 6)]
    assert done(records, ages.forget(1, 6)) == []
    assert ages.old(1, 10**9) == 0
    assert ages.old(2, 90) == 1


@pytest.mark.slow  # it works for a second
def test_twenty_years_of_marks_are_few_and_tell_every_age_well():
    records, kept, now, head = loaded(), Kept(), 1, 0
    born = {}
    while now < 20 * 365 * DAY:
        now += HALF_DAY
        head += 1
        born[head] = now
        kept.take(done(records, records.ages.mark(1, head, now, HALF_DAY)))
    assert len(kept.rows) == MOST
    assert loaded(*kept.rows.values()).ages.old(1, now - DAY) == records.ages.old(1, now - DAY)
    for days in (1, 3, 30, 365, 3650, 7000):
        late = born[head] - days * DAY - born[records.ages.old(1, now - days * DAY)]
        assert 0 <= late <= max(HALF_DAY, days * DAY / 10)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("grow"), st.integers(1, 5)),
        st.tuples(st.just("live"), st.integers(1, 500)),
        st.tuples(st.just("start again, minutes lost"), st.integers(0, 10)),
    ),
    max_size=120,
)


@given(steps, st.integers(1, 2000))
def test_what_is_taken_for_old_is_old_whatever_happens(moves, minutes):
    """An age is counted in minutes lived; a crash loses some of what was lived, and never adds any."""
    term = minutes * MINUTE
    pause = pause_between_marks(term)
    records, kept, now, head, cut, lived = loaded(), Kept(), 1, 0, 0, 0
    born = []

    def round_():
        nonlocal cut
        kept.take(done(records, records.ages.mark(1, head, now, pause)))
        old = records.ages.old(1, now - term)
        if old > cut:
            assert all(lived - at >= minutes for at in born[cut:old])
            cut = old
            kept.take(done(records, records.ages.forget(1, cut + 1)))

    for what, count in moves:
        if what == "grow":
            head += count
            born += [lived] * count
        elif what == "live":
            for _ in range(count):
                now += MINUTE
                lived += 1
                round_()
        else:
            now = max([now - count * MINUTE, 1, *(row.at for row in kept.rows.values())])
            records = loaded(*kept.rows.values())
            round_()
        assert len(kept.rows) <= PER_TERM + 3
    for _ in range(minutes + minutes // PER_TERM + 22):
        now += MINUTE
        lived += 1
        round_()
    assert cut == head
