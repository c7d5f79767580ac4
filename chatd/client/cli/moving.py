"""The rows of files that are on their way, painted anew while there are some."""

from typing import Final

from twisted.internet.interfaces import IDelayedCall

from chatd.client.api import Client
from chatd.client.cli import showing
from chatd.client.cli.console import Reactor
from chatd.client.cli.rows import Rows
from chatd.client.cli.voice import Voice
from chatd.client.core.stages import Stage

LOOK: Final = 0.25
"""Seconds between two looks at how far files are."""


class MovingFiles:
    """Looks how far the files of ``client`` are, and has the console of ``voice`` painted."""

    def __init__(self, reactor: Reactor, client: Client, voice: Voice) -> None:
        self._reactor = reactor
        self._client = client
        self._voice = voice
        self._rows = Rows()
        self._look: IDelayedCall | None = None

    def rows(self) -> tuple[str, ...]:
        """Return a row for each file."""
        moving = [file for file in self._client.files.transfers() if file.stage is not Stage.POSTING]
        return showing.file_rows(self._rows.of(moving, self._reactor.seconds()))

    def moved(self) -> None:
        """Begin to show how far files are."""
        if self._look is None:
            self._paint()

    def _paint(self) -> None:
        self._look = None
        if self._client.files.transfers() and self._voice.console.interactive:
            self._look = self._reactor.callLater(LOOK, self._paint)
            self._voice.console.refresh()

    def finish(self) -> None:
        """Show them no more, and say how many stay unsent."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        transfers = self._client.files.transfers()
        files = sum(file.sending and file.stage is not Stage.POSTING for file in transfers)
        if files:
            self._voice.say(showing.stay_unsent(files))
