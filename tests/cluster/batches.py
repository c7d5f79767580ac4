"""Batches of changes for hypothesis: every kind of change, with fields of every kind."""

from typing import Any, get_type_hints

from hypothesis import strategies as st

from chatd.chat.storage import Changes
from chatd.chat.told import Told
from chatd.cluster.kinds import KINDS
from chatd.cluster.records import DIGEST_BYTES, Record

ALL = tuple(KINDS.values())

numbers = st.integers(0, 2**53)
FIELDS: dict[Any, st.SearchStrategy[Any]] = {
    int: numbers | st.integers(-(2**53), -1),
    str: st.text(),
    bytes: st.binary(),
    bool: st.booleans(),
    str | None: st.none() | st.text(),
}


def of_kind(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Return changes of that kind."""
    hints = get_type_hints(kind)
    return st.builds(kind, *(FIELDS[hints[field]] for field in kind._fields))


changes = st.one_of([of_kind(kind) for kind in ALL])

batches = st.builds(
    Changes,
    st.lists(
        st.tuples(numbers, numbers, st.lists(st.binary(max_size=300), min_size=1, max_size=4)), max_size=3
    ),
    st.lists(st.tuples(numbers, numbers), max_size=3),
    st.lists(changes, max_size=8),
)

digests = st.binary(min_size=DIGEST_BYTES, max_size=DIGEST_BYTES)
pairs, triples = (st.lists(st.tuples(*[numbers] * size), max_size=2).map(tuple) for size in (2, 3))
ids = st.lists(numbers, max_size=2).map(tuple)
ends = st.lists(st.tuples(numbers, numbers, numbers, numbers), max_size=2).map(tuple)
tolds = st.just(Told()) | st.builds(Told, ends, triples, ids, ids, triples, pairs, pairs)
records = st.builds(Record, numbers, numbers, digests, numbers, batches, tolds)
