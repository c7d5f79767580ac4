"""Modes: what MODE can say of a channel and of oneself, as far as rooms have rules that are that."""

from collections.abc import Callable, Sequence
from typing import Final

from chatd.chat.acts import BAN
from chatd.chat.networks import network_named
from chatd.chat.state import Room
from chatd.server.irc import numerics as n
from chatd.server.irc.client import Client
from chatd.server.irc.commands.refusals import about
from chatd.server.irc.names import fold
from chatd.server.irc.questions import RefusedError
from chatd.server.irc.rendering import ban_mask, modes_of
from chatd.server.irc.welcoming import MOST_CHANGES
from chatd.wire import messages as m
from chatd.wire.irc import Line

USER_MODES: Final = frozenset("iB")
"""The modes that one may give oneself."""

RULES: Final[dict[str, tuple[str, str]]] = {
    "+i": ("kind", "private"),
    "-i": ("kind", "public"),
    "+s": ("kind", "private"),
    "-s": ("kind", "public"),
    "+m": ("kind", "read-only"),
    "-m": ("kind", "public"),
    "+t": ("topic", "moderator"),
    "-t": ("topic", "member"),
}
"""The rules that modes are. A room is of one kind: so +i takes +m away."""

PARAMETERS: Final = frozenset("bo")


async def mode(client: Client, line: Line) -> None:
    """Tell or change modes."""
    target = line.params[0]
    if not target.startswith("#"):
        _own_modes(client, target, line.params[1:])
        return
    room = client.room(target)
    if room is None:
        client.numeric(n.NOSUCHCHANNEL, target)
    elif len(line.params) == 1:
        await _tell(client, room)
    else:
        await _change(client, room, target, list(line.params[1:]))


def _own_modes(client: Client, nick: str, words: Sequence[str]) -> None:
    if fold(nick) != fold(client.nick):
        known = client.network.user_called(nick) is not None
        client.numeric(n.USERSDONTMATCH if known else n.NOSUCHNICK, *([] if known else [nick]))
        return
    if not words:
        operator = "o" if client.operates else ""
        client.numeric(n.UMODEIS, "+" + "".join(sorted(client.modes)) + operator)
        return
    changed, sign = "", "+"
    for letter in words[0]:
        if letter in "+-":
            sign = letter
        elif letter == "o":
            if sign == "-" and client.opered:
                client.opered = False
                client.network.operators.discard(client)
                changed += "-o"
        elif letter not in USER_MODES:
            client.numeric(n.UMODEUNKNOWNFLAG)
        elif (letter in client.modes) != (sign == "+"):
            (client.modes.add if sign == "+" else client.modes.discard)(letter)
            changed += sign + letter
    invisible = client.network.invisible
    (invisible.add if "i" in client.modes else invisible.discard)(client)
    if changed:
        client.own("MODE", client.nick, changed)


async def _tell(client: Client, room: Room) -> None:
    await client.questions.settle()
    client.numeric(n.CHANNELMODEIS, room.name, "+" + modes_of(room))
    made = await client.questions.event_time(room, room.log.first)
    if made:
        client.numeric(n.CREATIONTIME, room.name, str(made // 1000))


async def _change(client: Client, room: Room, target: str, words: list[str]) -> None:
    letters, params = words[0], words[1:]
    sign, count = "+", 0
    for letter in letters:
        if letter in "+-":
            sign = letter
            continue
        count += 1
        if count > MOST_CHANGES:
            return
        if letter == "b" and not params:
            await _bans(client, room)
        elif letter in PARAMETERS:
            if params and not await _with_parameter(client, room, target, sign + letter, params.pop(0)):
                return
        elif sign + letter in RULES:
            if not await _rule(client, room, target, sign + letter):
                return
        elif letter != "n":
            client.numeric(n.UNKNOWNMODE, letter)


async def _rule(client: Client, room: Room, target: str, change: str) -> bool:
    if (change[1] in modes_of(room)) == (change[0] == "+"):
        if client.me not in room.members:
            client.numeric(n.NOTONCHANNEL, target)
            return False
        return True
    rule, value = RULES[change]
    return await _ask(client, target, lambda id_: m.Set(id=id_, room=room.name, rule=rule, value=value))


async def _with_parameter(client: Client, room: Room, target: str, change: str, param: str) -> bool:
    if change[1] == "o":
        user = client.network.user_called(param)
        if user is None:
            client.numeric(n.NOSUCHNICK, param)
            return False
        if client.me in room.members and user not in room.members:
            client.numeric(n.USERNOTINCHANNEL, param, target)
            return False
        role = "moderator" if change[0] == "+" else "member"
        return await _ask(
            client, target, lambda id_: m.Role(id=id_, room=room.name, whom=param, role=role), param
        )
    whom = banned(param)
    if whom is None:
        text = "A ban is of a nick, as nick!*@*, or of addresses, as *!*@192.0.2.0/24."
        client.fail("MODE", "INVALID_MASK", target, param, text=text)
        return True
    if change[0] == "+":
        return await _ask(client, target, lambda id_: m.Ban(id=id_, room=room.name, whom=whom), param)
    return await _ask(client, target, lambda id_: m.Unban(id=id_, room=room.name, whom=whom), param)


async def _ask(client: Client, target: str, make: Callable[[int], m.Request], nick: str = "") -> bool:
    try:
        await client.questions.ask(make, client.pass_label)
    except RefusedError as error:
        about(client, "MODE", target, error.answer, nick)
        return False
    return True


async def _bans(client: Client, room: Room) -> None:
    """Tell the bans, to those who may know them."""
    what, after, more = BAN, "", True
    while more:
        try:
            ok = await client.questions.ask(
                lambda id_: m.Acts(id=id_, room=room.name, what=what, after=after)  # noqa: B023
            )
        except RefusedError as error:
            about(client, "MODE", room.name, error.answer)
            return
        acts = ok.acts or []
        for act in acts:
            if act.what == BAN:
                client.numeric(n.BANLIST, room.name, ban_mask(act.whom.removeprefix("@")))
        more = ok.more and bool(acts)
        what, after = (acts[-1].what, acts[-1].whom) if acts else (BAN, "")
    client.numeric(n.ENDOFBANLIST, room.name)


def banned(mask: str) -> str | None:
    """Return whom a ban of ``mask`` is of: a nick or a network; None if that cannot be said of a room."""
    nick, _, rest = mask.partition("!")
    host = rest.rpartition("@")[2] or mask.rpartition("@")[2]
    if "@" in mask and nick.strip("*") == "":
        return host if network_named(host) is not None else None
    nick = nick.partition("@")[0]
    return None if not nick or set(nick) & set("*?") else nick
