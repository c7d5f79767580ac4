"""Modes: what MODE can say of a channel and of oneself, as far as rooms have rules that are that."""

from collections.abc import Callable, Sequence
from typing import Final

from chatd.chat import channel_modes as modes
from chatd.chat.acts import BAN
from chatd.chat.masks import ACCOUNT
from chatd.chat.networks import network_named
from chatd.chat.state import Room
from chatd.server.irc import numerics as n
from chatd.server.irc.client import Client
from chatd.server.irc.commands.refusals import about
from chatd.server.irc.names import fold, shown
from chatd.server.irc.questions import RefusedError
from chatd.server.irc.rendering import ban_mask, modes_of
from chatd.server.irc.welcoming import MOST_CHANGES
from chatd.wire import messages as m
from chatd.wire.errors import RequestError
from chatd.wire.irc import Line

USER_MODES: Final = frozenset("iBw")
"""The modes that one may give oneself."""

RULES: Final[dict[str, tuple[str, str]]] = {
    "+i": ("kind", "private"),
    "-i": ("kind", "public"),
    "+m": ("posting", "moderator"),
    "-m": ("posting", "member"),
    "+t": ("topic", "moderator"),
    "-t": ("topic", "member"),
}
"""The rules that modes are."""

PARAMETERS: Final = frozenset("beIklov")

LISTS: Final = {
    "b": (n.BANLIST, n.ENDOFBANLIST, {BAN: "", modes.MASK: "", modes.QUIET: modes.MUTES}),
    "e": (n.EXCEPTLIST, n.ENDOFEXCEPTLIST, {modes.EXCEPT: ""}),
    "I": (n.INVEXLIST, n.ENDOFINVEXLIST, {modes.INVEX: ""}),
}
"""The modes that are lists: how they are told, and of which acts they are."""


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
    client.network.note_modes(client)
    if changed:
        client.own("MODE", client.nick, changed)


async def _tell(client: Client, room: Room) -> None:
    await client.questions.settle()
    known = client.me in room.members
    values = [modes.parameter(room, what) for what in (modes.KEY, modes.LIMIT)]
    shown = [value if known or what else "*" for what, value in enumerate(values) if value]
    client.numeric(n.CHANNELMODEIS, room.name, "+" + modes_of(room), *shown)
    made = await client.questions.event_time(room, room.log.first)
    if made:
        client.numeric(n.CREATIONTIME, room.name, str(made // 1000))


async def _change(client: Client, room: Room, target: str, words: list[str]) -> None:
    params = words[1:]
    sign, count = "+", 0
    for letter in words[0]:
        if letter in "+-":
            sign = letter
            continue
        count += 1
        if count > MOST_CHANGES:
            return
        if letter in LISTS and not params:
            await _list(client, room, target, letter)
        elif letter in PARAMETERS and sign + letter != "-l":
            param = params.pop(0) if params else ""
            if (param or letter == "k") and not await _with_parameter(
                client, room, target, sign + letter, param
            ):
                return
        elif sign + letter in RULES or letter in "ls":
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
    if change[1] in "ls":
        if change == "-s" and room.rules.kind == "private":
            return True  # nobody else knows of a private room
        return await _ask(
            client, target, lambda id_: modes.MarkRoom(id=id_, room=room.name, rule=change, value="")
        )
    rule, value = ("kind", "public") if change == "-m" and room.rules.kind == "read-only" else RULES[change]
    return await _ask(client, target, lambda id_: m.Set(id=id_, room=room.name, rule=rule, value=value))


async def _with_parameter(client: Client, room: Room, target: str, change: str, param: str) -> bool:
    letter = change[1]
    if letter in "ov":
        return await _of_member(client, room, target, change, param)
    if letter in "kl":
        return await _of_room(client, room, target, change, param)
    whom = banned(param) if letter == "b" else None
    make: Callable[[int], m.Request]
    if whom is None:
        try:
            act = modes.named(change, param)
        except RequestError as error:
            client.numeric(n.INVALIDMODEPARAM, target, letter, shown(param), text=error.text)
            return True
        make = lambda id_: modes.MarkPeople(id=id_, room=room.name, whom=param, change=change)  # noqa: E731
    else:
        act = (BAN, network_named(whom) or f"@{fold(whom)}")
        kind = m.Ban if change[0] == "+" else m.Unban
        make = lambda id_: kind(id=id_, room=room.name, whom=whom)  # noqa: E731
    done = await _ask(client, target, make, param)
    if done:
        client.network.acted(room, act, on=change[0] == "+")
    return done


async def _of_member(client: Client, room: Room, target: str, change: str, param: str) -> bool:
    user = client.network.user_called(param)
    if user is None:
        client.numeric(n.NOSUCHNICK, param)
        return False
    if client.me in room.members and user not in room.members:
        client.numeric(n.USERNOTINCHANNEL, param, target)
        return False
    make: Callable[[int], m.Request]
    if change[1] == "v":
        make = lambda id_: modes.MarkPeople(id=id_, room=room.name, whom=param, change=change)  # noqa: E731
    elif change == "-o" and user is client.user and user in room.owners:
        make = lambda id_: modes.MarkRoom(id=id_, room=room.name, rule="-o", value="")  # noqa: E731
    else:
        role = "moderator" if change[0] == "+" else "member"
        make = lambda id_: m.Role(id=id_, room=room.name, whom=param, role=role)  # noqa: E731
    return await _ask(client, target, make, param)


async def _of_room(client: Client, room: Room, target: str, change: str, param: str) -> bool:
    try:
        modes.named(change, param)
    except RequestError as error:
        bad = "*" if change[1] == "k" else shown(param)
        client.numeric(n.INVALIDMODEPARAM, target, change[1], bad, text=error.text)
        return True
    return await _ask(
        client, target, lambda id_: modes.MarkRoom(id=id_, room=room.name, rule=change, value=param)
    )


async def _ask(client: Client, target: str, make: Callable[[int], m.Request], nick: str = "") -> bool:
    try:
        await client.questions.ask(make, client.pass_label)
    except RefusedError as error:
        about(client, "MODE", target, error.answer, nick)
        return False
    return True


async def _list(client: Client, room: Room, target: str, letter: str) -> None:
    """Tell a list of masks, with who has put them there, to who is in the channel."""
    await client.questions.settle()
    row, end, kinds = LISTS[letter]
    if client.me not in room.members:
        client.numeric(n.NOTONCHANNEL, target)
        return
    for act in list(room.acts.values()):
        if act.what in kinds:
            mask = ban_mask(act.whom.removeprefix("@")) if act.what == BAN else kinds[act.what] + act.whom
            since = client.network.act_times.get((room.log.id, act.what, act.whom))
            by = [client.network.nuh(act.by), str(since // 1000)] if since and act.by else []
            client.numeric(row, room.name, mask, *by)
    client.numeric(end, room.name)


def banned(mask: str) -> str | None:
    """Return whom a ban of ``mask`` is of: a nick or a network; None for all that only a mask can say."""
    if mask.startswith((modes.MUTES, ACCOUNT)):
        return None
    nick, _, rest = mask.partition("!")
    if not rest and "@" in mask:
        nick, rest = "*", mask
    user, _, host = rest.partition("@")
    if nick.strip("*") == "" and user.strip("*") == "":
        return host if network_named(host) is not None else None
    plain = nick and not set(nick) & set("*?") and user.strip("*") == "" and host.strip("*") == ""
    return nick if plain else None
