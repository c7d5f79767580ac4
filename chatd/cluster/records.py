"""Records: a batch of changes as bytes, the same bytes on every machine, each chained to the one before.

A record is one byte with the `FORMAT`, and an array of msgpack: its number, the epoch of the leader that has
decided it, the digest of the record before it, the effect of that one, the changes, and what is told besides
them. It holds what is decided, with all numbers and times; so taking it in needs no clock and no
configuration. Nodes that stand at the same number with the same digest have taken in the same bytes since
the beginning. The effect tells more: how many rows the record before has changed in the leader's store; where
another store has changed others, it does not hold the same.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from chatd.chat.storage import Changes
from chatd.chat.told import NOTHING_TOLD, Told
from chatd.cluster.kinds import KINDS, NUMBERS

FORMAT: Final = 1
"""The form of the records that are written. Another form, kind or field needs another number."""

DIGEST_BYTES: Final = 16
"""Bytes of a digest. Nobody can choose what is in a record well enough to have two of them alike."""


class RecordError(Exception):
    """A record that this node cannot take in. One sentence says what is wrong and what to do."""


class Place(NamedTuple):
    """Where a node stands in the one order: the number of the last record that it has taken in.

    ``position`` is the sequence number that its last part has in the stream, ``epoch`` that of its leader,
    ``digest`` the digest of its bytes. Before the first record all of them are empty.
    """

    number: int = 0
    position: int = 0
    epoch: int = 0
    digest: bytes = b""

    def text(self) -> str:
        """Return the form that a store keeps."""
        return f"{self.number} {self.position} {self.epoch} {self.digest.hex()}"

    @classmethod
    def of(cls, text: str) -> "Place":
        """Return the place whose `text` this is; nothing is the one before the first record."""
        if not text:
            return cls()
        number, position, epoch, *digest = text.split()
        return cls(int(number), int(position), int(epoch), bytes.fromhex("".join(digest)))


class Record(NamedTuple):
    """The ``changes`` of one batch, and what is told of it, as record ``number``: see above."""

    number: int
    epoch: int
    before: bytes
    effect: int
    changes: Changes
    told: Told = NOTHING_TOLD

    def check_behind(self, place: Place, effect: int) -> None:
        """Raise `RecordError` if it does not come next for a node at ``place``.

        The last record there has had that ``effect``.
        """
        if self.number != place.number + 1:
            raise RecordError(
                f"Record {self.number} came where record {place.number + 1} comes next; the stream lacks"
                " records. Stop all nodes, and restore a snapshot."
            )
        if self.before != place.digest:
            raise RecordError(
                f"Record {self.number} does not go on from record {place.number} as this node has it; this"
                " node or the stream has another history. Remove this node's data folder if all other nodes"
                " go on."
            )
        if self.epoch < place.epoch:
            raise RecordError(
                f"Record {self.number} is of epoch {self.epoch}, but epoch {place.epoch} has begun; a leader"
                " that was replaced has sent it, and the stream should have refused it."
            )
        if self.effect != effect:
            raise RecordError(
                f"Record {place.number} has changed {effect} rows here, and {self.effect} at the leader; this"
                " node's data are not what they should be. Remove its data folder; it is then made anew."
            )


class _Body(msgspec.Struct, array_like=True):
    number: int
    epoch: int
    before: bytes
    effect: int
    events: list[tuple[int, int, list[bytes]]]
    sends: list[tuple[int, int]]
    others: list[list[Any]]
    told: Told


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Body)
_HEAD: Final = bytes([FORMAT])


def encoded(record: Record) -> bytes:
    """Return the bytes of ``record``. Raises UnicodeEncodeError or OverflowError for what no store takes."""
    number, epoch, before, effect, changes, told = record
    others = [[NUMBERS[type(change)], *change] for change in changes.others]
    body = _Body(number, epoch, before, effect, changes.events, changes.sends, others, told)
    return _HEAD + _encoder.encode(body)


def decoded(data: bytes) -> Record:
    """Return the record whose bytes these are. Raises `RecordError`."""
    if data[:1] > _HEAD:
        raise RecordError(
            f"A record of the stream is from a newer version of chatd (format {data[0]}, this one knows"
            f" {FORMAT}); install that version on this node."
        )
    if data[:1] != _HEAD:
        raise RecordError("A record of the stream is damaged: it has no format.")
    try:
        body = _decoder.decode(memoryview(data)[1:])
        others = [KINDS[number](*fields) for number, *fields in body.others]
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise RecordError(f"A record of the stream is damaged: {error}.") from None
    changes = Changes(body.events, body.sends, others)
    return Record(body.number, body.epoch, body.before, body.effect, changes, body.told)


def digest_of(data: bytes) -> bytes:
    """Return the digest of a record's bytes, which the next record names."""
    return blake2b(data, digest_size=DIGEST_BYTES).digest()


# ---- parts ------------------------------------------------------------------------------------------------

_LAST: Final = b"\0"
_MORE: Final = b"\1"


def cut(data: bytes, limit: int) -> list[bytes]:
    """Return the parts, of at most ``limit`` bytes each, as which the bytes of a record are sent.

    Most records are one part. The first byte of each says whether more follow.
    """
    size = limit - 1
    pieces = [data[begin : begin + size] for begin in range(0, len(data), size)]
    return [*[_MORE + piece for piece in pieces[:-1]], _LAST + pieces[-1]]


class Parts:
    """Puts the parts of records together again, which come in order."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def take(self, part: bytes) -> bytes | None:
        """Take the next part; return the record's bytes if it was the last one. Raises `RecordError`."""
        self._parts.append(part[1:])
        if part[:1] == _MORE:
            return None
        if part[:1] != _LAST:
            raise RecordError("A message of the stream is no part of a record.")
        return b"".join(self.let_go())

    def let_go(self) -> Sequence[bytes]:
        """Return the parts of a record that is not complete, and forget them."""
        parts, self._parts = self._parts, []
        return parts
