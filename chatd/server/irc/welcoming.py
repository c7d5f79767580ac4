"""Welcoming: how a client gets its session, and what it is told first."""

from typing import Final

from msgspec.structs import replace

import chatd
from chatd.chat.arrival import Arrival
from chatd.chat.channel_modes import MOST_MASKS
from chatd.chat.state import Session
from chatd.chat.text import check_label
from chatd.server.eager import outlet
from chatd.server.irc import channels, metadata
from chatd.server.irc import numerics as n
from chatd.server.irc.client import Client
from chatd.server.irc.rendering import time_of
from chatd.wire.errors import RequestError
from chatd.wire.irc import pieces
from chatd.wire.limits import MAX_NAME, MAX_REASON, MAX_ROOMS, MAX_STATUS, MAX_TOPIC
from chatd.wire.messages import Hello, Welcome

USER_MODES: Final = "Biow"
CHANNEL_MODES: Final = "beIiklmnostv"
WITH_PARAMETER: Final = "beIklov"

MOST_MOTD_LINE: Final = 400
"""Bytes of one line of the message of the day."""

MOST_MONITORED: Final = 100
"""Nicks that one client watches."""

MOST_NAMED: Final = 20
"""Channels, or nicks, that one line joins, leaves, lists or asks about."""

MOST_ADDRESSED: Final = 4
"""Channels and nicks that one line is said to."""

MOST_TARGETS: Final = {
    "JOIN": MOST_NAMED,
    "KICK": MOST_NAMED,
    "LIST": MOST_NAMED,
    "NAMES": MOST_NAMED,
    "NOTICE": MOST_ADDRESSED,
    "PART": MOST_NAMED,
    "PRIVMSG": MOST_ADDRESSED,
    "TAGMSG": 1,
    "WHOIS": 1,
    "WHOWAS": MOST_NAMED,
}
"""Targets that one line has."""

MOST_CHANGES: Final = 4
"""Modes of one line that are changed."""

MOST_HISTORY: Final = 100
"""Messages in one answer of CHATHISTORY."""

_LABEL: Final = "IRC"


def enter(client: Client, arrival: Arrival, hello: Hello, device: str) -> Arrival:
    """Let ``client`` in, on a session of its own: a guest's ends with it, an account's is taken up again.

    The session of an account is known by the name of the ``device``. Where another connection has it, this
    one has another, which ends with it.
    """
    connection = client.connection
    server = connection.server
    session, user = arrival.session, arrival.session.user
    label = label_of(device)
    if user.account is None:
        session.fleeting = True
    else:
        before = [one for one in user.sessions if one.label == label and one is not session]
        idle = next((one for one in before if one.peer is None), None)
        if idle is not None:
            server.hub.abandon(session, server.wall())
            arrival = Arrival(idle, True, arrival.pulse)
        elif before:
            session.fleeting = True
        known = next((one.cursors for one in [arrival.session, *before] if one.cursors), {})
        starts = {} if client.has("draft/chathistory") else client.cursors.resume(user, known)
        hello = replace(hello, label=label, cursors=starts)
    client.user = user
    server.admission.arrive(connection, arrival, hello, {})
    client.dialect.connect(outlet(connection.transport))
    return arrival


def label_of(device: str) -> str:
    """Return what the session of ``device`` is called; one that nothing can be called is no device."""
    label = f"{_LABEL} {device}".strip()
    try:
        check_label(label)
    except RequestError:
        return _LABEL
    return label if label.isprintable() else _LABEL


def welcome(client: Client, message: Welcome) -> None:
    """Tell ``client`` where it is (001 to 422)."""
    network = client.network
    client.nick = message.nick
    network.entered(client)
    client.numeric(
        n.WELCOME, text=f"Welcome to the {network.config.network} network, {network.nuh(message.nick)}"
    )
    version = f"chatd-{chatd.__version__}"
    client.numeric(n.YOURHOST, text=f"Your host is {network.name}, running version {version}")
    client.numeric(n.CREATED, text=f"This server was started {time_of(network.began)}")
    client.numeric(n.MYINFO, network.name, version, USER_MODES, CHANNEL_MODES, WITH_PARAMETER)
    isupport(client)
    lusers(client)
    metadata.welcomed(client)
    motd(client)
    if client.session is not None:
        _confirm(client, client.session)
    channels.enter(client, message.rooms, arrives=True)


def _confirm(client: Client, session: Session) -> None:
    """Take the session for known: there is no token that could have been lost."""
    if not session.fleeting:
        client.connection.server.hub.confirm(session)


def isupport(client: Client) -> None:
    """Tell what this server does (005)."""
    network = client.network.config.network
    tokens = [
        f"AWAYLEN={MAX_STATUS}",
        "BOT=B",
        "CASEMAPPING=ascii",
        f"CHANLIMIT=#:{MAX_ROOMS}",
        "CHANMODES=beI,k,l,imnst",
        f"CHANNELLEN={1 + MAX_NAME}",
        "CHANTYPES=#",
        f"CHATHISTORY={MOST_HISTORY}",
        "ELIST=CMNTU",
        "EXCEPTS=e",
        "EXTBAN=,am",
        "ACCOUNTEXTBAN=a",
        "INVEX=I",
        f"KICKLEN={MAX_REASON}",
        f"MAXLIST=beI:{MOST_MASKS}",
        f"MODES={MOST_CHANGES}",
        f"MONITOR={MOST_MONITORED}",
        "MSGREFTYPES=msgid,timestamp",
        f"NETWORK={network}",
        f"NICKLEN={MAX_NAME}",
        "PREFIX=(ov)@+",
        "SAFELIST",
        "STATUSMSG=@+",
        "TARGMAX=" + ",".join(f"{command}:{most}" for command, most in MOST_TARGETS.items()),
        f"TOPICLEN={MAX_TOPIC}",
        "UTF8ONLY",
        "WHOX",
    ]
    for begin in range(0, len(tokens), 12):
        client.numeric(n.ISUPPORT, *tokens[begin : begin + 12])


def lusers(client: Client) -> None:
    """Tell how many are here."""
    network = client.network
    users, most = network.users, max(network.most, network.users)
    hidden = len(network.invisible)
    text = f"There are {users - hidden} users and {hidden} invisible on 1 servers"
    client.numeric(n.LUSERCLIENT, text=text)
    client.numeric(n.LUSEROP, str(network.operating))
    client.numeric(n.LUSERUNKNOWN, str(len(network.unregistered)))
    client.numeric(n.LUSERME, text=f"I have {users} clients and 0 servers")
    for numeric in (n.LOCALUSERS, n.GLOBALUSERS):
        client.numeric(numeric, str(users), str(most), text=f"Current users {users}, max {most}")


def motd(client: Client) -> None:
    """Tell the message of the day."""
    text = client.network.config.motd
    if not text:
        client.numeric(n.NOMOTD)
        return
    client.numeric(n.MOTDSTART, text=f"- {client.network.name} Message of the day -")
    for line in text.splitlines():
        for piece in list(pieces(line, MOST_MOTD_LINE)) or [""]:
            client.numeric(n.MOTD, text=f"- {piece}")
    client.numeric(n.ENDOFMOTD)
