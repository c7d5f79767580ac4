"""Watchers: which clients watch which nicks (ircv3.net, "Monitor"), and what they know of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from chatd.chat.state import User
from chatd.server.irc.names import fold

if TYPE_CHECKING:
    from chatd.server.irc.client import Client


class Watchers:
    """The clients by the nicks that they watch, folded; ``is_here`` says whether somebody is connected."""

    def __init__(self, is_here: Callable[[str], bool]) -> None:
        self._is_here = is_here
        self._watchers: dict[str, dict[Client, None]] = {}
        self._here: set[str] = set()

    def __len__(self) -> int:
        """Return how many nicks are watched."""
        return len(self._watchers)

    def __contains__(self, nick: str) -> bool:
        """Return whether somebody watches ``nick``."""
        return bool(self._watchers) and fold(nick) in self._watchers

    def add(self, client: "Client", nick: str) -> bool:
        """Have ``client`` told of ``nick``; return whether they are here, as all who watch then know."""
        key, here = fold(nick), self._is_here(nick)
        self._tell(nick, here=here)
        self._watchers.setdefault(key, {})[client] = None
        (self._here.add if here else self._here.discard)(key)
        return here

    def drop(self, client: "Client", key: str) -> None:
        """Tell ``client`` no more of the nick with that folded form."""
        watchers = self._watchers.get(key, {})
        watchers.pop(client, None)
        if not watchers:
            self._watchers.pop(key, None)
            self._here.discard(key)

    def of(self, user: User) -> "list[Client]":
        """Return the clients that watch ``user``."""
        return list(self._watchers.get(fold(user.nick), ()))

    def tell(self, user: User, capability: str, line: bytes) -> None:
        """Say ``line`` to those who watch ``user``, want to hear of it, and share no room with them."""
        for client in self.of(user):
            wants = client.has("extended-monitor") and client.has(capability)
            shares = client.user is not None and not client.user.rooms.keys().isdisjoint(user.rooms)
            if wants and not shares:
                client.write(line)

    def look(self, nick: str) -> None:
        """Tell who watches ``nick`` whether they are here, if that is another answer than before."""
        self._tell(nick, here=self._is_here(nick))

    def _tell(self, nick: str, *, here: bool) -> None:
        key = fold(nick)
        watchers = self._watchers.get(key)
        if not watchers or here == (key in self._here):
            return
        (self._here.add if here else self._here.discard)(key)
        for client in list(watchers):
            client.seen(nick, here=here)
