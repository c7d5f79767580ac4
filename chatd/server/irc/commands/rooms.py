"""Rooms: JOIN, PART, TOPIC, NAMES, LIST, INVITE and KICK."""

import re
from itertools import zip_longest
from typing import Final

from chatd.chat.acts import invitations_of
from chatd.chat.state import Room
from chatd.server.irc import channels
from chatd.server.irc import numerics as n
from chatd.server.irc.client import Client
from chatd.server.irc.commands.people import sees_inside
from chatd.server.irc.commands.refusals import about
from chatd.server.irc.names import matches, shown
from chatd.server.irc.questions import RefusedError
from chatd.server.irc.welcoming import MOST_NAMED
from chatd.wire import messages as m
from chatd.wire.errors import Code
from chatd.wire.irc import Line

PAGE: Final = 40
"""Rooms of one answer."""

MINUTE: Final = 60_000
"""Milliseconds of what LIST counts ages in."""

_AGE: Final = re.compile("[CT][<>][0-9]{1,9}")


async def join(client: Client, line: Line) -> None:
    """Come into channels, with the keys of the first ones."""
    if line.params[0] == "0":
        for name in list(client.visible):
            await _part(client, name, "")
        return
    names = line.params[0].split(",")[:MOST_NAMED]
    given = line.params[1].split(",") if len(line.params) > 1 else []
    keys = dict(zip_longest(names, given[: len(names)], fillvalue=""))
    for name, key in keys.items():
        if not name.startswith("#"):
            if name:
                client.numeric(n.NOSUCHCHANNEL, name)
            continue
        room = client.room(name)
        if room is None or room.name not in client.visible:
            await _join(client, name, key)


async def _join(client: Client, name: str, key: str) -> None:
    try:
        await client.questions.ask(lambda id_: m.Join(id=id_, room=name, key=key))
    except RefusedError as error:
        if error.answer.code == Code.BAD_ROOM:
            client.numeric(n.NOSUCHCHANNEL, shown(name), text=error.answer.text)
        else:
            about(client, "JOIN", name, error.answer)
        return
    room = client.room(name)
    if room is not None and not client.has("no-implicit-names"):
        client.connection.input.gate.charge(len(room.members) / PAGE)


async def part(client: Client, line: Line) -> None:
    """Leave channels."""
    reason = line.params[1] if len(line.params) > 1 else ""
    for name in line.params[0].split(",")[:MOST_NAMED]:
        await _part(client, name, reason)


async def _part(client: Client, name: str, reason: str) -> None:
    room = client.room(name) if name.startswith("#") else None
    if room is None:
        client.numeric(n.NOSUCHCHANNEL, name)
        return
    try:
        await client.questions.ask(
            lambda id_: m.Leave(id=id_, room=room.name, reason=reason), client.pass_label
        )
    except RefusedError as error:
        about(client, "PART", name, error.answer)


async def topic(client: Client, line: Line) -> None:
    """Tell the topic, or set it."""
    name = line.params[0]
    room = client.room(name)
    if room is None or room.direct:
        client.numeric(n.NOSUCHCHANNEL, name)
    elif len(line.params) == 1:
        await client.questions.settle()
        if client.me not in room.members and room.rules.kind == "private":
            client.numeric(n.NOTONCHANNEL, name)
        elif room.topic:
            channels.topic(client, room)
        else:
            client.numeric(n.NOTOPIC, name)
    else:
        try:
            await client.questions.ask(
                lambda id_: m.Topic(id=id_, room=room.name, text=line.params[1]), client.pass_label
            )
        except RefusedError as error:
            about(client, "TOPIC", name, error.answer)


async def names(client: Client, line: Line) -> None:
    """Tell who is in some channels."""
    await client.questions.settle()
    wish = line.params[0] if line.params else "*"
    seen = []
    for name in dict.fromkeys(wish.split(",")[:MOST_NAMED]):
        room = client.room(name) if name.startswith("#") else None
        if room is not None and sees_inside(client, room):
            client.connection.input.gate.charge(1 + len(room.members) / PAGE)
            seen.append(room)
    channels.names(client, seen, wish)


async def list_rooms(client: Client, line: Line) -> None:
    """Tell of channels: of some, or of all that are as wished (ELIST C, M, N, T and U)."""
    wish = line.params[0] if line.params else ""
    client.numeric(n.LISTSTART, "Channel")
    masks = [one for one in wish.split(",") if one]
    if masks and all(one.startswith("#") and not set(one) & set("*?") for one in masks):
        await client.questions.settle()
        for name in masks[:MOST_NAMED]:
            room = client.room(name)
            if room is not None and not room.direct and sees_inside(client, room):
                _row(client, room.name, len(room.members), room.topic)
    else:
        await _all(client, masks)
    client.numeric(n.LISTEND)


async def _all(client: Client, masks: list[str]) -> None:
    after, more = "", True
    while more:
        try:
            ok = await client.questions.ask(lambda id_: m.ListRooms(id=id_, after=after, limit=PAGE))  # noqa: B023
        except RefusedError as error:
            client.fail("LIST", error.answer.code.replace("-", "_").upper(), text=error.answer.text)
            return
        rows = ok.rooms or []
        for row in rows:
            if await _as_wished(client, masks, row):
                _row(client, row.room, row.members, row.topic)
        more = ok.more and bool(rows)
        after = rows[-1].room if rows else ""


async def _as_wished(client: Client, masks: list[str], row: m.RoomInfo) -> bool:
    """Return whether a room fits all ``masks``. When it was made lies on the disk, and is looked at last."""
    ages = [mask for mask in masks if _AGE.fullmatch(mask)]
    if not all(_fits(mask, row) for mask in masks if mask not in ages):
        return False
    for mask in ages:
        since = await _since(client, row.room, mask[0])
        age = (client.network.server.wall() - since) / MINUTE
        if not since or not (age > int(mask[2:]) if mask[1] == ">" else age < int(mask[2:])):
            return False
    return True


async def _since(client: Client, name: str, what: str) -> int:
    """Return when a room was made (C), or its topic set (T), in milliseconds; 0 if nobody knows."""
    if what == "T":
        return client.network.titled.get(name, ("", 0))[1]
    room = client.room(name)
    client.connection.input.gate.charge(1)
    return 0 if room is None else await client.questions.event_time(room, room.log.first)


def _fits(mask: str, row: m.RoomInfo) -> bool:
    number = mask[1:]
    if mask[:1] in {">", "<"} and number.isdecimal() and len(number) < 10:  # noqa: PLR2004 - of any room
        return row.members > int(number) if mask[0] == ">" else row.members < int(number)
    if mask.startswith("!"):
        return not matches(number, row.room)
    return matches(mask, row.room)


def _row(client: Client, name: str, members: int, topic: str) -> None:
    client.numeric(n.LIST, name, str(members), text=topic)


async def invite(client: Client, line: Line) -> None:
    """Let somebody come into a channel, or tell which ones wait for oneself."""
    if not line.params:
        await client.questions.settle()
        for wanted, _ in invitations_of(client.me, client.world.calendar.now):
            client.numeric(n.INVITELIST, wanted.name)
        client.numeric(n.ENDOFINVITELIST)
        return
    if len(line.params) < 2 or not all(line.params[:2]):  # noqa: PLR2004 - whom, and where
        client.numeric(n.NEEDMOREPARAMS, "INVITE")
        return
    nick, name = line.params[:2]
    user = client.network.user_called(nick)
    room = client.room(name) if name.startswith("#") else None
    if user is None:
        client.numeric(n.NOSUCHNICK, nick)
    elif room is None:
        client.numeric(n.NOSUCHCHANNEL, name)
    elif client.me not in room.members:
        client.numeric(n.NOTONCHANNEL, name)
    else:
        try:
            await client.questions.ask(lambda id_: m.InviteTo(id=id_, room=room.name, whom=nick))
        except RefusedError as error:
            if error.answer.code == Code.ALREADY_A_MEMBER:
                client.numeric(n.USERONCHANNEL, user.nick, name)
            else:
                about(client, "INVITE", name, error.answer, nick)
        else:
            client.numeric(n.INVITING, user.nick, name)


async def kick(client: Client, line: Line) -> None:
    """Remove somebody, or some, from a channel: from one, or each from another."""
    names, nicks = (param.split(",")[:MOST_NAMED] for param in line.params[:2])
    reason = line.params[2] if len(line.params) > 2 else ""  # noqa: PLR2004 - the comment
    if len(names) not in {1, len(nicks)}:
        client.numeric(n.NEEDMOREPARAMS, "KICK")
        return
    for number, nick in enumerate(nicks):
        await _kick(client, names[number if len(names) > 1 else 0], nick, reason, alone=len(nicks) == 1)


async def _kick(client: Client, name: str, nick: str, reason: str, *, alone: bool) -> None:
    room = client.room(name) if name.startswith("#") else None
    if room is None:
        client.numeric(n.NOSUCHCHANNEL, name)
    elif client.me not in room.members:
        client.numeric(n.NOTONCHANNEL, name)
    elif not _is_in(client, room, nick):
        client.numeric(n.USERNOTINCHANNEL, nick, name)
    else:
        try:
            await client.questions.ask(
                lambda id_: m.Kick(id=id_, room=room.name, whom=nick, reason=reason),
                client.pass_label if alone else None,
            )
        except RefusedError as error:
            about(client, "KICK", room.name, error.answer, nick)


def _is_in(client: Client, room: Room, nick: str) -> bool:
    user = client.network.user_called(nick)
    return user is not None and user in room.members
