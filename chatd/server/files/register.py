"""The register: counts the transfers of the whole daemon, and chooses one to make room for another."""

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from chatd.chat.state import Peer
from chatd.clock import Clock
from chatd.files.blobs import Key
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_TRANSFERS

IDLE: Final = 30.0
"""Seconds without a byte after which a transfer may have to make room for another."""


class Moving(Protocol):
    """A transfer, as the `Register` sees it; ``moved`` is the second at which its last byte moved."""

    key: Key
    moved: float

    @property
    def peer(self) -> Peer | None:
        """Return the connection of its session, None if there is none any more."""

    def give_way(self) -> None:
        """End, because others wait and this transfer does not move."""


class Register:
    """The transfers of one direction in the whole daemon: ``most()`` at once, a quarter for one user."""

    def __init__(self, most: Callable[[], int], clock: Clock) -> None:
        self._most = most
        self._clock = clock
        self._moving: set[Moving] = set()

    def __len__(self) -> int:
        return len(self._moving)

    def __iter__(self) -> Iterator[Moving]:
        """Return those that are under way now."""
        return iter(list(self._moving))

    def add(self, transfer: Moving) -> None:
        """Count ``transfer``. If there are too many, the one that has not moved for longest gives way.

        Raises `RequestError` ``too-many-transfers`` if all of them move.
        """
        most = self._most()
        own = sum(each.key.user == transfer.key.user for each in self._moving)
        if own >= max(most // 4, MAX_TRANSFERS):
            raise RequestError(Code.TOO_MANY_TRANSFERS, f"You have {own} transfers under way; wait for one.")
        if len(self._moving) >= most:
            stillest = min(self._moving, key=lambda each: each.moved)
            if self._clock.seconds() - stillest.moved < IDLE:
                raise RequestError(
                    Code.TOO_MANY_TRANSFERS, "The server has as many transfers under way as it may; wait."
                )
            stillest.give_way()
        self._moving.add(transfer)

    def remove(self, transfer: Moving) -> None:
        """Count ``transfer`` no longer."""
        self._moving.discard(transfer)
