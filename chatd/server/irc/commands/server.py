"""The server: PING, QUIT, and what it tells of itself."""

# ruff: noqa: ARG001 - the handlers of the table take the same arguments, whatever each of them needs

from typing import Final

import chatd
from chatd.chat import accounts
from chatd.server.admission import check_secure
from chatd.server.auth.credentials import Password
from chatd.server.budgets import Action
from chatd.server.irc import numerics as n
from chatd.server.irc import welcoming
from chatd.server.irc.client import Client
from chatd.server.irc.later_login import later_login
from chatd.server.irc.network import OTHERS_PER_UNIT
from chatd.server.irc.rendering import time_of
from chatd.wire.errors import ChatdError, CloseReason
from chatd.wire.irc import Line, cut, encode
from chatd.wire.limits import MAX_REASON


async def ping(client: Client, line: Line) -> None:
    """Give a token back, behind all that was done before."""
    if not line.params:
        client.numeric(n.NOORIGIN)
        return
    if client.registration is None:
        await client.questions.settle()
    client.tell("PONG", client.network.name, line.params[0])


def pong(client: Client, line: Line) -> None:
    """Be alive, as any line shows, and have all that came before."""
    if line.params:
        client.cursors.pong(line.params[-1])


def quit_(client: Client, line: Line) -> None:
    """Go."""
    reason = line.params[0] if line.params else "Quit"
    session = client.session
    if session is not None:
        session.farewell = f"Quit: {cut(reason, MAX_REASON - 8)}"
    client.finish()
    client.connection.close(CloseReason.GOODBYE, reason)


def motd(client: Client, line: Line) -> None:
    """Tell the message of the day."""
    welcoming.motd(client)


def lusers(client: Client, line: Line) -> None:
    """Tell how many are here."""
    welcoming.lusers(client)


def version(client: Client, line: Line) -> None:
    """Tell what this is."""
    client.numeric(n.VERSION, f"chatd-{chatd.__version__}", client.network.name, text="chatd")
    welcoming.isupport(client)


def time(client: Client, line: Line) -> None:
    """Tell what time it is here."""
    now = client.network.server.wall()
    client.numeric(n.TIME, client.network.name, str(now // 1000), "0", text=time_of(now))


def links(client: Client, line: Line) -> None:
    """Tell that there are no servers beside this one."""
    client.numeric(n.ENDOFLINKS, "*")


async def oper(client: Client, line: Line) -> None:
    """Be an operator's: by one's own account, or by the name and the password of another one."""
    if not client.operates:
        refusal = await _refused(client, *line.params[:2])
        if refusal:
            client.numeric(n.PASSWDMISMATCH, text=refusal)
            return
        client.opered = True
        client.network.operators.add(client)
    client.numeric(n.YOUREOPER)
    client.own("MODE", client.nick, "+o")


async def _refused(client: Client, name: str, secret: str) -> str:
    """Return why ``name`` with its password is no operator's; nothing if it is."""
    connection = client.connection
    host, server = connection.peer_host, connection.server
    try:
        check_secure(connection)
        server.spend(Action.LOGIN, host)
        nick = await server.doors.gatekeeper.ask(Password(name, secret, host))
    except ChatdError as error:
        return error.text
    user = accounts.find(client.world, nick)
    return "" if user is not None and user.operator else "That account is no operator's."


def kill(client: Client, line: Line) -> None:
    """End all connections of somebody, who may come back."""
    victim = client.network.user_called(line.params[0])
    if not client.operates:
        client.numeric(n.NOPRIVILEGES)
    elif victim is None:
        client.numeric(n.NOSUCHNICK, line.params[0])
    else:
        reason = line.params[1] if len(line.params) > 1 else "no reason given"
        text = cut(f"Killed by {client.nick}: {reason}", MAX_REASON - 8)
        for session in list(victim.sessions):
            session.farewell = text
            if session.peer is not None:
                session.peer.close(CloseReason.ENDED, text)


def wallops(client: Client, line: Line) -> None:
    """Tell those who want to hear it (+w) what an operator says."""
    if not client.operates:
        client.numeric(n.NOPRIVILEGES)
        return
    told = encode(client.network.nuh(client.nick), "WALLOPS", line.params[0])
    others = client.network.all_clients()
    client.connection.input.gate.charge(len(others) / OTHERS_PER_UNIT)
    for other in others:
        if "w" in other.modes:
            other.write(told)


HELP: Final = {
    "": (
        "JOIN #channel, PART #channel, PRIVMSG #channel :text, PRIVMSG nick :text",
        "QUIT ends the connection.",
    ),
    "JOIN": ("JOIN #channel[,#channel]: come into channels. Nobody needs a key here.",),
    "PRIVMSG": ("PRIVMSG #channel :text, PRIVMSG nick :text: say something. Messages to a nick are kept.",),
    "REGISTER": ("REGISTER * * password: make an account of your nick.",),
    "CHATHISTORY": ("CHATHISTORY LATEST #channel * 50: what was said. Also BEFORE, AFTER, AROUND, BETWEEN.",),
}
"""What can be asked for help on."""


def help_(client: Client, line: Line) -> None:
    """Explain."""
    subject = line.params[0] if line.params else ""
    found = HELP.get(subject.upper())
    if found is None:
        client.numeric(n.HELPNOTFOUND, subject)
        return
    name = subject or "*"
    client.numeric(n.HELPSTART, name, text="docs/IRC.md of chatd says more.")
    for text in found:
        client.numeric(n.HELPTXT, name, text=text)
    client.numeric(n.ENDOFHELP, name)


def info(client: Client, line: Line) -> None:
    """Tell what this is, in words."""
    client.numeric(n.INFO, text=f"chatd {chatd.__version__}, a chat server for networks that fail")
    client.numeric(n.ENDOFINFO)


def password(client: Client, line: Line) -> None:
    """Show the listener's password, that of the account whose name the nick is, or of one before a colon."""
    if client.registration is None:
        client.numeric(n.ALREADYREGISTERED)
    else:
        client.registration.show(line.params[0])


def user(client: Client, line: Line) -> None:
    """Say what one is called otherwise."""
    if client.registration is None:
        client.numeric(n.ALREADYREGISTERED)
    else:
        client.registration.named_by(line)


def authenticate(client: Client, line: Line) -> None:
    """Take the next word of SASL."""
    if not client.has("sasl"):
        client.numeric(n.SASLFAIL)
    elif client.registration is not None:
        client.registration.sasl.take(line.params[0])
    elif client.me.account is not None:
        client.numeric(n.SASLALREADY)
    else:
        client.later = client.later or later_login(client)
        client.later.take(line.params[0])
