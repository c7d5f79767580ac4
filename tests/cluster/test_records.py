"""Records: the same bytes for the same batch, the same batch out of them, and nothing else passes for one."""

from hashlib import sha256
from typing import get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd.chat.changes.rows import Change, PutUser
from chatd.chat.storage import Changes
from chatd.chat.told import Told
from chatd.cluster import records
from chatd.cluster.kinds import KINDS, NUMBERS
from chatd.cluster.records import (
    FORMAT,
    Parts,
    Place,
    Record,
    RecordError,
    cut,
    decoded,
    digest_of,
    encoded,
)
from tests.cluster import batches
from tests.examples import examples


def types_in(record):
    changes = record.changes
    return [type(change) for change in changes.others], [type(run) for run in changes.events]


@given(batches.records)
def test_what_comes_out_of_the_bytes_is_what_went_in(record):
    data = encoded(record)
    assert decoded(data) == record
    assert types_in(decoded(data)) == types_in(record)
    assert encoded(decoded(data)) == data


@pytest.mark.parametrize("kind", batches.ALL, ids=lambda kind: kind.__name__)
def test_every_kind_of_change_comes_through(kind):
    @settings(max_examples=examples(10))
    @given(batches.of_kind(kind))
    def comes_through(change):
        (got,) = decoded(encoded(Record(1, 1, b"", 0, Changes(others=[change])))).changes.others
        assert (type(got), got) == (kind, change)
        assert [type(field) for field in got] == [type(field) for field in change]

    comes_through()


def test_every_kind_has_a_number_of_its_own():
    lacking = set(get_args(Change)) - set(NUMBERS)
    assert not lacking, "give each the next number in chatd/cluster/kinds.py"
    assert set(NUMBERS) <= set(get_args(Change))
    assert len(NUMBERS) == len(KINDS)


SAMPLES = {int: 7, str: "é", bytes: b"\xff", bool: True, str | None: None}


KNOWN = 76
"""The kinds whose form is held fast here."""


def test_the_form_changes_with_its_number_alone():
    """If this fails the form is another one: nodes that know the old one could not read it."""
    others = [
        kind(*(SAMPLES[get_type_hints(kind)[field]] for field in kind._fields))
        for kind in (KINDS[number] for number in range(1, KNOWN + 1))
    ]
    changes = Changes([(3, 8, [b"one", b"two"])], [(5, 6)], others)
    told = Told(((1, 2, 3, 4),), ((5, 6, 7),), (8,), (9,), ((1, 2, 3),), ((4, 5),), ((6, 7),))
    data = encoded(Record(1, 2, bytes(16), 4, changes, told))
    assert (FORMAT, sha256(data).hexdigest()[:16]) == (1, "ac015bb749b4e0d4")


def test_a_field_that_was_added_since_has_its_default():
    body = records._Body(
        1, 1, b"", 0, [], [], [[NUMBERS[PutUser], 1, "a", "a"], [15, 2, "#a", "", 1]], Told()
    )
    data = bytes([FORMAT]) + msgspec.msgpack.encode(body)
    user, room = decoded(data).changes.others
    assert user == PutUser(1, "a", "a")
    assert (room.name, room.kind, room.calling) == ("#a", "public", 4)


@given(batches.records, st.data())
def test_what_was_cut_anywhere_is_put_together_again(record, data):
    whole = encoded(record)
    limit = data.draw(st.integers(2, len(whole) + 9))
    parts = cut(whole, limit)
    assert max(map(len, parts)) <= limit
    gathered = Parts()
    got = [gathered.take(part) for part in parts]
    assert got == [None] * (len(parts) - 1) + [whole]
    assert gathered.let_go() == []


@given(batches.records, st.data())
def test_no_other_bytes_pass_for_a_record_that_follows(record, data):
    """One byte that is another one: it cannot be read, or the digest is another one."""
    whole = encoded(record)
    at = data.draw(st.integers(0, len(whole) - 1))
    other = bytearray(whole)
    other[at] ^= data.draw(st.integers(1, 255))
    assert digest_of(bytes(other)) != digest_of(whole)
    try:
        decoded(bytes(other))
    except RecordError as error:
        assert str(error).endswith(".")


@given(st.binary(max_size=200))
def test_whatever_the_bytes_are_they_are_a_record_or_an_error(data):
    for one in (data, bytes([FORMAT]) + data, bytes([FORMAT - 1]) + data):
        try:
            assert isinstance(decoded(one), Record)
        except RecordError as error:
            assert str(error).endswith(".")


def test_a_record_of_a_newer_version_says_what_to_do():
    with pytest.raises(RecordError, match="install that version on this node"):
        decoded(bytes([FORMAT + 1]) + b"anything")


def test_a_message_that_is_no_part_is_refused():
    with pytest.raises(RecordError):
        Parts().take(b"\7nothing")
    with pytest.raises(RecordError):
        Parts().take(b"")


HERE = Place(7, 9, 3, b"d" * 16)
NEXT = Record(8, 3, HERE.digest, 5, Changes())


def test_the_next_record_follows():
    NEXT.check_behind(HERE, 5)
    NEXT._replace(epoch=4).check_behind(HERE, 5)
    Record(1, 1, b"", 0, Changes()).check_behind(Place(), 0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"number": 7}, "record 8 comes next"),
        ({"number": 9}, "record 8 comes next"),
        ({"before": b"e" * 16}, "another history"),
        ({"epoch": 2}, "was replaced"),
        ({"effect": 6}, "changed 5 rows here, and 6"),
    ],
)
def test_whatever_does_not_follow_is_refused(wrong, says):
    with pytest.raises(RecordError, match=says):
        NEXT._replace(**wrong).check_behind(HERE, 5)


@given(st.builds(Place, batches.numbers, batches.numbers, batches.numbers, batches.digests))
def test_a_place_is_kept_as_text(place):
    assert Place.of(place.text()) == place


def test_nothing_kept_is_the_place_before_the_first_record():
    assert Place.of("") == Place() == Place.of(Place().text())
