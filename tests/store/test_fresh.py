"""What was committed lately is indexed from memory, and never as it was before it was changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.search.said import said_in, said_in_all
from chatd.store.index import fresh
from chatd.store.index.fresh import Fresh
from chatd.wire.messages import Event
from chatd.wire.stored import pack, text_of


def stored(first, number):
    return [b"%d" % seq for seq in range(first, first + number)]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("come"), st.integers(1, 2), st.integers(1, 5)),
        st.tuples(st.just("hole"), st.integers(1, 2), st.integers(1, 5)),
        st.tuples(st.just("indexed"), st.integers(1, 2), st.integers(0, 40)),
        st.tuples(st.just("forget"), st.integers(1, 2), st.just(0)),
    ),
    max_size=40,
)


@given(steps)
def test_what_is_kept_is_what_came_and_has_no_hole(steps):
    kept, heads = Fresh(), {1: 0, 2: 0}
    for step, log, number in steps:
        if step in {"come", "hole"}:
            first = heads[log] + (1 if step == "come" else 3)
            kept.come(log, first, stored(first, number))
            heads[log] = first + number - 1
        elif step == "indexed":
            kept.indexed(log, number)
            assert kept.of(log, number, 1) == []
        else:
            kept.forget(log)
            assert kept.of(log, 1, 100) == []
        for one, head in heads.items():
            for first in range(1, head + 1):
                run = kept.of(one, first, 3)
                assert run == stored(first, len(run))


@pytest.mark.parametrize(("bound", "value"), [("MOST", 10), ("LARGEST", 20)])
def test_what_nobody_indexes_in_time_is_left_to_the_disk(monkeypatch, bound, value):
    monkeypatch.setattr(fresh, bound, value)
    kept = Fresh()
    for first in range(1, 1000, 4):
        kept.come(1, first, stored(first, 4))
        assert len(kept.of(1, first, 100)) <= value
    kept.come(2, 1, stored(1, 3))
    assert kept.of(2, 1, 100) == stored(1, 3)


def test_events_are_understood_together_as_singly():
    texts = ["one", "two\nlines", "\N{SNOWMAN}", ""]
    events = [
        Event(room="#a", seq=seq, ts=seq, kind="message", by="ann", text=text, session=1, n=seq)
        for seq, text in enumerate(texts, 1)
    ]
    views = [text_of(one) for one in pack(events)]
    assert said_in_all(views) == [said_in(view) for view in views]
    views.insert(1, memoryview(b"no event"))
    assert said_in_all(views) == [said_in(view) for view in views]
    assert said_in_all([]) == []
