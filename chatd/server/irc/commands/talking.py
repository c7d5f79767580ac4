"""Talking: PRIVMSG, NOTICE and TAGMSG. None of them waits for the one before."""

from collections.abc import Coroutine
from functools import partial
from typing import Any, Final

from chatd.chat.channel_modes import KeepTags
from chatd.chat.permissions import may_speak, takes_direct
from chatd.chat.status import own_status
from chatd.server.irc import numerics as n
from chatd.server.irc.client import Client
from chatd.server.irc.client_tags import PIECES, own_tags
from chatd.server.irc.commands import multiline, services
from chatd.server.irc.commands.refusals import speaking
from chatd.server.irc.names import ACTION, ctcp, event_id, plain
from chatd.server.irc.network import OTHERS_PER_UNIT
from chatd.server.irc.questions import RefusedError
from chatd.server.irc.rendering import prefixes_of, time_of
from chatd.server.irc.reply import Reply
from chatd.server.irc.welcoming import MOST_ADDRESSED
from chatd.wire.irc import MAX_BODY, Line, encode, encode_tags
from chatd.wire.messages import Error, Ok, React, Send, Typing

PERSIST: Final = "+draft/persist"
"""The tag of a TAGMSG that is kept with what is said."""

STATUS: Final = "@+"
"""The signs of whom something is told, before the name of a channel (STATUSMSG)."""


def flows(client: Client, line: Line) -> bool:
    """Return whether a message goes to the hub: such a one need not wait for those before it."""
    if len(line.params) < 2 or not all(line.params):  # noqa: PLR2004 - where, and what
        return False
    target, text = line.params[:2]
    return (
        "," not in target
        and target[:1] not in STATUS
        and not services.is_service(target)
        and not text.startswith("\x01")
        and _fits(client, line)
    )


def _fits(client: Client, line: Line) -> bool:
    """Return whether a message fits into the line that others are told."""
    target, text = line.params[:2]
    return (
        len(encode(client.network.nuh(client.nick), line.command, target, "")) + len(text.encode())
        <= MAX_BODY
    )


def privmsg(client: Client, line: Line) -> Coroutine[Any, Any, None] | None:
    """Say something to a channel, or to somebody."""
    return _say(client, line, notice=False)


def notice(client: Client, line: Line) -> Coroutine[Any, Any, None] | None:
    """Say something that no program is to answer, and of which no error is told."""
    return _say(client, line, notice=True)


def batch(client: Client, line: Line) -> None:
    """Begin or end a message of several lines."""
    if line.params[0].startswith("+"):
        multiline.begin(client, line)
    else:
        message = multiline.end(client, line)
        if message is not None:
            _post(client, *message, notice=message[0].command == "NOTICE")


async def _say_to_each(client: Client, line: Line, targets: list[str], *, notice: bool) -> None:
    """Say the same to several; their echoes stand in one batch where the line has a label."""
    reply = client.reply
    if reply is None:
        return
    within = reply.begin() if client.has("echo-message") else ""
    for target in targets:
        client.reply = Reply(client.network.name, "", reply.add, iter(client.new_batch, ""))
        client.echoing = within
        _say_to_one(client, Line(line.command, (target, *line.params[1:]), line.tags), notice=notice)
        client.echoing, client.reply = "", reply
    await client.questions.settle()  # they are answered
    await client.questions.settle()  # and were handed out


def _say(client: Client, line: Line, *, notice: bool) -> Coroutine[Any, Any, None] | None:
    if multiline.take(client, line):
        return None
    targets = list(dict.fromkeys(line.params[0].split(","))) if line.params else []
    if 1 < len(targets) <= MOST_ADDRESSED:
        return _say_to_each(client, line, targets, notice=notice)
    _say_to_one(client, line, notice=notice)
    return None


def _say_to_one(client: Client, line: Line, *, notice: bool) -> None:
    refusal = _refusal(client, line)
    if refusal is not None:
        client.connection.input.gate.charge(1)
        if not notice or refusal is n.INPUTTOOLONG:
            client.numeric(refusal, *([line.params[0]] if refusal is n.TOOMANYTARGETS else []))
        return
    target, text = line.params[:2]
    command = ctcp(text)
    if target[:1] in STATUS and target[1:2] == "#":
        _tell_some(client, line)
    elif services.is_service(target):
        services.hear(client, text)
    elif command is not None and command[0] != "ACTION":
        _relay(client, line.command, target, text)
    else:
        _post(client, line, plain(text if command is None else ACTION + command[1]), notice=notice)


def _refusal(client: Client, line: Line) -> n.Numeric | None:
    """Return what is wrong with a message whoever it is for, or None."""
    if not line.params or not line.params[0]:
        return n.NORECIPIENT
    if len(line.params) < 2 or not line.params[1]:  # noqa: PLR2004 - where, and what
        return n.NOTEXTTOSEND
    if "," in line.params[0]:
        return n.TOOMANYTARGETS
    return None if _fits(client, line) else n.INPUTTOOLONG


def _post(client: Client, line: Line, text: str, *, notice: bool) -> None:
    target = line.params[0]
    replied = event_id(line.tags.get("+draft/reply", ""))
    ref = replied[1] if replied is not None and replied[0] == _room(client, target) else 0
    tags = own_tags(line.tags) if client.has("message-tags") else {}
    if PIECES in line.tags:
        tags[PIECES] = line.tags[PIECES]
    if ref:
        tags.pop("+draft/reply", None)
    _send(client, tags, Send(id=0, n=1, room=_addressed(target), text=text, ref=ref, notice=notice), target)


def _addressed(target: str) -> str:
    return target if target.startswith("#") else f"@{target}"


def _room(client: Client, target: str) -> str:
    """Return the wire name of what ``target`` means."""
    room = client.room(target)
    return "" if room is None else room.name


def _send(client: Client, tags: dict[str, str], wish: Send, target: str) -> None:
    reply, session = client.detach(), client.session
    number = client.next_number()
    if session is not None:
        client.network.tags.put(session.id, number, tags)
    if reply.label and client.has("echo-message"):
        client.sent[number] = reply
    if client.echoing:
        client.batched[number] = client.echoing
    client.spoke = client.network.server.wall()
    client.questions.put(
        lambda id_: Send(id=id_, n=number, room=wish.room, text=wish.text, ref=wish.ref, notice=wish.notice),
        len(wish.text) + 64,
        partial(_sent, client, reply, wish, target, number),
    )


def _sent(client: Client, reply: Reply, wish: Send, target: str, number: int, answer: Ok | Error) -> None:
    with client.resume(reply):
        if isinstance(answer, Error):
            client.unsend(number)
            speaking(client, target, answer, notice=wish.notice)
        elif not wish.notice:
            _tell_away(client, target)
        client.answered_before_its_echo(number)


def _tell_away(client: Client, target: str) -> None:
    if target.startswith("#"):
        return
    user = client.network.user_called(target)
    away = None if user is None else own_status(client.world, user)
    if away is not None and user is not None:
        client.numeric(n.AWAY, user.nick, text=away.text or away.state)


def _tell_some(client: Client, line: Line) -> None:
    """Tell something to the moderators of a channel, or to who has a voice as well (STATUSMSG).

    It lies in no log, as a log is for all members, and reaches who is here with IRC.
    """
    target, text = line.params[:2]
    room, network = client.room(target[1:]), client.network
    if room is None:
        client.numeric(n.NOSUCHCHANNEL, target)
    elif not may_speak(client.asker, room):
        client.numeric(n.CANNOTSENDTOCHAN, target)
    else:
        others = network.clients_in(room)
        client.connection.input.gate.charge(1 + len(others) / OTHERS_PER_UNIT)
        told = encode(network.nuh(client.nick), line.command, target[0] + room.name, text)
        for other in others:
            signs = prefixes_of(room, other.me)
            if other is not client and (target[0] in signs or "@" in signs):
                other.write(told)
        if client.has("echo-message"):
            client.say(told)


def _relay(client: Client, command: str, target: str, text: str) -> None:
    """Hand a question of a program to those of the others; it is no conversation, and is not kept."""
    if target.startswith("#"):
        client.numeric(n.CANNOTSENDTOCHAN, target, text="Programs are asked one by one here.")
        return
    user = client.network.user_called(target)
    if user is None:
        if command != "NOTICE":
            client.numeric(n.NOSUCHNICK, target)
        return
    client.connection.input.gate.charge(1)
    line = encode(client.network.nuh(client.nick), command, user.nick, text)
    for other in client.network.clients_of(user) if takes_direct(client.me, user) else []:
        other.write(line)
    if client.has("echo-message"):
        client.say(line)


def tagmsg(client: Client, line: Line) -> Coroutine[Any, Any, None] | None:
    """React, tell that one types, or hand tags to those who know what they are."""
    if not client.has("message-tags"):
        client.numeric(n.UNKNOWNCOMMAND, "TAGMSG")
        return None
    target, session = line.params[0], client.session
    if client.room(target) is None and client.network.user_called(target) is None:
        client.numeric(n.NOSUCHCHANNEL if target.startswith("#") else n.NOSUCHNICK, target)
        return None
    about = event_id(line.tags.get("+draft/reply", ""))
    emoji = line.tags.get("+draft/react") or line.tags.get("+draft/unreact")
    if about is not None and emoji and session is not None:
        _react(client, line, about, emoji, off="+draft/react" not in line.tags)
    elif line.tags.get("+typing") == "active" and session is not None:
        hub = client.network.server.hub
        hub.typing.note(hub.world, client.connection, session, Typing(room=_addressed(target)))
    elif PERSIST in line.tags and _keeps(client, target):
        return _keep_tags(client, line)
    else:
        _hand_tags(client, line)
    return None


def _keeps(client: Client, target: str) -> bool:
    """Return whether tags for ``target`` are kept: where somebody may speak as often as they like."""
    room = client.room(target) if target.startswith("#") else None
    return room is not None and client.me in room.members and not room.rules.slow


async def _keep_tags(client: Client, line: Line) -> None:
    """Say tags that those hear as well who ask for history."""
    target = line.params[0]
    text = encode_tags(own_tags(line.tags)).strip("@ ")
    heard = client.pass_label if client.has("echo-message") else None
    try:
        await client.questions.ask(
            lambda id_: KeepTags(id=id_, room=_room(client, target), text=text), heard, len(text)
        )
    except RefusedError as error:
        client.numeric(n.CANNOTSENDTOCHAN, target, text=error.answer.text)


def _hand_tags(client: Client, line: Line) -> None:
    """Hand tags to the clients that take them; they are in no log."""
    target, tags = line.params[0], own_tags(line.tags)
    room = client.room(target)
    user = None if target.startswith("#") else client.network.user_called(target)
    if user is not None:
        others = client.network.clients_of(user) if takes_direct(client.me, user) else []
    elif room is not None and client.me in room.members and may_speak(client.asker, room):
        others = client.network.clients_in(room)
    else:
        client.numeric(n.CANNOTSENDTOCHAN, target)
        return
    client.connection.input.gate.charge(1 + len(others) / OTHERS_PER_UNIT)
    shown = target if user is None else user.nick
    tags["msgid"] = f"{client.me.id}-{next(client.loose)}-{client.network.server.wall()}"
    lines: dict[bool, bytes] = {}
    for timed in (True, False):
        extra = {"time": time_of(client.network.server.wall())} if timed else {}
        lines[timed] = encode(client.network.nuh(client.nick), "TAGMSG", shown, tags={**extra, **tags})
    for other in others:
        if other.has("message-tags") and other is not client:
            other.write(lines[other.has("server-time")])
    if client.has("echo-message"):
        client.say(lines[client.has("server-time")])
    if user is client.user:
        client.write(lines[client.has("server-time")])


def _react(client: Client, line: Line, about: tuple[str, int], emoji: str, *, off: bool) -> None:
    """React to an event; to what is none here, or with what is no emoji, only those hear who are here."""
    reply = client.detach()
    number = client.next_number()
    if reply.label and client.has("echo-message"):
        client.sent[number] = reply

    def reacted(answer: Ok | Error) -> None:
        with client.resume(reply):
            if isinstance(answer, Error):
                client.unsend(number)
                _hand_tags(client, line)
            client.answered_before_its_echo(number)

    client.questions.put(
        lambda id_: React(id=id_, n=number, room=about[0], seq=about[1], emoji=emoji, off=off), 64, reacted
    )
