"""Channels: what a client is told of a room that it comes to be in, and who is there."""

from collections.abc import Iterator, Sequence

from chatd.chat.state import Room, User
from chatd.server.irc import numerics as n
from chatd.server.irc.client import Client
from chatd.server.irc.marks import at_hand, unread_from
from chatd.server.irc.names import fold, nuh
from chatd.server.irc.rendering import account_name, prefix_of
from chatd.wire.irc import MAX_BODY, encode
from chatd.wire.messages import Left, Rooms, RoomState


def entered(client: Client, message: Rooms) -> None:
    """Tell of rooms that the client is in from now on."""
    enter(client, message.rooms, arrives=False)


def enter(client: Client, rooms: Sequence[RoomState], *, arrives: bool) -> None:
    """Tell of ``rooms`` that the client is in.

    Where it ``arrives``, what was said since it was here is replayed, unless it asks for that by itself.
    """
    reader = client.connection.reader
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
        missed = client.cursors.missed.pop(room.name, 0)
        if missed:
            target = client.nick if room.direct else room.name
            text = f"{missed} earlier events are not shown; ask for them with a client that has history."
            client.write(encode(client.network.name, "NOTICE", target, text))


def _join(client: Client, room: Room) -> None:
    if client.has("extended-join"):
        client.own("JOIN", room.name, account_name(client.user) or "*", client.realname or client.nick)
    else:
        client.own("JOIN", room.name)
    if room.topic:
        topic(client, room)
    if client.has("draft/read-marker"):
        _tell_marker(client, room)
    if not (client.has("no-implicit-names") or client.has("draft/no-implicit-names")):
        names(client, room, room.name)


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
        client.numeric(n.TOPICWHOTIME, room.name, nuh(setter[0]), str(setter[1] // 1000))


def names(client: Client, room: Room, shown: str) -> None:
    """Tell who is in ``room``, which the client calls ``shown`` (353, 366)."""
    sign = "@" if room.rules.kind == "private" else "="
    head = encode(client.network.name, n.NAMREPLY.number, client.nick, sign, room.name, "")
    left = most = MAX_BODY - len(head) - 1
    line: list[str] = []
    for user in members(client, room):
        name = prefix_of(room, user)
        name += nuh(user.nick) if client.has("userhost-in-names") else user.nick
        size = len(name.encode()) + 1
        if size > left:
            client.tell(n.NAMREPLY.number, client.nick, sign, room.name, " ".join(line))
            line, left = [], most
        line.append(name)
        left -= size
    if line:
        client.tell(n.NAMREPLY.number, client.nick, sign, room.name, " ".join(line))
    client.numeric(n.ENDOFNAMES, shown)


def members(client: Client, room: Room) -> Iterator[User]:
    """Yield who is in ``room``, as far as that is durable."""
    head = room.log.head
    for user, member in room.members.items():
        if not member.reads_only and (member.settled(head) or user is client.user):
            yield user
