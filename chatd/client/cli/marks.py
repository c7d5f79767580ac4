"""Read marks: what was displayed is marked as read on the server, a few seconds at a time."""

from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall

from chatd.client.api import Client
from chatd.client.cli.console import Reactor
from chatd.client.core.notices import LinkState

PAUSE: Final = 3.0
"""Seconds between one round of read marks and the next."""


class ReadMarks:
    """Collects the last event displayed of each room."""

    def __init__(self, reactor: Reactor, client: Client) -> None:
        self._reactor = reactor
        self._client = client
        self._displayed: dict[str, int] = {}
        self._call: IDelayedCall | None = None

    def displayed(self, room: str, seq: int) -> None:
        """Note that event ``seq`` of ``room`` was displayed."""
        self._displayed[room] = seq
        if self._call is None:
            self._call = self._reactor.callLater(PAUSE, self._tell)

    def restored(self, room: str, seq: int) -> None:
        """Note that the log of ``room`` has other events beyond ``seq`` than those that were displayed."""
        if self._displayed.get(room, 0) > seq:
            del self._displayed[room]

    def flush(self) -> None:
        """Tell the server now, if it can hear."""
        if self._call is not None:
            self._call.cancel()
            self._tell()

    def _tell(self) -> None:
        self._call = None
        if self._client.status().state is not LinkState.CONNECTED:
            if self._displayed:
                self._call = self._reactor.callLater(PAUSE, self._tell)
            return
        displayed, self._displayed = self._displayed, {}
        for room, seq in displayed.items():
            self._client.read(room, seq).addErrback(_ignore)


def _ignore(_: Any) -> None:
    """Do without: the next mark in this room covers this one."""
