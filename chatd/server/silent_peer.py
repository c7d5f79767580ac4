"""A silent peer: one that asks without a connection, and is told nothing but the answers."""

from collections.abc import Callable, Sequence
from typing import Final

from chatd.chat.log import Log as ChatLog
from chatd.chat.queries import HistoryQuery, Look, Search
from chatd.chat.reader import NOBODY, Reader
from chatd.chat.state import Session
from chatd.ops.log import Log
from chatd.wire import lines
from chatd.wire.errors import CloseReason, Code, ProtocolError
from chatd.wire.messages import Download, File, Message, Ok, Request, Upload

log = Log(__name__)


def _nothing(*_: object) -> None:
    """Do nothing: it follows no rooms, or was answered."""


class SilentPeer:
    """A `chatd.chat.state.Peer` at ``host`` that follows no rooms and moves no files.

    It asks one thing; ``answered`` takes the answer, or None if by a fault of the daemon there is none.
    """

    certificate: Final = ""
    reads_only: Final = False
    takes_files: Final = False

    def __init__(self, host: str, answered: Callable[[Message | None], None]) -> None:
        self.reader = Reader(lines, NOBODY)
        self.session: Session | None = None
        self.peer_host = host
        self._answered = answered

    def reply(self, messages: Sequence[Message], answered: int) -> None:
        """Hand the answer on."""
        del answered
        if messages:
            self._answered(messages[0])
            self._answered = _nothing

    def fault(self) -> None:
        """Log the current exception, and say that there is no answer."""
        log.failure("connection-fault", None, peer=self.peer_host)
        self._answered(None)
        self._answered = _nothing

    def note_refusal(self, code: Code) -> None:
        """Do nothing: it is answered."""

    def close(self, reason: CloseReason, text: str = "", retry_after: float | None = None) -> None:
        """Do nothing: nobody takes its session over."""

    def fail(self, error: ProtocolError, reason: CloseReason | None = None) -> None:
        """Do nothing: it breaks no protocol of the chat."""

    def catch_up(self) -> None:
        """Do nothing: it follows no rooms."""

    def wait(self) -> None:
        """Do nothing: it asks one thing at a time."""

    def go_on(self) -> None:
        """Do nothing, as above."""

    def read(self, query: HistoryQuery) -> None:
        """Do nothing: no request of its reads history."""

    def look(self, query: Look) -> None:
        """Do nothing, as above."""

    def search(self, search: Search) -> None:
        """Do nothing, as above."""

    def find(self, request: Request, chat_log: ChatLog, seq: int) -> None:
        """Do nothing, as above."""

    def upload(self, request: Upload, held: bool) -> Ok | None:
        """Do nothing: it moves no files."""
        del request, held
        return None

    def download(self, request: Download, room: str, seq: int, file: File) -> None:
        """Do nothing, as above."""

    def end_downloads(self, room: str, first: Callable[[], int]) -> None:
        """Do nothing, as above."""

    def end_removed(self, room: str, seq: int) -> None:
        """Do nothing, as above."""
