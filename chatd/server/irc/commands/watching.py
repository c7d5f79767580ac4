"""Watching: MONITOR (ircv3.net, "Monitor")."""

from chatd.chat.names import check_nick
from chatd.server.irc import metadata
from chatd.server.irc import numerics as n
from chatd.server.irc.client import Client
from chatd.server.irc.names import fold
from chatd.server.irc.welcoming import MOST_MONITORED
from chatd.wire.errors import RequestError
from chatd.wire.irc import Line


def monitor(client: Client, line: Line) -> None:
    """Watch some, or no more, or tell who is watched and here."""
    word = line.params[0].upper()
    nicks = [nick for nick in line.params[1].split(",") if nick] if len(line.params) > 1 else []
    if word == "+":
        _add(client, nicks)
    elif word == "-":
        for nick in nicks:
            _drop(client, fold(nick))
    elif word == "C":
        for key in list(client.watched):
            _drop(client, key)
    elif word == "L":
        client.listed(n.MONLIST, words=client.watched.values(), between=",")
        client.numeric(n.ENDOFMONLIST)
    elif word == "S":
        _tell(client, list(client.watched.values()))


def _add(client: Client, nicks: list[str]) -> None:
    added: list[str] = []
    for number, nick in enumerate(nicks):
        if not _can_be(nick):
            continue
        if fold(nick) not in client.watched and len(client.watched) >= MOST_MONITORED:
            client.numeric(n.MONLISTFULL, str(MOST_MONITORED), ",".join(nicks[number:]))
            break
        client.watched[fold(nick)] = nick
        added.append(nick)
    _tell(client, added)


def _can_be(nick: str) -> bool:
    try:
        check_nick(nick)
    except RequestError:
        return False
    return True


def _drop(client: Client, key: str) -> None:
    if client.watched.pop(key, None) is not None:
        client.network.watchers.drop(client, key)


def _tell(client: Client, nicks: list[str]) -> None:
    here = {nick: client.network.watchers.add(client, nick) for nick in nicks}
    there = [client.network.nuh(_name(client, nick)) for nick, online in here.items() if online]
    client.listed(n.MONONLINE, words=there, between=",")
    client.listed(n.MONOFFLINE, words=[nick for nick, online in here.items() if not online], between=",")
    for nick in [nick for nick, online in here.items() if online]:
        metadata.watching(client, nick)


def _name(client: Client, nick: str) -> str:
    user = client.network.user_called(nick)
    return nick if user is None else user.nick
