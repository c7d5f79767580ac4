"""Watching: what becomes of the transfers is shown, a few times a second."""

from typing import Any, Final, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall

from chatd.client.api import Client
from chatd.client.cli.displays import Display, choose
from chatd.client.cli.rows import Rows
from chatd.client.cli.running import complain, watch_link
from chatd.client.cli.stdout import Stdout
from chatd.client.core.notices import JoinRefused, Notice, TransferSeen
from chatd.client.core.problems import ClientError
from chatd.client.core.stages import OVER

T = TypeVar("T")

PAUSE: Final = 0.25
"""Seconds between two looks: more often nobody reads."""


class Watch:
    """Shows the transfers of ``client`` on ``display`` until it is closed."""

    def __init__(self, reactor: Any, client: Client, display: Display) -> None:
        self._reactor = reactor
        self._client = client
        self._display = display
        self._rows = Rows()
        self._unsubscribe = client.subscribe(self._heard)
        self._call: IDelayedCall | None = None

    def close(self) -> None:
        """Look no more."""
        self._unsubscribe()
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self._display.close()

    def _heard(self, notice: Notice) -> None:
        if not isinstance(notice, TransferSeen):
            return
        if notice.transfer.stage in OVER:
            self._display.show(self._rows.of([notice.transfer], self._reactor.seconds()))
        elif self._call is None:
            self._look()

    def _look(self) -> None:
        transfers = self._client.files.transfers()
        self._call = self._reactor.callLater(PAUSE, self._look) if transfers else None
        self._display.show(self._rows.of(transfers, self._reactor.seconds()))


class Watched:
    """The display of a command's transfers, and its end where the room cannot be entered."""

    def __init__(self, reactor: Any, client: Client, *, as_json: bool) -> None:
        self._output = Stdout(reactor, lambda _: None) if as_json else None
        self._display = choose(reactor, self._output)
        self._watch = Watch(reactor, client, self._display)
        self._under_way: Deferred[Any] | None = None
        self._problem: ClientError | None = None
        self.say = self._display.note
        watch_link(client, verbose=False, say=self.say)
        client.subscribe(self._heard)

    async def wait(self, transfer: Deferred[T]) -> T:
        """Return what becomes of ``transfer``; raises what went wrong, with it or with the room."""
        self._under_way = transfer
        try:
            return await transfer
        except CancelledError:
            if self._problem is not None:
                raise self._problem from None
            raise

    def _heard(self, notice: Notice) -> None:
        if isinstance(notice, JoinRefused):
            self._problem = ClientError(notice.code, notice.text)
            if self._under_way is not None:
                self._under_way.cancel()

    def close(self) -> None:
        """Show no more."""
        self._watch.close()
        self.say = complain

    async def drained(self) -> None:
        """Wait until everything is printed."""
        if self._output is not None:
            await self._output.drained()
