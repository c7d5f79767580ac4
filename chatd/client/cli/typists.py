"""Typists: who types in which room, as far as that was told in the last seconds."""

from collections.abc import Callable
from typing import Final

from chatd.client.cli.console import Reactor
from chatd.client.cli.text import clean_line
from chatd.wire.names import fold

SHOWN: Final = 6.0
"""Seconds for which somebody counts as typing: twice as long as it takes to be told again."""

NAMED: Final = 2
"""Nicks that are named; more are counted."""


class Typists:
    """Knows who types, and calls ``changed`` when somebody no longer does."""

    def __init__(self, reactor: Reactor, changed: Callable[[], None]) -> None:
        self._reactor = reactor
        self._changed = changed
        self._until: dict[str, dict[str, tuple[str, float]]] = {}

    def type(self, room: str, nicks: tuple[str, ...]) -> None:
        """Note that ``nicks`` type in ``room`` now."""
        now = self._reactor.seconds()
        for nick in nicks:
            self._until.setdefault(room, {})[fold(nick)] = (nick, now + SHOWN)
        self._reactor.callLater(SHOWN, self._expire)

    def _expire(self) -> None:
        """Forget who has not typed for so long, in whichever room."""
        now = self._reactor.seconds()
        for room, typing in list(self._until.items()):
            left = {key: one for key, one in typing.items() if one[1] > now}
            if left:
                self._until[room] = left
            else:
                del self._until[room]
        self._changed()

    def said(self, room: str, nick: str) -> None:
        """Note that something of ``nick`` has come in ``room``: that is what was typed."""
        self._until.get(room, {}).pop(fold(nick), None)

    def forget(self) -> None:
        """Know of nobody any more: the link is gone."""
        self._until.clear()

    def rows(self, room: str) -> tuple[str, ...]:
        """Return the row that says who types in ``room``, if anybody does."""
        now = self._reactor.seconds()
        nicks = [clean_line(nick) for nick, until in self._until.get(room, {}).values() if until > now]
        if not nicks:
            return ()
        if len(nicks) == 1:
            return (f"{nicks[0]} is typing",)
        others = len(nicks) - NAMED
        if others <= 0:
            return (f"{nicks[0]} and {nicks[1]} are typing",)
        return (f"{nicks[0]}, {nicks[1]} and {others} more are typing",)
