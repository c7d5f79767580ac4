"""What the transfers of a client need of its machine: to be told of, and posts of what was sent."""

from collections.abc import Callable

from twisted.internet.defer import Deferred

from chatd.client.awaiting import Awaiting
from chatd.client.core.agreements import Moving
from chatd.client.core.notices import Notice, TransferSeen
from chatd.client.core.stages import Transfer
from chatd.client.core.steps import Step
from chatd.client.driver import Driver
from chatd.client.values import Sent
from chatd.wire.messages import File
from chatd.wire.names import fold


class Posting:
    """Tells the machine of transfers, and posts files; ``tell`` takes notices for the program."""

    def __init__(self, driver: Driver, awaiting: Awaiting, tell: Callable[[Notice], None]) -> None:
        self._driver = driver
        self._awaiting = awaiting
        self._tell = tell
        self._posted: set[int] = set()
        self._left: dict[tuple[str, str, File], Deferred[Sent]] = {
            (fold(entry.room), entry.text, entry.file): awaiting.wait_for(entry.key)
            for entry in driver.machine.outbox.entries
            if entry.file is not None and not entry.withdrawn
        }

    def transfer(self, step: Step) -> None:
        """Tell the machine of ``step``, and do what follows from that."""
        self._driver.feed(self._driver.machine.orders.transfer(step, self._driver.now()))

    def moving(self, key: int) -> Moving | None:
        """Return how far a transfer is on the wire."""
        return self._driver.machine.requests.transfers.all.get(key)

    def seen(self, transfer: Transfer) -> None:
        """Tell the program how far a transfer is."""
        self._tell(TransferSeen(transfer))

    def post(self, room: str, caption: str, file: File, kept: int | None) -> Deferred[Sent]:
        """Post a file whose bytes the server has, and forget that it was ``kept``.

        If an earlier run has left that very post, it is that one: what was interrupted is posted once.
        """
        left = self._left.pop((fold(room), caption, file), None)
        if left is not None:
            return left
        key, sent = self._awaiting.post(room, caption, file, kept)
        self._posted.add(key)
        return sent

    def posted(self, key: int) -> bool:
        """Return whether the send ``key`` is a post of ours."""
        return key in self._posted

    def left(self) -> list[Deferred[Sent]]:
        """Return the posts that an earlier run has left, which go out by themselves."""
        return list(self._left.values())

    def stop(self) -> None:
        """Note that nobody waits for the posts that are left any more."""
        for left in self._left.values():
            left.addErrback(lambda _: None)
