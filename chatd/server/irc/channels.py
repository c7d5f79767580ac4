"""Channels: what a client is told of a room that it comes to be in, and who is there."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Final

from chatd.chat.channel_modes import is_unlisted
from chatd.chat.state import Room, User
from chatd.server.irc import metadata
from chatd.server.irc import numerics as n
from chatd.server.irc.client import Client
from chatd.server.irc.marks import at_hand, unread_from
from chatd.server.irc.names import fold
from chatd.server.irc.questions import AGAIN
from chatd.server.states import State
from chatd.wire.irc import MAX_BODY, encode
from chatd.wire.messages import Left, Rooms, RoomState

AT_ONCE: Final = 1000
"""Members of a room who are told in one turn: two milliseconds of work."""

LINES_AT_ONCE: Final = 30
"""Lines of names of a larger one that are told in one turn."""


def entered(client: Client, message: Rooms) -> None:
    """Tell of rooms that the client is in from now on."""
    enter(client, message.rooms, arrives=False)


def enter(client: Client, rooms: Sequence[RoomState], *, arrives: bool) -> None:
    """Tell of ``rooms`` that the client is in.

    Where it ``arrives``, what was said since it was here is replayed, unless it asks for that by itself. Who
    is in very many rooms hears in later turns who else is there.
    """
    reader = client.connection.reader
    many = arrives and sum(len(room.members) for room in client.me.rooms) > AT_ONCE
    later: list[Room] = []
    for state in rooms:
        room = client.world.rooms.get(state.room)
        if room is None:
            continue
        log = room.log
        if arrives and client.has("draft/chathistory") and reader.follows(log):
            reader.unfollow(log)
            reader.follow(log, log.head)
        elif arrives and state.cursor < log.head:
            client.replaying[room.name] = log.head
        if not room.direct and room.name not in client.visible:
            client.visible.add(room.name)
            _join(client, room)
            if many:
                later.append(room)
            else:
                _company(client, room)
        missed = client.cursors.missed.pop(room.name, 0)
        if missed:
            target = client.nick if room.direct else room.name
            text = f"{missed} earlier events are not shown; ask for them with a client that has history."
            client.write(encode(client.network.name, "NOTICE", target, text))
    if later:
        _go_on(client, _companies(client, later))


def _join(client: Client, room: Room) -> None:
    if client.has("extended-join"):
        client.own(
            "JOIN", room.name, client.network.account(client.user) or "*", client.realname or client.nick
        )
    else:
        client.own("JOIN", room.name)
    if room.topic:
        topic(client, room)
    if client.has("draft/read-marker"):
        _tell_marker(client, room)


def _company(client: Client, room: Room) -> None:
    """Tell who is in ``room``, and what they say of themselves."""
    if not client.has("no-implicit-names"):
        names(client, [room], room.name)
    metadata.joined(client, room)


def _companies(client: Client, rooms: Sequence[Room]) -> Iterator[bytes]:
    """Yield the same of many ``rooms``, as far as the client is there by then."""
    for room in rooms:
        if room.name not in client.visible:
            continue
        if not client.has("no-implicit-names"):
            yield from _names(client, room, list(members(client, room)))
            yield client.line(n.ENDOFNAMES.number, client.nick, room.name, n.ENDOFNAMES.text or "")
        said = metadata.told_of(client, room)
        if said:
            yield said


def _tell_marker(client: Client, room: Room) -> None:
    """Tell up to when the client has read; what lies on the disk alone it can ask for."""
    known = client.network.marks.known(client.me, fold(room.name))
    seq = unread_from(room, client.me)
    if not known and seq:
        known = at_hand(room, seq)
        if not known:
            return
    client.tell("MARKREAD", room.name, f"timestamp={known}" if known else "*")


def parted(client: Client, message: Left) -> None:
    """Tell of a room that the client is in no longer, unless an event has."""
    if message.room in client.visible:
        client.visible.discard(message.room)
        client.write(
            encode(client.network.name, "KICK", message.room, client.nick, "This room has ended for you.")
        )


def topic(client: Client, room: Room) -> None:
    """Tell the topic, and who has set it when, where that is known."""
    client.numeric(n.TOPIC, room.name, text=room.topic)
    setter = client.network.titled.get(room.name)
    if setter is not None:
        client.numeric(n.TOPICWHOTIME, room.name, client.network.nuh(setter[0]), str(setter[1] // 1000))


def names(client: Client, rooms: Sequence[Room], shown: str) -> None:
    """Tell who is in ``rooms``, which the client calls ``shown`` (353, 366).

    Of very many it is told in several turns.
    """
    lines = chain.from_iterable(_names(client, room, list(members(client, room))) for room in rooms)
    if sum(len(room.members) for room in rooms) <= AT_ONCE:
        for line in lines:
            client.say(line)
        client.numeric(n.ENDOFNAMES, shown)
    else:
        end = encode(client.network.name, n.ENDOFNAMES.number, client.nick, shown, n.ENDOFNAMES.text or "")
        _go_on(client, chain(lines, [end]))


def _go_on(client: Client, lines: Iterator[bytes]) -> None:
    """Say some of ``lines``, and the others in later turns, as fast as the client takes them."""
    if client.connection.state is State.CLOSING:
        return
    clock = client.network.server.clock
    if not client.connection.ready:
        clock.callLater(AGAIN, _go_on, client, lines)
        return
    some = list(islice(lines, LINES_AT_ONCE))
    client.write(b"".join(some))
    if some:
        clock.callLater(0, _go_on, client, lines)


def _names(client: Client, room: Room, users: Sequence[User]) -> Iterator[bytes]:
    server, number = client.network.name, n.NAMREPLY.number
    sign = "@" if room.rules.kind == "private" or is_unlisted(room) else "="
    left = most = MAX_BODY - len(encode(server, number, client.nick, sign, room.name, "")) - 1
    line: list[str] = []
    for user in users:
        if user not in room.members:
            continue
        name = client.prefix_of(room, user)
        name += client.network.nuh(user.nick) if client.has("userhost-in-names") else user.nick
        size = len(name.encode()) + 1
        if size > left:
            yield encode(server, number, client.nick, sign, room.name, " ".join(line))
            line, left = [], most
        line.append(name)
        left -= size
    if line:
        yield encode(server, number, client.nick, sign, room.name, " ".join(line))


def members(client: Client, room: Room) -> Iterator[User]:
    """Yield who is in ``room``, as far as that is durable."""
    head = room.log.head
    for user, member in room.members.items():
        if not member.reads_only and (member.settled(head) or user is client.user):
            yield user
