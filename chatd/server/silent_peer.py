"""A silent peer: one that asks without a connection, and is told nothing but the answers."""

from collections.abc import Callable, Sequence
from typing import Final

from chatd.chat.log import Log
from chatd.chat.queries import HistoryQuery, Look, Search
from chatd.chat.reader import Reader
from chatd.chat.state import Session
from chatd.wire import lines
from chatd.wire.errors import CloseReason, Code, ProtocolError
from chatd.wire.messages import Download, File, Message, Ok, Request, Upload


def _nothing(*_: object) -> None:
    """Do nothing: it follows no rooms."""


class SilentPeer:
    """A `chatd.chat.state.Peer` at ``host`` that follows no rooms and moves no files.

    A subclass takes what answers it (`reply`).
    """

    certificate: Final = ""
    reads_only: Final = False
    takes_files: Final = False

    def __init__(self, host: str) -> None:
        self.reader = Reader(lines, _nothing, _nothing, _nothing)
        self.session: Session | None = None
        self.peer_host = host

    def reply(self, messages: Sequence[Message], answered: int) -> None:
        """Take the answers."""
        raise NotImplementedError

    def fault(self) -> None:
        """Learn that it could not be answered; the traceback is in the log."""
        raise NotImplementedError

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

    def find(self, request: Request, log: Log, seq: int) -> None:
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
