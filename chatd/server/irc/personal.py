"""Personal: what one client is handed of a log's growth where that is not what all others are.

What it said itself it is told only if it wants an echo, with the label that it gave; what is in every room of
somebody it is told once; and what was said before it came is what was said, without comings and goings.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from chatd.chat.channel_modes import TAGS
from chatd.server.irc.names import QUIT, fold
from chatd.server.irc.rendering import SAID, Part, Rendered
from chatd.server.irc.reply import batch_sign, tagged
from chatd.wire.irc import encode
from chatd.wire.messages import Event, Left, Rooms

if TYPE_CHECKING:
    from chatd.server.irc.client import Client

REMEMBERED: Final = 64
"""Changes of nicks, and farewells, of which it is known that the client was told, though other rooms tell."""


class Personal:
    """Stands between the logs and ``client``: `hand` and `send` take what is for all of its kind."""

    __slots__ = ("_client", "_replaying", "_send", "_session", "_sink", "_told")

    def __init__(self, client: "Client", told: Callable[[object], None]) -> None:
        self._client = client
        self._replaying = client.replaying
        self._told = told
        self._sink = client.connection.reader.sink
        self._send: Callable[[bytes], int] | None = None
        self._session = 0

    def connect(self, outlet: Callable[[bytes], int] | None) -> None:
        """Send what is for ``client`` by ``outlet`` where there is one, for its session from now on."""
        session = self._client.session
        self._send = outlet
        self._session = 0 if session is None else session.id
        reader = self._client.connection.reader
        reader.sink = self
        reader.connect(_passing_on(self.send, outlet, self._session, self._replaying))

    def hand(self, data: bytes) -> None:
        """Take a page, or a message that is in no log."""
        own = self._own(data)
        if own:
            self._sink.hand(own)

    def rest(self, data: bytes) -> None:
        """Take what the outlet of the reader has not taken."""
        self._sink.rest(data)

    def catch_up(self) -> None:
        """Have the reader brought forward."""
        self._sink.catch_up()

    def fault(self) -> None:
        """End because of the current exception."""
        self._sink.fault()

    def send(self, data: bytes) -> int:
        """Take the growth of a log of which ``client`` may be told something else than all others."""
        own = self._own(data)
        taken = 0
        if own and self._send is not None:
            try:
                taken = self._send(own)
            except OSError:
                taken = 0
        if taken < len(own):
            self._sink.rest(own[taken:] if taken else own)
        return len(data)

    def _own(self, data: bytes) -> bytes:
        if not isinstance(data, Rendered):
            return data
        if data.notice is not None:
            if isinstance(data.notice, Rooms | Left):
                self._told(data.notice)
                return b""
            mine = f":{self._client.nick}!".encode()
            if data.find(mine) < 0:
                return data
            return b"".join(line for line in data.splitlines(keepends=True) if not line.startswith(mine))
        if not (data.special or self._session in data.sessions or self._replaying):
            return data
        return b"".join(map(self._part, data.parts))

    def _part(self, part: Part) -> bytes:
        client, event = self._client, part.event
        until = client.replaying.get(event.room)
        if until is not None:
            if event.seq >= until:
                del client.replaying[event.room]
            if event.seq <= until and event.kind not in SAID:
                return b""
        special = _SPECIAL.get(event.kind)
        if special is not None:
            return special(client, part)
        if event.session and event.session == self._session:
            return self._echo(part)
        if event.room.startswith("@") and fold(event.by) == fold(client.nick) and event.session:
            wants = client.has("echo-message") or client.has("znc.in/self-message")
            return part.lines if wants else b""
        return _answering(client, part)

    def _echo(self, part: Part) -> bytes:
        """Return what the client is told of what it said itself; what it said to itself it hears as well."""
        client, event = self._client, part.event
        label = client.echo_label(event.n)
        heard = part.lines if _is_to_self(client, event) else b""
        batch = client.batched.pop(event.n, "")
        if not client.has("echo-message"):
            return heard
        if batch:
            return _within(part.lines, batch) + heard
        return _labelled(client, part.lines, label) + heard


def _passing_on(
    special: Callable[[bytes], int], outlet: Callable[[bytes], int] | None, session: int, replaying: object
) -> Callable[[bytes], int]:
    """Return what takes the growth of logs: most of it goes to ``outlet`` as it is, the rest to ``special``.

    It is on the way of every message to everybody.
    """
    if outlet is None:
        return special
    send = outlet

    def take(data: Any) -> int:
        if data.special or session in data.sessions or replaying:
            return special(data)
        return send(data)

    return take


def _labelled(client: "Client", lines: bytes, label: str) -> bytes:
    """Return ``lines`` with ``label``: in a batch, if they are several."""
    if not label:
        return lines
    several = lines.splitlines(keepends=True)
    if len(several) == 1 or batch_sign(several[0]) == b"+":
        return tagged(lines, "label", label)
    batch = client.new_batch()
    server = client.network.name
    begin = tagged(encode(server, "BATCH", f"+{batch}", "labeled-response"), "label", label)
    return begin + _within(lines, batch) + encode(server, "BATCH", f"-{batch}")


def _within(lines: bytes, batch: str) -> bytes:
    return b"".join(tagged(line, "batch", batch) for line in lines.splitlines(keepends=True))


def _is_to_self(client: "Client", event: Event) -> bool:
    room = client.world.rooms.get(event.room)
    return room is not None and room.direct and len(room.members) == 1


def _join(client: "Client", part: Part) -> bytes:
    """Leave out the client's own coming, of which it was told with who is there."""
    own = client.user is not None and client.network.user_called(part.event.by) is client.user
    return b"" if own else part.lines


def _leave(client: "Client", part: Part) -> bytes:
    event = part.event
    if fold(event.by) == fold(client.nick):
        client.visible.discard(event.room)
    if event.value == QUIT and not _first(client, event):
        return b""
    return _answering(client, part)


def _nick(client: "Client", part: Part) -> bytes:
    event = part.event
    if client.user is None or client.network.user_called(event.text) is not client.user:
        return part.lines if _first(client, event) else b""
    if client.nick == event.text:
        return b""
    old, client.nick = client.nick, event.text
    return encode(client.network.nuh(old), "NICK", event.text)


def _removed(client: "Client", part: Part) -> bytes:
    if fold(part.event.whom) == fold(client.nick) and b" KICK " in part.lines:
        client.visible.discard(part.event.room)
    return _answering(client, part)


def _kept_tags(client: "Client", part: Part) -> bytes:
    """Leave out what the client has said itself, unless it wants an echo."""
    own = fold(part.event.by) == fold(client.nick)
    return b"" if own and not client.has("echo-message") else _answering(client, part)


def _topic(client: "Client", part: Part) -> bytes:
    client.network.topic_set(part.event)
    return _answering(client, part)


def _answering(client: "Client", part: Part) -> bytes:
    label = client.labels.pop((part.event.room, part.event.seq), "")
    return _labelled(client, part.lines, label)


def _first(client: "Client", event: Event) -> bool:
    """Return whether the client was not told of this by another room, and note that it is now."""
    key = (event.by, event.text, event.ts)
    if key in client.once:
        return False
    client.once[key] = None
    if len(client.once) > REMEMBERED:
        del client.once[next(iter(client.once))]
    return True


_SPECIAL: Final[dict[str, Callable[["Client", Part], bytes]]] = {
    "join": _join,
    "leave": _leave,
    "nick": _nick,
    "kick": _removed,
    "ban": _removed,
    "topic": _topic,
    TAGS: _kept_tags,
}
