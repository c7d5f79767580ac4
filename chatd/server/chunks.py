"""The chunks of files that come in by a connection, of whatever kind."""

from typing import TYPE_CHECKING, Final

from chatd.wire.errors import Code, ProtocolError
from chatd.wire.frames import split_chunk

if TYPE_CHECKING:
    from chatd.server.connection import ChatConnection

SMALL: Final = 1_024
"""A chunk with fewer bytes counts against the session's rate: no honest sender makes many such."""

SMALL_COST: Final = 0.1


def take(connection: "ChatConnection", payload: bytes) -> None:
    """Take in the chunk that ``payload`` is. Raises `ProtocolError` ``bad-chunk``."""
    if connection.transfers is None:
        number = split_chunk(payload)[0]
        raise ProtocolError(Code.BAD_CHUNK, f"No chunk of transfer {number} is expected.")
    connection.transfers.chunk(payload)
    gate = connection.input.gate
    gate.bring()
    if len(payload) < SMALL:
        gate.charge(SMALL_COST)
