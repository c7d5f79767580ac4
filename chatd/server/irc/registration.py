"""Registration: what comes before 001. One table maps its commands; the rest is refused with 451.

It ends when there is a nick and a USER, and neither a negotiation of capabilities nor SASL is under way. Then
its hello goes the way of all others (`chatd.server.admission`), but a nick that is taken is only told.
"""

import base64
import binascii
from typing import Any, Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from chatd.chat.arrival import Arrival
from chatd.chat.names import check_nick
from chatd.ops.log import Log
from chatd.server.gate import Hold
from chatd.server.irc import numerics as n
from chatd.server.irc.capabilities import MECHANISMS
from chatd.server.irc.client import Client
from chatd.server.irc.names import nuh, shown
from chatd.server.irc.rendering import account_name
from chatd.server.irc.welcoming import enter
from chatd.server.states import State
from chatd.wire.errors import ChatdError, CloseReason, Code, RequestError
from chatd.wire.heartbeat import Heartbeat
from chatd.wire.irc import Line
from chatd.wire.messages import Hello, Pulse

log = Log(__name__)

PULSE: Final = Pulse(30.0, 4)
"""Every client answers PING, but some show it; half a minute of silence disturbs nobody."""

CHUNK: Final = 400
"""Bytes of one AUTHENTICATE; one that is shorter is the last (ircv3.net, "SASL")."""

MOST_CHUNKS: Final = 8
"""Of these: more than any name and password are long."""

CLIENT_SIGN: Final = "@"
"""What parts an account from the name of a client of it, as bouncers have it: ``alice@phone``."""

_GONE: Any = None
"""What is left of a client that is gone."""

_RENAMES: Final = frozenset({Code.NICK_TAKEN, Code.BAD_NICK})


class Registration:
    """The registration of ``client``."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.wish = ""
        self.named = False
        self.negotiating = False
        self.device = ""
        self.arrival: Arrival | None = None
        self.password = ""
        self._mechanism = ""
        self._said: list[str] = []
        self._checking = False

    # ---- who one is ---------------------------------------------------------------------------------

    def nick(self, line: Line) -> None:
        """Wish for a nick."""
        client = self._client
        wish = line.params[0] if line.params else ""
        if not wish:
            client.numeric(n.NONICKNAMEGIVEN)
            return
        if not self._is_free(wish):
            return
        self.wish = wish
        client.network.unregistered.add(client)
        self.go_on()

    def _is_free(self, wish: str) -> bool:
        client = self._client
        world = client.world
        try:
            check_nick(wish)
        except RequestError as error:
            client.numeric(n.ERRONEUSNICKNAME, shown(wish), text=error.text)
            return False
        taken = client.network.user_called(wish)
        if taken is not None and taken.account is None:
            client.numeric(n.NICKNAMEINUSE, wish)
            return False
        if taken is None:
            try:
                world.free_nick(wish)
            except RequestError as error:
                client.numeric(n.NICKNAMEINUSE, wish, text=error.text)
                return False
        return True

    def named_by(self, line: Line) -> None:
        """Say what one is called otherwise (USER)."""
        client = self._client
        if len(line.params) < 4 or not line.params[3]:  # noqa: PLR2004 - user, mode, unused, realname
            client.numeric(n.NEEDMOREPARAMS, "USER")
            return
        client.realname = line.params[3]
        self.named = True
        self.go_on()

    def go_on(self) -> None:
        """Let the client in, if nothing is missing any more."""
        ready = self.wish and self.named and not (self.negotiating or self._mechanism or self._checking)
        if ready and self._client.connection.state is State.OPENED:
            self._enter()

    # ---- SASL ---------------------------------------------------------------------------------------

    def authenticate(self, line: Line) -> None:
        """Take the next word of SASL."""
        client, word = self._client, line.params[0]
        if self._checking:
            return
        if word == "*":
            self._end_sasl(n.SASLABORTED)
        elif not self._mechanism:
            self._choose(word)
        elif len(word) > CHUNK:
            self._end_sasl(n.SASLTOOLONG)
        else:
            if word != "+":
                self._said.append(word)
            if len(self._said) > MOST_CHUNKS:
                self._end_sasl(n.SASLFAIL)
            elif len(word) < CHUNK:
                self._log_in(client)

    def _choose(self, word: str) -> None:
        client = self._client
        if self.arrival is not None:
            client.numeric(n.SASLALREADY)
        elif word.upper() not in MECHANISMS:
            client.numeric(n.SASLMECHS, ",".join(MECHANISMS))
            self._end_sasl(n.SASLFAIL)
        else:
            self._mechanism = word.upper()
            self._said = []
            client.say(b"AUTHENTICATE +\r\n")

    def abort(self) -> None:
        """End a SASL that is under way, because the negotiation ends."""
        if self._mechanism and not self._checking:
            self._end_sasl(n.SASLABORTED)

    def _end_sasl(self, numeric: n.Numeric, text: str | None = None) -> None:
        self._mechanism = ""
        self._said = []
        self._client.numeric(numeric, text=text)

    def _log_in(self, client: Client) -> None:
        try:
            name, password = credentials("".join(self._said))
        except ValueError:
            self._end_sasl(n.SASLFAIL)
            return
        self._begin_login(client, name, password)

    def _begin_login(self, client: Client, name: str, password: str) -> None:
        """Have a password checked; nothing is taken before that is done."""
        account, _, self.device = name.partition(CLIENT_SIGN)
        self._checking = True
        connection = client.connection
        connection.input.gate.hold(Hold.LOGIN)
        hello = Hello(nick=account, password=password, heartbeat=PULSE)
        found: Deferred[Any] = maybeDeferred(connection.server.admission.login, connection, hello)
        found.addBoth(self._checked)

    def _checked(self, outcome: Any) -> None:
        client = self._client
        connection = client.connection
        self._checking = False
        connection.input.gate.lift(Hold.LOGIN)
        if connection.state is State.CLOSING:
            self._client = _GONE
            if isinstance(outcome, Arrival):
                connection.server.hub.abandon(outcome.session, connection.server.wall())
            return
        if isinstance(outcome, Arrival):
            self.arrival = outcome
            account = account_name(outcome.session.user)
            text = f"You are now logged in as {account}"
            client.numeric(n.LOGGEDIN, nuh(self.wish or "*"), account, text=text)
            if self._mechanism:
                self._end_sasl(n.SASLSUCCESS)
        else:
            self._refused(outcome)
        self.go_on()
        connection.input.go_on()

    def _refused(self, failure: Failure) -> None:
        client, error = self._client, failure.value
        if not isinstance(error, ChatdError):
            log.failure("login-fault", failure, peer=client.connection.address)
            client.connection.close(CloseReason.FAULT)
            return
        if self._mechanism:
            self._end_sasl(n.SASLFAIL, error.text)
        else:
            client.numeric(n.PASSWDMISMATCH, text=error.text)
            client.connection.close(CloseReason.REFUSED, error.text)
        failure.cleanFailure()

    # ---- coming in ----------------------------------------------------------------------------------

    def _enter(self) -> None:
        client = self._client
        if self.password and self.arrival is None:
            name, _, secret = self.password.rpartition(":")
            self.password = ""
            self._begin_login(client, name or self.wish, secret)
            return
        connection = client.connection
        connection.state = State.WELCOMING
        connection.input.gate.hold(Hold.LOGIN)
        hello = Hello(nick=self.wish, heartbeat=PULSE, software="IRC")
        login: Deferred[Any]
        if self.arrival is not None:
            login = maybeDeferred(lambda: self.arrival)
        else:
            login = maybeDeferred(connection.server.admission.login, connection, hello)
        login.addCallback(lambda arrival: self._arrive(arrival, hello))
        login.addErrback(self._turned_away)

    def _arrive(self, arrival: Arrival, hello: Hello) -> None:
        client = self._client
        connection = client.connection
        if connection.state is not State.WELCOMING:
            if arrival.session.peer is None:
                connection.server.hub.abandon(arrival.session, connection.server.wall())
            return
        self.arrival = None
        arrival = enter(client, arrival, hello, self.device)
        connection.state = State.LIVE
        client.registration = None
        gate, server = connection.input.gate, connection.server
        gate.allowance = server.allowance(arrival.session, connection.peer_host)
        gate.volume = server.volume(arrival.session, connection.peer_host)
        gate.lift(Hold.LOGIN)
        pulse = arrival.pulse
        connection.liveness.heartbeat = Heartbeat(pulse.interval, pulse.misses, server.clock.seconds())
        connection.input.go_on()

    def _turned_away(self, failure: Failure) -> None:
        """Tell that the nick is taken, so that another may be wished for; end because of all else."""
        client, error = self._client, failure.value
        connection = client.connection
        if connection.state is State.CLOSING:
            return
        connection.input.gate.lift(Hold.LOGIN)
        if isinstance(error, ChatdError) and error.code in _RENAMES:
            connection.state = State.OPENED
            taken = n.NICKNAMEINUSE if error.code is Code.NICK_TAKEN else n.ERRONEUSNICKNAME
            client.numeric(taken, shown(self.wish), text=error.text)
            self.wish = ""
            connection.input.go_on()
        elif isinstance(error, ChatdError):
            connection.fail(error, CloseReason.REFUSED)
        else:
            log.failure("login-fault", failure, peer=connection.address)
            connection.close(CloseReason.FAULT)
        failure.cleanFailure()

    def let_go(self) -> None:
        """End the session that was logged in to, if nobody came in by it."""
        if self.arrival is not None:
            server = self._client.connection.server
            server.hub.abandon(self.arrival.session, server.wall())
            self.arrival = None
        if not self._checking and self._client.connection.state is not State.WELCOMING:
            self._client = _GONE


def credentials(said: str) -> tuple[str, str]:
    """Return the name and the password that ``said`` is, in Base64 (RFC 4616). Raises ValueError."""
    try:
        shown_as, name, password = base64.b64decode(said, validate=True).decode().split("\0")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(said) from error
    if not name or not password or shown_as not in {"", name}:
        raise ValueError(said)
    return name, password
