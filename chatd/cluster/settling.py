"""Settling: an append whose answer was lost is tried again until it is certain what has become of it.

Each append says behind which message it is to stand, so the engine takes it once at the most, however often
it is sent. A refusal because something else stands there may mean the append itself, whose answer was lost,
or a rival's; what stands there tells.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from chatd.cluster.journal import LostError, ReplacedError

DOUBTS: Final = 40
"""Looks in a row, one after each pause, at an engine that has fewer messages than it has acknowledged, until
that counts: servers that have just begun to lead a stream may not know all of it yet."""


class UnansweredError(Exception):
    """No answer came, or one that says nothing of the outcome."""


class TakenError(Exception):
    """The engine has refused it: the last message is not the expected one."""


class Engine(Protocol):
    """A stream of an engine, over a network that loses what it likes."""

    async def publish(self, parts: Sequence[bytes], expected: int) -> int:
        """Add ``parts`` behind position ``expected``, all or none; return the position of the last.

        Raises `TakenError`, or `UnansweredError`, after which they may still come in.
        """

    async def message_at(self, position: int) -> bytes | None:
        """Return the message at ``position``, None if there is none. Raises `UnansweredError`."""

    async def pause(self) -> None:
        """Wait a moment before the next attempt."""


async def append(engine: Engine, parts: Sequence[bytes], expected: int) -> int:
    """Add ``parts`` right behind ``expected``; return the position of the last of them.

    Raises `ReplacedError` if another's record stands there, and `LostError` if the engine has lost what it
    had acknowledged. It goes on without end while neither can be known.
    """
    doubts = 0
    while doubts < DOUBTS:
        try:
            return await engine.publish(parts, expected)
        except UnansweredError:
            doubts = 0
        except TakenError:
            try:
                if await _stands(engine, parts, expected):
                    return expected + len(parts)
                doubts += 1
            except UnansweredError:
                doubts = 0
        await engine.pause()
    raise LostError(
        f"The stream has nothing behind message {expected} and takes nothing there: its servers have lost"
        " records that they had acknowledged. Stop all nodes, and make the stream anew from the node that has"
        " most."
    )


async def _stands(engine: Engine, parts: Sequence[bytes], expected: int) -> bool:
    """Return whether ``parts`` stand behind ``expected``; False if it is not known yet what does.

    Raises `ReplacedError` if anything else does.
    """
    for position, part in enumerate(parts, expected + 1):
        there = await engine.message_at(position)
        if there is None:
            return False
        if there != part:
            raise ReplacedError("Another node has taken over; this one decides no more.")
    return True
