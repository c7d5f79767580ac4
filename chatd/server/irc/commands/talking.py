"""Talking: PRIVMSG, NOTICE and TAGMSG. None of them waits for the one before."""

from functools import partial

from chatd.chat.status import own_status
from chatd.server.irc import numerics as n
from chatd.server.irc.client import Client
from chatd.server.irc.commands import services
from chatd.server.irc.commands.refusals import speaking
from chatd.server.irc.names import ACTION, ctcp, event_id, nuh, plain
from chatd.server.irc.reply import Reply
from chatd.wire.irc import MAX_BODY, Line, encode
from chatd.wire.messages import Error, Ok, React, Send, Typing


def flows(client: Client, line: Line) -> bool:
    """Return whether a message goes to the hub: such a one need not wait for those before it."""
    if len(line.params) < 2 or not all(line.params):  # noqa: PLR2004 - where, and what
        return False
    target, text = line.params[:2]
    return (
        "," not in target
        and not services.is_service(target)
        and not text.startswith("\x01")
        and _fits(client, line)
    )


def _fits(client: Client, line: Line) -> bool:
    """Return whether a message fits into the line that others are told."""
    target, text = line.params[:2]
    return len(encode(nuh(client.nick), line.command, target, "")) + len(text.encode()) <= MAX_BODY


def privmsg(client: Client, line: Line) -> None:
    """Say something to a channel, or to somebody."""
    _say(client, line, notice=False)


def notice(client: Client, line: Line) -> None:
    """Say something that no program is to answer, and of which no error is told."""
    _say(client, line, notice=True)


def _say(client: Client, line: Line, *, notice: bool) -> None:
    if not line.params or not line.params[0]:
        if not notice:
            client.numeric(n.NORECIPIENT)
        return
    target, text = line.params[0], line.params[1] if len(line.params) > 1 else ""
    if not text:
        if not notice:
            client.numeric(n.NOTEXTTOSEND)
        return
    if "," in target:
        if not notice:
            client.numeric(n.TOOMANYTARGETS, target)
        return
    if not _fits(client, line):
        client.numeric(n.INPUTTOOLONG)
        return
    if services.is_service(target):
        services.hear(client, target, text)
        return
    command = ctcp(text)
    if command is not None and command[0] != "ACTION":
        _relay(client, line.command, target, text)
        return
    said = plain(text if command is None else ACTION + command[1])
    replied = event_id(line.tags.get("+draft/reply", ""))
    room = _room(client, target)
    ref = replied[1] if replied is not None and replied[0] == room else 0
    _send(client, Send(id=0, n=1, room=_addressed(target), text=said, ref=ref, notice=notice), target)


def _addressed(target: str) -> str:
    return target if target.startswith("#") else f"@{target}"


def _room(client: Client, target: str) -> str:
    """Return the wire name of what ``target`` means."""
    room = client.room(target)
    return "" if room is None else room.name


def _send(client: Client, wish: Send, target: str) -> None:
    reply, session = client.detach(), client.session
    number = 1 if session is None else session.last + 1
    if reply.label and client.has("echo-message"):
        client.sent[number] = reply.label
    client.spoke = client.network.server.wall()
    client.ask_then(
        lambda id_: Send(id=id_, n=number, room=wish.room, text=wish.text, ref=wish.ref, notice=wish.notice),
        len(wish.text) + 64,
        partial(_sent, client, reply, wish, target, number),
    )


def _sent(client: Client, reply: Reply, wish: Send, target: str, number: int, answer: Ok | Error) -> None:
    before, client.reply = client.reply, reply
    if isinstance(answer, Error):
        client.sent.pop(number, None)
        speaking(client, target, answer, notice=wish.notice)
    elif not wish.notice:
        _tell_away(client, target)
    if number in client.sent:
        reply.pass_on()
    client.finish()
    client.reply = before


def _tell_away(client: Client, target: str) -> None:
    if target.startswith("#"):
        return
    user = client.network.user_called(target)
    away = None if user is None else own_status(client.world, user)
    if away is not None and user is not None:
        client.numeric(n.AWAY, user.nick, text=away.text or away.state)


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
    line = encode(nuh(client.nick), command, user.nick, text)
    for other in client.network.clients_of(user):
        if client.me.id not in user.blocked:
            other.write(line)
    if client.has("echo-message"):
        client.say(line)


def tagmsg(client: Client, line: Line) -> None:
    """React, or tell that one types; no other tags are known."""
    if not line.params or not line.params[0]:
        client.numeric(n.NEEDMOREPARAMS, "TAGMSG")
        return
    target, session = line.params[0], client.session
    if client.room(target) is None and client.network.user_called(target) is None:
        client.numeric(n.NOSUCHCHANNEL if target.startswith("#") else n.NOSUCHNICK, target)
        return
    about = event_id(line.tags.get("+draft/reply", ""))
    emoji = line.tags.get("+draft/react") or line.tags.get("+draft/unreact")
    if about is not None and emoji and session is not None:
        _react(client, about, emoji, target, off="+draft/react" not in line.tags)
    elif line.tags.get("+typing") == "active" and session is not None:
        hub = client.network.server.hub
        hub.typing.note(hub.world, client.connection, session, Typing(room=_addressed(target)))


def _react(client: Client, about: tuple[str, int], emoji: str, target: str, *, off: bool) -> None:
    reply, session = client.detach(), client.session
    number = 1 if session is None else session.last + 1

    def reacted(answer: Ok | Error) -> None:
        before, client.reply = client.reply, reply
        if isinstance(answer, Error):
            client.fail("TAGMSG", answer.code.replace("-", "_").upper(), target, text=answer.text)
        client.finish()
        client.reply = before

    client.ask_then(
        lambda id_: React(id=id_, n=number, room=about[0], seq=about[1], emoji=emoji, off=off), 64, reacted
    )
