"""Sending: plain messages of one sender to one room are decided in one pass over all that came together.

Most of what is said is plain: a text without a file, a reply and a mention, in a room whose rules leave
nothing more to look at. What it needs is then the same for each of a run of such messages. Everything else,
direct messages among it, is decided one by one (`chatd.chat.requests.serve`), with the same outcome as here.
Where the text is ASCII, even the bytes say so (`chatd.wire.plain`), and the messages are never decoded.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from chatd.chat.arrival import note_seen
from chatd.chat.state import Peer, Room, Session
from chatd.chat.world import World
from chatd.wire import plain
from chatd.wire.limits import MAX_TEXT
from chatd.wire.messages import Event, Ok, Send


class Run(NamedTuple):
    """Plain messages of one sender to ``room``, one behind the other, and none of them came before."""

    room: Room
    sends: list[Send]


class Read(NamedTuple):
    """The same as it came: of each message the ``id`` in its request, and the bytes of its text."""

    room: Room
    ids: list[int]
    texts: list[bytes]


def read(world: World, session: Session, said: Sequence[bytes]) -> Read | None:
    """Return the plain messages of ``session`` that stand first in what was ``said``, if any do."""
    found = plain.read(said[0])
    if found is None or world.sweeps:
        return None
    name = found[3]
    try:
        room = _open_to(world, session, name.decode())
    except UnicodeDecodeError:
        return None
    if room is None:
        return None
    n = session.last
    ids, texts, rest = [], [], iter(said)
    next(rest)
    while found is not None:
        number, of_session, to, text = found.groups()
        n += 1
        if int(of_session) != n or to != name:
            break
        ids.append(int(number))
        texts.append(text)
        one = next(rest, None)
        found = None if one is None else plain.read(one)
    return Read(room, ids, texts) if ids else None


def post_read(
    world: World, peer: Peer, session: Session, room: Room, ids: list[int], texts: list[bytes], now: int
) -> None:
    """Do for messages with ``texts`` as they came what `post` does."""
    log, batch = room.log, world.batch
    name, by = plain.quoted(room.name), plain.quoted(session.user.nick)
    first = log.number_all(len(ids), now)  # from here on nothing may fail
    ts = log.ts
    stored = plain.stored(name, ts, by, session.id, first, session.last + 1, texts)
    if not (session.seen or session.fleeting):
        note_seen(world, session)
    batch.add_stored(log, stored, sum(map(len, texts)), session)
    batch.answer_all(peer, [Ok(number, seq, ts) for seq, number in enumerate(ids, first)])


def _open_to(world: World, session: Session, name: str) -> Room | None:
    """Return the room called ``name`` if ``session`` may say there what is plain without a further look.

    A room with direct messages, mutes, a slow mode or removals under way is ``strict``.
    """
    room = world.rooms.get(name)
    if room is None or room.strict:
        return None
    member = room.members.get(session.user)
    return None if member is None or member.role < room.needs[Send] else room


def run_of(world: World, session: Session, messages: Sequence[Any], begin: int) -> Run | None:
    """Return the plain messages of ``session`` that stand at ``begin``, None if something else does."""
    first = messages[begin]
    if type(first) is not Send or world.sweeps:
        return None
    name: str = first.room
    room = _open_to(world, session, name)
    if room is None:
        return None
    sends = []
    n = session.last
    for index in range(begin, len(messages)):
        send = messages[index]
        if type(send) is not Send:
            break
        n += 1
        if (
            send.n != n
            or send.room != name
            or send.ref
            or send.notice
            or send.file is not None
            or not _is_plain(send.text)
        ):
            break
        sends.append(send)
    return Run(room, sends) if sends else None


def _is_plain(text: str) -> bool:
    """Return whether ``text`` may be said by whoever may speak, and mentions nobody."""
    return (
        text.isprintable()
        and "@" not in text
        and 4 * len(text) <= MAX_TEXT
        and bool(text)
        and not text.isspace()
    )


def post(world: World, peer: Peer, session: Session, room: Room, sends: list[Send], now: int) -> None:
    """Give the messages of a run their numbers, and let ``peer`` have its answers after the commit."""
    log, batch = room.log, world.batch
    first = log.number_all(len(sends), now)
    ts, name, nick, by = log.ts, room.name, session.user.nick, session.id
    events = [
        Event(name, seq, ts, "message", nick, send.text, by, send.n) for seq, send in enumerate(sends, first)
    ]
    if not (session.seen or session.fleeting):
        note_seen(world, session)
    batch.add_sends(log, events, session)
    batch.answer_all(peer, [Ok(send.id, seq, ts) for seq, send in enumerate(sends, first)])
