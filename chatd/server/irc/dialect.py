"""The dialect: the codec of one client, which says in its words what the server tells it alone."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from chatd.chat.arrival import CONFIRMATION
from chatd.server.irc.channels import enter, entered, parted
from chatd.server.irc.client import Client
from chatd.server.irc.personal import Personal
from chatd.server.irc.rendering import time_of
from chatd.server.irc.welcoming import welcome
from chatd.wire import messages as m
from chatd.wire.irc import MAX_BODY, encode, pieces


class Dialect:
    """Says what ``client`` is told (`chatd.chat.codec.Codec`). It writes by itself, and returns nothing."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._personal = Personal(client, self._tell)

    def connect(self, outlet: Callable[[bytes], int] | None) -> None:
        """Hand out what logs say from now on, by ``outlet`` where there is one."""
        self.change()
        self._personal.connect(outlet)

    def change(self) -> None:
        """Render what logs say for the capabilities that the client has now."""
        reader = self._client.connection.reader
        reader.hears_typing = self._client.has("message-tags")
        renderer = self._client.network.renderer(self._client.capabilities)
        if reader.codec is renderer:
            return
        paused = reader.paused
        reader.pause()  # nobody follows by one codec and reads by another
        reader.codec = renderer
        if not paused:
            reader.resume()

    def encode(self, message: m.Message) -> bytes:
        """Say ``message``."""
        self._tell(message)
        return b""

    def encode_all(self, messages: Sequence[m.Message]) -> bytes:
        """Say ``messages``."""
        arrives = False
        for message in messages:
            arrives = arrives or isinstance(message, m.Welcome)
            if arrives and isinstance(message, m.Rooms):
                enter(self._client, message.rooms, arrives=True)
            else:
                self._tell(message)
        return b""

    def render(self, events: list[bytes]) -> bytes:
        """Return what all are told of ``events``."""
        return self._client.network.renderer(self._client.capabilities).render(events)

    def let_go(self) -> None:
        """Forget the client, which is gone."""
        self._client = self._personal = _GONE

    def _tell(self, message: object) -> None:
        handle = _SAYS.get(type(message))
        if handle is not None:
            handle(self._client, message)


_GONE: Any = None


def _error(client: Client, error: m.Error) -> None:
    if error.id is None:
        client.write(encode("", "ERROR", f"{error.text} ({error.code})"))
    else:
        client.answered(error)


def _goodbye(client: Client, goodbye: m.Goodbye) -> None:
    client.cursors.end()
    client.write(encode("", "ERROR", f"Closing link: {goodbye.text or goodbye.reason}"))


def _ping(client: Client, ping: m.Ping) -> None:
    if ping.data != CONFIRMATION:
        client.write(encode("", "PING", ping.data or client.cursors.ping()))


def _invited(client: Client, invited: m.Invited) -> None:
    network = client.network
    account = network.account(network.user_called(invited.by)) if client.has("account-tag") else ""
    tags = {"time": time_of(network.server.wall())} if client.has("server-time") else {}
    tags |= {"account": account} if account else {}
    client.write(encode(network.nuh(invited.by), "INVITE", client.nick, invited.room, tags=tags))


def _announced(client: Client, said: m.Announcement) -> None:
    server = client.network.name
    most = MAX_BODY - len(encode(server, "NOTICE", client.nick, ""))
    for piece in pieces(said.text, most):
        client.write(encode(server, "NOTICE", client.nick, piece))


_SAYS: Final[dict[type, Callable[[Client, Any], None]]] = {
    m.Ok: lambda client, ok: client.answered(ok),
    m.Error: _error,
    m.Goodbye: _goodbye,
    m.Ping: _ping,
    m.Welcome: welcome,
    m.Rooms: entered,
    m.Left: parted,
    m.Invited: _invited,
    m.Announcement: _announced,
}
