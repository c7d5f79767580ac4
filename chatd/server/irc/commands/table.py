"""The table of commands."""

from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple

from chatd.server.irc.client import Client, Handle
from chatd.server.irc.commands import (
    history,
    metadata,
    modes,
    negotiation,
    people,
    rooms,
    server,
    services,
    talking,
    watching,
)
from chatd.wire.irc import Line


class Command(NamedTuple):
    """What does a command: it has ``least`` parameters, comes ``early`` before 001 if that may be.

    One that ``flows`` need not wait for those before it which do. ``cost`` counts against the client's rate,
    beside what it asks of the hub.
    """

    handle: Handle
    least: int = 0
    early: bool = False
    flows: Callable[[Client, Line], bool] | None = None
    cost: float = 1


def _nick(client: Client, line: Line) -> Coroutine[Any, Any, None] | None:
    if client.registration is None:
        return people.nick(client, line)
    client.registration.nick(line)
    return None


COMMANDS: Final[dict[str, Command]] = {
    "AUTHENTICATE": Command(server.authenticate, 1, early=True),
    "AWAY": Command(people.away),
    "BATCH": Command(talking.batch, 1),
    "CAP": Command(negotiation.cap, early=True),
    "CHATHISTORY": Command(history.chathistory, cost=2),
    "HELP": Command(server.help_),
    "HELPOP": Command(server.help_),
    "INFO": Command(server.info),
    "INVITE": Command(rooms.invite),
    "ISON": Command(people.ison, 1),
    "JOIN": Command(rooms.join, 1),
    "KICK": Command(rooms.kick, 2),
    "KILL": Command(server.kill, 1),
    "LINKS": Command(server.links),
    "LIST": Command(rooms.list_rooms),
    "LUSERS": Command(server.lusers),
    "MARKREAD": Command(history.markread),
    "METADATA": Command(metadata.metadata, 1, early=True, cost=2),
    "MODE": Command(modes.mode, 1),
    "MONITOR": Command(watching.monitor, 1),
    "MOTD": Command(server.motd),
    "NAMES": Command(rooms.names),
    "NICK": Command(_nick, early=True),
    "NICKSERV": Command(services.nickserv),
    "NOTICE": Command(talking.notice, flows=talking.flows, cost=0),
    "NS": Command(services.nickserv),
    "OPER": Command(server.oper, 2),
    "PART": Command(rooms.part, 1),
    "PASS": Command(server.password, 1, early=True),
    "PING": Command(server.ping, early=True),
    "PONG": Command(server.pong, early=True),
    "PRIVMSG": Command(talking.privmsg, flows=talking.flows, cost=0),
    "QUIT": Command(server.quit_, early=True),
    "REDACT": Command(history.redact, 2),
    "REGISTER": Command(services.register, 3, early=True),
    "SETNAME": Command(people.setname, 1),
    "TAGMSG": Command(talking.tagmsg, 1),
    "TIME": Command(server.time),
    "TOPIC": Command(rooms.topic, 1),
    "USER": Command(server.user, early=True),
    "USERHOST": Command(people.userhost, 1),
    "VERSION": Command(server.version),
    "WALLOPS": Command(server.wallops, 1),
    "WHO": Command(people.who, cost=2),
    "WHOIS": Command(people.whois, 1),
    "WHOWAS": Command(people.whowas),
}
"""The commands, by their names. Others are not known."""
