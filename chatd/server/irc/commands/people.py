"""People: WHO, WHOIS, WHOWAS, ISON, USERHOST, AWAY, SETNAME and NICK."""

from itertools import islice
from typing import Final

from chatd.chat import metadata as kept
from chatd.chat.channel_modes import is_unlisted
from chatd.chat.permissions import knows
from chatd.chat.state import Room, User
from chatd.chat.status import own_status
from chatd.server.irc import channels, metadata
from chatd.server.irc import numerics as n
from chatd.server.irc.client import Client
from chatd.server.irc.names import HOST, fold, matches, shown
from chatd.server.irc.network import OTHERS_PER_UNIT
from chatd.server.irc.questions import RefusedError
from chatd.server.irc.welcoming import MOST_NAMED
from chatd.wire import messages as m
from chatd.wire.errors import Code
from chatd.wire.irc import Line, encode

MOST_FOUND: Final = 500
"""People of one WHO."""

LOOKED_AT: Final = 500
"""People who are looked at in one turn: a millisecond of work."""

TOLD_PER_UNIT: Final = 50
"""People told of who cost as much as a message; one turn of those who are only looked at costs the same."""

FIELDS: Final = "tcuihsnfdlaor"
"""The fields of WHOX, in the order in which they are told."""

MOST_ROOMS: Final = 100
"""Channels of somebody that WHOIS tells of."""

ON_ONE_LINE: Final = 5
"""Nicks of USERHOST that are answered."""


def is_away(client: Client, user: User) -> str:
    """Return what is said of ``user`` where they are away or not here; nothing where they are."""
    status = own_status(client.world, user)
    if status is not None:
        return status.text or status.state
    return "" if user.connected else "offline"


async def who(client: Client, line: Line) -> None:
    """Tell of those in a channel, or whose names are like a mask."""
    await client.questions.settle()
    mask = line.params[0] if line.params else "*"
    wish = line.params[1] if len(line.params) > 1 else ""
    operators = wish.partition("%")[0] == "o"
    room = client.room(mask) if mask.startswith("#") else None
    if room is not None:
        sees = sees_inside(client, room)
        people = list(islice(channels.members(client, room), MOST_FOUND)) if sees else []
    else:
        people = [] if mask.startswith("#") else await _like(client, mask)
    for user in people:
        if not operators or client.network.operates(user):
            _who_row(client, room, user, wish)
    client.connection.input.gate.charge(len(people) / TOLD_PER_UNIT)
    client.numeric(n.ENDOFWHO, mask)


def sees_inside(client: Client, room: Room) -> bool:
    """Return whether ``client`` is told who is in ``room``."""
    return client.me in room.members or not (room.rules.kind == "private" or is_unlisted(room))


async def _like(client: Client, mask: str) -> list[User]:
    """Return those whose nick is like ``mask``; of those who hide, the ones in a room with the client.

    All who are here are looked at, some in each turn.
    """
    exact = client.network.user_called(mask)
    if exact is not None:
        return [exact] if exact.connected or exact.account is not None else []
    mask = "*" if mask == "0" else mask
    sessions = (connection.session for connection in list(client.network.server.connections))
    found: dict[User, None] = {}
    for number, session in enumerate(sessions, 1):
        if number % LOOKED_AT == 0:
            client.connection.input.gate.charge(1)
            await client.questions.rest()
        if session is not None and matches(mask, session.user.nick) and _is_seen(client, session.user):
            found[session.user] = None
        if len(found) >= MOST_FOUND:
            break
    return list(found)


def _is_seen(client: Client, user: User) -> bool:
    hides = any("i" in one.modes for one in client.network.clients_of(user))
    return not hides or user is client.user or not client.me.rooms.keys().isdisjoint(user.rooms)


def _who_row(client: Client, room: Room | None, user: User, wish: str) -> None:
    network = client.network
    shared = room or next((one for one in user.rooms if client.me in one.members), None)
    flags = "G" if is_away(client, user) else "H"
    flags += "*" if network.operates(user) else ""
    flags += "B" if network.bots(user) else ""
    flags += client.prefix_of(shared, user) if shared is not None else ""
    name = "*" if shared is None else shared.name
    realname = network.realname(user)
    if "%" not in wish:
        last = f"0 {realname}"
        client.numeric(
            n.WHOREPLY, name, network.username(user.nick), HOST, network.name, user.nick, flags, text=last
        )
        return
    wanted, _, token = wish.partition("%")[2].partition(",")
    fields = {
        "t": token or "0",
        "c": name,
        "u": network.username(user.nick),
        "i": "255.255.255.255",
        "h": HOST,
        "s": network.name,
        "n": user.nick,
        "f": flags,
        "d": "0",
        "l": "0",
        "a": network.account(user) or "0",
        "o": "n/a",
    }
    values = [fields[field] for field in FIELDS if field in wanted and field != "r"]
    if "r" in wanted:
        client.numeric(n.WHOSPCRPL, *values, text=realname)
    else:
        client.tell(n.WHOSPCRPL.number, client.nick, *values)


async def whois(client: Client, line: Line) -> None:
    """Tell all that is known of somebody."""
    await client.questions.settle()
    nick = line.params[-1] if len(line.params) < 3 else line.params[1]  # noqa: PLR2004 - server and nick
    nick = nick.split(",")[0]
    user = client.network.user_called(nick)
    if user is None:
        client.numeric(n.NOSUCHNICK, nick)
        client.numeric(n.ENDOFWHOIS, nick)
        return
    network = client.network
    client.numeric(
        n.WHOISUSER, user.nick, network.username(user.nick), HOST, "*", text=network.realname(user)
    )
    rooms = [room for room in user.rooms if knows(client.asker, room) and _shows(client, user, room)]
    shown_rooms = [client.prefix_of(room, user) + room.name for room in rooms[:MOST_ROOMS]]
    client.listed(n.WHOISCHANNELS, user.nick, words=shown_rooms)
    client.numeric(n.WHOISSERVER, user.nick, network.name, text=network.config.network)
    away = is_away(client, user)
    if away:
        client.numeric(n.AWAY, user.nick, text=away)
    if network.operates(user):
        client.numeric(n.WHOISOPERATOR, user.nick)
    if network.bots(user):
        client.numeric(n.WHOISBOT, user.nick)
    account = network.account(user)
    if account:
        client.numeric(n.WHOISACCOUNT, user.nick, account)
    for key, value in kept.of(client.world, user).items() if metadata.hears(client) else ():
        client.numeric(n.WHOISKEYVALUE, user.nick, key, "*", text=value)
    clients = network.clients_of(user)
    if clients:
        idle = max(0, network.server.wall() - max(one.spoke for one in clients)) // 1000
        since = min(one.since for one in clients) // 1000
        client.numeric(n.WHOISIDLE, user.nick, str(idle), str(since))
    client.numeric(n.ENDOFWHOIS, nick)


def _shows(client: Client, user: User, room: Room) -> bool:
    hides = is_unlisted(room) or any("i" in one.modes for one in client.network.clients_of(user))
    return not hides or user is client.user or client.me in room.members


def whowas(client: Client, line: Line) -> None:
    """Tell of those who were called so."""
    if not line.params:
        client.numeric(n.NONICKNAMEGIVEN)
        return
    nicks = line.params[0].split(",")[:MOST_NAMED]
    count = line.params[1] if len(line.params) > 1 else ""
    most = int(count) if count.isdecimal() and len(count) < 6 and int(count) else None  # noqa: PLR2004 - of few
    keys = {fold(nick) for nick in nicks}
    found = [past for past in client.network.past if fold(past.nick) in keys]
    for nick in nicks:
        if not any(fold(past.nick) == fold(nick) for past in found):
            client.numeric(n.WASNOSUCHNICK, nick)
    for past in found[:most]:
        client.numeric(n.WHOWASUSER, past.nick, past.username, HOST, "*", text=past.realname)
        client.numeric(n.WHOISSERVER, past.nick, client.network.name, text=client.network.config.network)
    client.numeric(n.ENDOFWHOWAS, line.params[0])


def ison(client: Client, line: Line) -> None:
    """Tell who of some is here."""
    nicks = " ".join(line.params).split()
    here = [nick for nick in nicks if client.network.is_here(nick)]
    client.numeric(n.ISON, text=" ".join(here))


def userhost(client: Client, line: Line) -> None:
    """Tell where some are."""
    found = []
    for nick in line.params[:ON_ONE_LINE]:
        user = client.network.user_called(nick)
        if user is not None:
            sign = "-" if is_away(client, user) else "+"
            star = "*" if client.network.operates(user) else ""
            found.append(f"{user.nick}{star}={sign}{client.network.username(user.nick)}@{HOST}")
    if found:
        client.listed(n.USERHOST, words=found)
    else:
        client.numeric(n.USERHOST, text="")


async def away(client: Client, line: Line) -> None:
    """Be away, or back."""
    text = line.params[0] if line.params else ""
    try:
        await client.questions.ask(lambda id_: m.SetStatus(id=id_, state="away" if text else "", text=text))
    except RefusedError as error:
        client.fail("AWAY", error.answer.code.replace("-", "_").upper(), text=error.answer.text)
        return
    client.numeric(n.NOWAWAY if text else n.UNAWAY)
    server = client.network.server
    server.hub.presence.hurry(server.clock.seconds())
    told = encode(client.network.nuh(client.nick), "AWAY", *([text] if text else []))
    client.network.watchers.tell(client.me, "away-notify", told)


def setname(client: Client, line: Line) -> None:
    """Be described otherwise."""
    if not client.has("setname"):
        client.numeric(n.UNKNOWNCOMMAND, "SETNAME")
        return
    client.realname = line.params[0]
    told = encode(client.network.nuh(client.nick), "SETNAME", client.realname)
    client.say(told)
    looked_at = client.network.tell_peers(client.me, "setname", told, own=False)
    client.connection.input.gate.charge(looked_at / OTHERS_PER_UNIT)
    client.network.watchers.tell(client.me, "setname", told)


async def nick(client: Client, line: Line) -> None:
    """Be called otherwise."""
    wish, old = line.params[0] if line.params else "", client.nick
    if not wish:
        client.numeric(n.NONICKNAMEGIVEN)
        return
    if wish == old:
        return

    def renamed(_: m.Ok) -> None:
        client.own("NICK", client.me.nick)
        client.nick = client.me.nick

    try:
        await client.questions.ask(lambda id_: m.Nick(id=id_, nick=wish), renamed)
    except RefusedError as error:
        code = error.answer.code
        taken = n.NICKNAMEINUSE if code == Code.NICK_TAKEN else n.ERRONEUSNICKNAME
        client.numeric(taken, shown(wish), text=error.answer.text)
        return
