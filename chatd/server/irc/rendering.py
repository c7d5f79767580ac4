"""Rendering: makes lines of a log's growth, once for all followers who share a set of capabilities.

What comes out is `Rendered`: bytes for all of them, with the parts they consist of. Whoever is to have
something else in place of a part makes their own of these (`chatd.server.irc.personal`).
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from chatd.chat.channel_modes import KEY, LIMIT, TAGS, has_voice, is_unlisted, parameter
from chatd.chat.masks import first_nick
from chatd.chat.networks import network_named
from chatd.chat.rules import ROLES, Standing
from chatd.chat.state import Room, User
from chatd.chat.status import own_status
from chatd.chat.world import World
from chatd.ops.log import Log
from chatd.server.irc.client_tags import PIECES, ClientTags, pieces_of
from chatd.server.irc.names import ACTION, NOTICE, QUIT, message_id, said
from chatd.wire.irc import MAX_BODY, cut, encode, encode_tags, pieces, read_tags
from chatd.wire.messages import Event, Gap, Message, Presence, Typing
from chatd.wire.names import SERVER, fold
from chatd.wire.stored import event_in

log = Log(__name__)

SAID: Final = frozenset({"message", "file"})
"""The kinds of events by which people say something."""


class Place(Protocol):
    """Where what is rendered was said: the ``world``, what the server is called, and what clients added."""

    world: World
    tags: ClientTags

    @property
    def name(self) -> str:
        """Return what the server is called."""

    def nuh(self, nick: str) -> str:
        """Return who ``nick`` is, as the source of a line."""

    def account_of(self, event: Event) -> str:
        """Return the account that has caused ``event``, or nothing."""

    def realname_of(self, nick: str) -> str:
        """Return what whoever is called ``nick`` says of themselves."""

    def is_bot(self, nick: str) -> bool:
        """Return whether whoever is called ``nick`` is a bot."""

    def is_new(self, event: Event) -> bool:
        """Return whether ``event`` was only just."""


class Part(NamedTuple):
    """One event with its lines."""

    event: Event
    lines: bytes


class Rendered(bytes):
    """Lines for everybody of a set; ``sessions`` are those that have said some of it.

    With ``special`` some part may be another one for somebody. A ``notice`` is what each makes bytes of.
    """

    parts: Sequence[Part] = ()
    sessions: frozenset[int] = frozenset()
    special: bool = False
    notice: Message | None = None


@lru_cache(maxsize=256)
def time_of(milliseconds: int) -> str:
    """Return a time of day as the tag ``time`` says it."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03}Z"


class Renderer:
    """The codec of all followers in ``place`` who share ``capabilities``."""

    def __init__(self, place: Place, capabilities: frozenset[str]) -> None:
        self._place = place
        self._world = place.world
        self._has = capabilities
        self._tagged = "message-tags" in capabilities
        self._bare = not capabilities & {"account-tag", "message-tags", "server-time"}
        self._came: dict[str, set[str]] = {}
        self._kinds: dict[str, str] = {}
        self._events = self._bytes = 0

    # ---- chatd.chat.codec.Codec ---------------------------------------------------------------------

    def render(self, events: list[bytes]) -> bytes:
        """Return the lines of stored ``events``."""
        parts = []
        sources: dict[str, str] = {}
        for stored in events:
            try:
                event = event_in(stored)
                plain = self._plain(event, sources)
            except Exception:  # noqa: BLE001 - it is handed out to others all the same, whatever is in it
                log.failure("render-fault", None)
                continue
            lines = plain or b"".join(self.lines_of(event))
            if lines:
                parts.append(Part(event, lines))
        rendered = Rendered(b"".join(part.lines for part in parts))
        self._events += len(events)
        self._bytes += len(rendered)
        rendered.parts = parts
        rendered.sessions = frozenset(part.event.session for part in parts if part.event.session)
        rendered.special = any(part.event.kind not in SAID or part.event.room[0] == "@" for part in parts)
        return rendered

    @property
    def mean(self) -> float:
        """Return how many bytes an event has, as those did that were rendered."""
        return self._bytes / self._events if self._events else 0.0

    def encode(self, message: Message) -> bytes:
        """Return what all are told in the same words, or a notice of which each makes their own."""
        try:
            rendered = Rendered(b"".join(self._told(message)))
        except Exception:  # noqa: BLE001 - others are told all the same, whatever is in it
            log.failure("render-fault", None)
            rendered = Rendered()
        rendered.notice = message
        return rendered

    def encode_all(self, messages: Sequence[Message]) -> bytes:
        """Return the same for some messages."""
        return b"".join(map(self.encode, messages))

    # ---- events -------------------------------------------------------------------------------------

    def _plain(self, event: Event, sources: dict[str, str]) -> bytes:
        """Return the one line of a plain message, as most are; nothing for all else."""
        text = event.text
        plain = event.kind == "message" and not event.value and not event.ref and text.isprintable()
        if not plain or event.room[0] == "@" or event.by == SERVER or text.startswith(ACTION):
            return b""
        source = sources.get(event.by) or sources.setdefault(event.by, self._place.nuh(event.by))
        line = f":{source} PRIVMSG {event.room} :{text}\r\n".encode()
        if len(line) > MAX_BODY:
            return b""
        return line if self._bare else encode_tags(self._message_tags(event)).encode() + line

    def _message_tags(self, event: Event) -> dict[str, str]:
        return self._tags(event, self._client_tags(event) if self._tagged else {}, first=True)

    def lines_of(self, event: Event) -> list[bytes]:
        """Return the lines of ``event``; none, and a fault in the log, if it cannot be told."""
        try:
            return list(self._lines(event))
        except Exception:  # noqa: BLE001 - whatever is in it, the events beside it are told
            log.failure("render-fault", None)
            return []

    def _lines(self, event: Event) -> Iterator[bytes]:
        kind = _KINDS.get(event.kind)
        if kind is None:
            return
        if "draft/multiline" in self._has and event.kind == "message" and "\n" in event.text:
            yield from self._batch(event)
            return
        for number, (tags, command, params) in enumerate(kind(self, event)):
            source = self._place.name if event.by == SERVER else self._place.nuh(event.by)
            yield encode(source, command, *params, tags=self._tags(event, tags, first=number == 0))

    def _batch(self, event: Event) -> Iterator[bytes]:
        """Yield a message of several lines as a batch."""
        (_, command, params), name = next(self._message(event)), f"m{event.seq}"
        source, target = self._place.nuh(event.by), params[0]
        tags = self._tags(event, self._client_tags(event), first=True)
        yield encode(source, "BATCH", f"+{name}", "draft/multiline", target, tags=tags)
        most = MAX_BODY - len(encode(source, command, target, ""))
        for number, part in enumerate(self._pieces(event)):
            rest, going_on = part.removeprefix("\n"), number > 0 and not part.startswith("\n")
            begun = False
            while rest or not begun:
                piece = cut(rest, most)
                concat = {"draft/multiline-concat": ""} if going_on else {}
                yield encode(source, command, target, piece, tags={"batch": name, **concat})
                rest, going_on, begun = rest[len(piece) :], True, True
        yield encode(source, "BATCH", f"-{name}")

    def _client_tags(self, event: Event) -> dict[str, str]:
        tags = dict(self._place.tags.of(event.session, event.n)) if event.session else {}
        tags.pop(PIECES, None)
        if event.ref:
            tags["+draft/reply"] = message_id(event.room, event.ref)
        return tags

    def _pieces(self, event: Event) -> list[str]:
        """Return the text of a message in the pieces in which a client gave them, else in its lines."""
        return pieces_of(self._place.tags.of(event.session, event.n) if event.session else {}, event.text)

    def _tags(self, event: Event, own: dict[str, str], *, first: bool) -> dict[str, str]:
        tags: dict[str, str] = {}
        if "server-time" in self._has:
            tags["time"] = time_of(event.ts)
        if self._tagged and first:
            tags["msgid"] = message_id(event.room, event.seq)
        if "account-tag" in self._has:
            account = self._place.account_of(event)
            if account:
                tags["account"] = account
        if self._tagged:
            if self._place.is_bot(event.by):
                tags["bot"] = ""
            tags.update(own)
        return tags

    def target(self, event: Event) -> str:
        """Return where ``event`` was said: a channel, or who it was said to."""
        room = self._world.rooms.get(event.room)
        if room is None or not room.direct:
            return event.room
        author = self._world.nicks.get(fold(event.by))
        if author in room.members:
            return room.partner(author).nick if author is not None else event.by
        return next(iter(room.members)).nick

    def _message(self, event: Event) -> "Iterator[_Said]":
        command = "NOTICE" if event.value == NOTICE else "PRIVMSG"
        tags = self._client_tags(event)
        target, text = self.target(event), said(event)
        action = text.startswith(ACTION)
        source = self._place.nuh(event.by)
        room = MAX_BODY - len(f":{source} {command} {target} :\r\n".encode()) - (9 if action else 0)
        whole = action or event.file is not None or "\n" not in text
        for part in [text.removeprefix(ACTION)] if whole else self._pieces(event):
            for piece in pieces(part, max(16, room)):
                yield tags, command, (target, f"\x01ACTION {piece}\x01" if action else piece)

    def _edit(self, event: Event) -> "Iterator[_Said]":
        yield from self._message(event_with(event, f"[edited] {event.text}"))

    def _react(self, event: Event) -> "Iterator[_Said]":
        if self._tagged:
            name = "+draft/react" if event.kind == "react" else "+draft/unreact"
            tags = {"+draft/reply": message_id(event.room, event.ref), name: event.value}
            yield tags, "TAGMSG", (self.target(event),)

    def _join(self, event: Event) -> "Iterator[_Said]":
        user = self._world.nicks.get(fold(event.by))
        if "extended-join" in self._has:
            yield (
                {},
                "JOIN",
                (event.room, self._place.account_of(event) or "*", self._place.realname_of(event.by)),
            )
        else:
            yield {}, "JOIN", (event.room,)
        away = None if user is None else own_status(self._world, user)
        if "away-notify" not in self._has:
            return
        if away is not None:
            yield {}, "AWAY", (away.text or away.state,)
        elif self._place.is_new(event):
            self._came.setdefault(event.room, set()).add(event.by)

    def _leave(self, event: Event) -> "Iterator[_Said]":
        if event.value == QUIT:
            yield {}, "QUIT", (event.reason,)
        else:
            yield {}, "PART", (event.room, *([event.reason] if event.reason else []))

    def _kick(self, event: Event) -> "Iterator[_Said]":
        yield {}, "KICK", (event.room, event.whom, event.reason or event.by)

    def _ban(self, event: Event) -> "Iterator[_Said]":
        yield {}, "MODE", (event.room, "+b", ban_mask(event.whom))
        room = self._world.rooms.get(event.room)
        if room is not None and ("kick", f"@{fold(event.whom)}") in room.acts:
            yield {}, "KICK", (event.room, event.whom, event.reason or event.by)

    def _unban(self, event: Event) -> "Iterator[_Said]":
        yield {}, "MODE", (event.room, "-b", ban_mask(event.whom))

    def _role(self, event: Event) -> "Iterator[_Said]":
        operates = ROLES.get(event.value, Standing.MEMBER) >= Standing.MODERATOR
        yield {}, "MODE", (event.room, "+o" if operates else "-o", event.whom)

    def _set(self, event: Event) -> "Iterator[_Said]":
        mode = RULES.get(event.value)
        if event.value.startswith("kind "):
            before = self._kinds.pop(event.room, "")
            if event.value == "kind public":
                mode = {"kind private": "-i", "kind read-only": "-m"}.get(before, mode)
            elif self._place.is_new(event):
                self._kinds[event.room] = event.value
        if mode is not None:
            yield {}, "MODE", (event.room, mode)

    def _mode(self, event: Event) -> "Iterator[_Said]":
        yield {}, "MODE", (event.room, event.value, *([event.whom] if event.whom else []))

    def _topic(self, event: Event) -> "Iterator[_Said]":
        yield {}, "TOPIC", (event.room, event.text)

    def _nick(self, event: Event) -> "Iterator[_Said]":
        yield {}, "NICK", (event.text,)

    def _announce(self, event: Event) -> "Iterator[_Said]":
        most = MAX_BODY - len(encode(self._place.name, "NOTICE", event.room, ""))
        for piece in pieces(event.text, most):
            yield {}, "NOTICE", (event.room, piece)

    def _invite(self, event: Event) -> "Iterator[_Said]":
        if "invite-notify" in self._has:
            yield {}, "INVITE", (event.whom, event.room)

    def _kept_tags(self, event: Event) -> "Iterator[_Said]":
        if self._tagged:
            yield read_tags(event.text), "TAGMSG", (self.target(event),)

    def _remove(self, event: Event) -> "Iterator[_Said]":
        if "draft/message-redaction" in self._has:
            for seq in event.refs or (event.ref,):
                reason = [event.reason] if event.reason else []
                yield {}, "REDACT", (self.target(event), message_id(event.room, seq), *reason)

    # ---- what is in no log --------------------------------------------------------------------------

    def _told(self, message: Message) -> Iterator[bytes]:
        if isinstance(message, Presence):
            yield from self._presence(message)
        elif isinstance(message, Typing):
            if self._tagged and not message.room.startswith("@"):
                for nick in message.nicks:
                    yield encode(self._place.nuh(nick), "TAGMSG", message.room, tags={"+typing": "active"})
        elif isinstance(message, Gap) and not message.room.startswith("@"):
            text = f"What was said before is no longer kept here ({message.last - message.first + 1} events)."
            yield encode(self._place.name, "NOTICE", message.room, text)

    def _presence(self, message: Presence) -> Iterator[bytes]:
        """Yield who is away, and who is back; of who has just come it was told that they are here."""
        if "away-notify" not in self._has or message.room.startswith("@"):
            return
        away = {one.nick: one.text or one.state for one in message.statuses}
        here = dict.fromkeys(message.online, "") | dict.fromkeys(message.offline, "offline") | away
        came = self._came.pop(message.room, ())
        for nick, text in here.items():
            if text or nick not in came:
                yield encode(self._place.nuh(nick), "AWAY", *([text] if text else []))


_Said = tuple[dict[str, str], str, tuple[str, ...]]

_KINDS: Final[dict[str, Callable[[Renderer, Event], Iterator[_Said]]]] = {
    "message": Renderer._message,  # noqa: SLF001 - the table of the class itself
    "file": Renderer._message,  # noqa: SLF001
    "edit": Renderer._edit,  # noqa: SLF001
    "react": Renderer._react,  # noqa: SLF001
    "unreact": Renderer._react,  # noqa: SLF001
    "join": Renderer._join,  # noqa: SLF001
    "leave": Renderer._leave,  # noqa: SLF001
    "kick": Renderer._kick,  # noqa: SLF001
    "ban": Renderer._ban,  # noqa: SLF001
    "unban": Renderer._unban,  # noqa: SLF001
    "role": Renderer._role,  # noqa: SLF001
    "set": Renderer._set,  # noqa: SLF001
    "mode": Renderer._mode,  # noqa: SLF001
    TAGS: Renderer._kept_tags,  # noqa: SLF001
    "topic": Renderer._topic,  # noqa: SLF001
    "nick": Renderer._nick,  # noqa: SLF001
    "announce": Renderer._announce,  # noqa: SLF001
    "invite-to": Renderer._invite,  # noqa: SLF001
    "remove": Renderer._remove,  # noqa: SLF001
}

RULES: Final[dict[str, str]] = {
    "kind public": "-im",
    "kind private": "+i",
    "kind read-only": "+m",
    "posting member": "-m",
    "posting moderator": "+m",
    "posting owner": "+m",
    "topic member": "-t",
    "topic moderator": "+t",
    "topic owner": "+t",
}
"""The modes that rules of a room are."""


def event_with(event: Event, text: str) -> Event:
    """Return ``event`` as if it had said ``text``."""
    return Event(
        room=event.room, seq=event.seq, ts=event.ts, kind=event.kind, by=event.by, text=text, ref=event.ref
    )


def ban_mask(whom: str) -> str:
    """Return the mask of a ban: of a nick, or of a range of addresses."""
    return f"*!*@{whom}" if network_named(whom) is not None else f"{whom}!*@*"


def modes_of(room: Room) -> str:
    """Return the modes that ``room`` has, without those of people."""
    rules = room.rules
    private, moderated = rules.kind == "private", rules.kind == "read-only" or rules.posting > Standing.MEMBER
    modes = {"i": private, "k": parameter(room, KEY), "l": parameter(room, LIMIT), "m": moderated, "n": True}
    modes |= {"s": private or is_unlisted(room), "t": rules.titling > Standing.MEMBER}
    return "".join(mode for mode, on in modes.items() if on)


def prefixes_of(room: Room, user: User) -> str:
    """Return the signs of what ``user`` is in ``room``, the highest first."""
    member = room.members.get(user)
    operates = member is not None and member.role >= Standing.MODERATOR
    return ("@" if operates else "") + ("+" if has_voice(room, user) else "")


def account_name(user: User | None) -> str:
    """Return what the account of ``user`` is called, nothing of a guest."""
    return "" if user is None else first_nick(user)
