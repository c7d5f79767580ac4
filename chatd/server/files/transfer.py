"""Transfers: what an upload and a download have in common, and what they ask of their connection."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol, TypedDict, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chatd.chat.state import Peer, Session
from chatd.files.blobs import Key
from chatd.ops.log import Log
from chatd.server.files.library import Library
from chatd.server.files.threads import DiskError
from chatd.wire.errors import Code, RequestError
from chatd.wire.messages import Cancel, Message, Ok

log = Log(__name__)

T = TypeVar("T")

DIGITS: Final = 12
"""Digits of a SHA-256 that the log shows."""

DONE: Final = "done"
"""The reason of a transfer that ended well. All others are codes, or why the connection ended."""

BROKEN: Final = "The server cannot use its disk now; what came before is kept. Try again later."

NOT_BEGUN: Final = "It was ended before it had begun."


class Owner(Protocol):
    """The transfers of one connection, as each single transfer sees them."""

    def answer(self, ok: Ok) -> None:
        """Answer the request that asked for it."""

    def refuse(self, request: int, error: RequestError) -> None:
        """Refuse the request that asked for it."""

    def say(self, message: Message) -> None:
        """Tell the client something."""

    def fault(self) -> None:
        """End the connection because of the current exception."""

    def forget(self, transfer: "Transfer") -> None:
        """Count ``transfer`` as ended."""

    def pump(self) -> None:
        """Send chunks as far as they may be sent."""


class Facts(TypedDict):
    """The fields that every log line about a transfer has."""

    transfer: int
    session: int
    nick: str
    sha256: str
    size: int


class Transfer(ABC):
    """One file on its way over one connection.

    ``moved`` is the second at which its last byte moved; ``cut`` is whether a cancel has ended it.
    """

    def __init__(
        self,
        owner: Owner,
        library: Library,
        session: Session,
        request: int,
        number: int,
        sha256: str,
        size: int,
    ) -> None:
        self.owner = owner
        self.library = library
        self.request = request
        self.number = number
        self.key = Key(session.user.id, sha256)
        self.size = size
        self.offset = 0
        self.cut = False
        self.began = self.moved = library.clock.seconds()
        self._session = session

    @property
    def peer(self) -> Peer | None:
        """Return the connection of its session, None if there is none any more."""
        return self._session.peer

    @property
    def session(self) -> int:
        """Return the number of the session that asked for it."""
        return self._session.id

    @property
    def facts(self) -> Facts:
        """Return the fields that every log line about it has."""
        return {
            "transfer": self.number,
            "session": self.session,
            "nick": self._session.user.nick,
            "sha256": self.key.sha256[:DIGITS],
            "size": self.size,
        }

    def rate(self, offset: int) -> int:
        """Return how many bytes per second it moved until it came to ``offset``."""
        return round((offset - self.offset) / max(self.library.clock.seconds() - self.began, 0.001))

    def run(self, course: Coroutine[Deferred[Any], Any, None]) -> None:
        """Run ``course``. An exception in it ends the connection of this transfer, and nothing else (P8)."""
        Deferred.fromCoroutine(self._guard(course))

    async def _guard(self, course: Coroutine[Deferred[Any], Any, None]) -> None:
        try:
            await course
        except Exception:  # noqa: BLE001 - whatever it is, it concerns one connection
            self.owner.fault()

    def submit(
        self, job: Callable[[], T], done: Callable[[T], None], failed: Callable[[DiskError], None]
    ) -> None:
        """Run ``job`` in a thread, then ``done`` or ``failed``; what these raise ends the connection (P8).

        For what is done with every block of a file: a coroutine would cost as much as the rest of it.
        """

        def heard(result: Any) -> None:
            try:
                if isinstance(result, Failure):
                    failed(DiskError.because_of(result.value))
                else:
                    done(result)
            except Exception:  # noqa: BLE001 - as above
                self.owner.fault()

        self.library.workers.submit(job, heard)

    @abstractmethod
    def begin(self) -> None:
        """Open the content. Raises `RequestError` if the transfer is not allowed."""

    @abstractmethod
    def cancel(self, code: Code, text: str) -> None:
        """End it, and tell the client why."""

    def say_cancelled(self, code: Code, text: str) -> None:
        """Tell the client that it has ended, and why."""
        self.owner.say(Cancel(transfer=self.number, code=code, text=text))
        self.cut = True

    def give_way(self) -> None:
        """End, because others wait and this transfer does not move."""
        self.cancel(Code.TOO_MANY_TRANSFERS, "It did not move for long, and others wait; go on later.")

    def let_go(self) -> None:  # noqa: B027 - most hold nothing
        """Hold nothing in a circle: it has ended, and nobody asks about it any more."""

    @abstractmethod
    def close(self, reason: str) -> None:
        """End it without a word, because of ``reason``."""

    def note(self, error: DiskError) -> None:
        """Log the cause of ``error``, with its traceback unless a disk was the cause."""
        cause = error.__cause__
        if cause is not None and not isinstance(cause, OSError):
            log.failure("transfer-fault", Failure(cause), transfer=self.number, session=self.session)
