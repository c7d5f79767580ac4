"""SASL: how somebody logs in before they are registered (ircv3.net, "SASL"; RFC 4422).

One table has the mechanisms: what is done with the whole of what a client has said. What it leads to is
looked at by the portal, as every login is (`chatd.server.admission`).
"""

import base64
import secrets
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from chatd.chat import scrams
from chatd.chat.arrival import Arrival
from chatd.ops.log import Log
from chatd.server.addresses import is_local
from chatd.server.gate import Hold
from chatd.server.irc import numerics as n
from chatd.server.irc.client import Client
from chatd.server.irc.names import nuh
from chatd.server.irc.rendering import account_name
from chatd.server.states import State
from chatd.wire import scram
from chatd.wire.errors import ChatdError, CloseReason, Code, RequestError
from chatd.wire.messages import Hello, Pulse
from chatd.wire.scram import BadExchangeError, Exchange, Verifier

log = Log(__name__)

PULSE: Final = Pulse(30.0, 4)
"""Every client answers PING, but some show it; half a minute of silence disturbs nobody."""

CHUNK: Final = 400
"""Bytes of one AUTHENTICATE; one that is shorter is the last (ircv3.net, "SASL")."""

MOST_CHUNKS: Final = 8
"""Of these: more than any name and password are long."""

CLIENT_SIGN: Final = "@"
"""What parts an account from the name of a client of it, as bouncers have it: ``alice@phone``."""

NONCE: Final = 18
"""Random bytes of the server's part of a nonce."""

LONGEST: Final = 5.0
"""Seconds that a login is put off at the most, less than registration may take.

Where many come in at the same moment from one address, as after a restart, most have to wait; clients of IRC
cannot know how long.
"""

_GONE: Any = None
"""What is left of a client that is gone."""


_LATER: Final = object()
"""What stands for the outcome of a login that is put off."""


class Sasl:
    """What ``client`` does of SASL; ``done`` is called when something of it is over.

    Who has logged in waits as ``arrival``, on a session of the ``device`` that they have named. ``checking``
    is true while a login is looked at: nothing is taken then.
    """

    def __init__(self, client: Client, wish: Callable[[], str], done: Callable[[], None]) -> None:
        self._client = client
        self._wish = wish
        self._done = done
        self.arrival: Arrival | None = None
        self.device = ""
        self.checking = False
        self._mechanism = ""
        self._said: list[str] = []
        self._scram: tuple[str, Exchange, Verifier] | None = None
        self._proven = ""
        self._later: IDelayedCall | None = None
        self._patience = LONGEST

    @property
    def active(self) -> bool:
        """Return whether an exchange is under way."""
        return bool(self._mechanism) or self.checking

    def take(self, word: str) -> None:
        """Take the next word of AUTHENTICATE."""
        if self.checking:
            return
        if word == "*":
            self._end(n.SASLABORTED)
        elif not self._mechanism:
            self._choose(word)
        elif len(word) > CHUNK:
            self._end(n.SASLTOOLONG)
        else:
            if word != "+":
                self._said.append(word)
            if len(self._said) > MOST_CHUNKS:
                self._end(n.SASLFAIL)
            elif len(word) < CHUNK:
                self._go_on()

    def abort(self) -> None:
        """End an exchange that is under way, because the negotiation ends."""
        if self._mechanism and not self.checking:
            self._end(n.SASLABORTED)

    def log_in(self, name: str, password: str) -> None:
        """Have a password checked."""
        account, _, self.device = name.partition(CLIENT_SIGN)
        self._check(Hello(nick=account, password=password, heartbeat=PULSE))

    def let_go(self) -> None:
        """End the session that was logged in to, if nobody came in by it."""
        self._abandon()
        if self._later is not None:
            self._later.cancel()
            self._later, self.checking = None, False
        if not self.checking:
            self._client = _GONE
            self._done = self._wish = _GONE

    # ---- the exchange -------------------------------------------------------------------------------

    def _choose(self, word: str) -> None:
        client, offered = self._client, mechanisms(self._client)
        if self.arrival is not None:
            client.numeric(n.SASLALREADY)
        elif word.upper() not in offered:
            client.numeric(n.SASLMECHS, ",".join(offered) or "*")
            self._end(n.SASLFAIL)
        else:
            self._mechanism = word.upper()
            self._said = []
            client.say(b"AUTHENTICATE +\r\n")

    def _go_on(self) -> None:
        """Do what the mechanism does with what was said, as a whole."""
        said, self._said = "".join(self._said), []
        try:
            _MECHANISMS[self._mechanism](self, base64.b64decode(said, validate=True))
        except ValueError:
            self._end(n.SASLFAIL)

    def _plain(self, said: bytes) -> None:
        """Log in by a name and a password (RFC 4616)."""
        shown_as, name, password = said.decode().split("\0")
        if not name or not password or shown_as not in {"", name}:
            raise BadExchangeError("Nobody acts for somebody else here.")
        self.log_in(name, password)

    def _external(self, said: bytes) -> None:
        """Log in by the certificate that TLS has verified, to the account that is named (RFC 4422)."""
        name = said.decode() or self._wish()
        if not name:
            self._end(n.SASLFAIL, "Say NICK first, or which account you mean.")
            return
        account, _, self.device = name.partition(CLIENT_SIGN)
        admission, connection = self._client.connection.server.admission, self._client.connection
        self._check(
            Hello(nick=account, heartbeat=PULSE),
            lambda token: admission.certificate(connection, account, token),
        )

    def _challenge(self, said: bytes) -> None:
        """Go on with SCRAM: its first message, its proof, or that the server's own was right."""
        if self._proven:
            self._succeed()
            return
        if self._scram is None:
            first = scram.read_first(said)
            account, _, self.device = first.name.partition(CLIENT_SIGN)
            verifier = scrams.shown(self._client.world, account)
            exchange = Exchange(first, secrets.token_urlsafe(NONCE), verifier)
            self._scram = (account, exchange, verifier)
            self._tell(exchange.challenge)
            return
        (account, exchange, verifier), self._scram = self._scram, None
        proven = exchange.answer(said)
        self._proven = proven or ""
        admission, connection = self._client.connection.server.admission, self._client.connection

        def show(token: str) -> Any:
            right = proven is not None and scrams.shown(connection.server.hub.world, account) == verifier
            return admission.proof(connection, account, right, token)

        self._check(Hello(nick=account, heartbeat=PULSE), show)

    def _tell(self, text: str) -> None:
        """Say ``text`` in pieces of AUTHENTICATE."""
        rest = base64.b64encode(text.encode()).decode()
        while True:
            piece, rest = rest[:CHUNK], rest[CHUNK:]
            self._client.say(f"AUTHENTICATE {piece or '+'}\r\n".encode())
            if len(piece) < CHUNK:
                return

    # ---- the login ----------------------------------------------------------------------------------

    def _check(self, hello: Hello, show: Callable[[str], Any] | None = None) -> None:
        """Have the login looked at; nothing is taken before that is done."""
        self.checking, self._patience = True, LONGEST
        self._client.connection.input.gate.hold(Hold.LOGIN)
        self._try(hello, show)

    def _try(self, hello: Hello, show: Callable[[str], Any] | None) -> None:
        connection, self._later = self._client.connection, None
        found: Deferred[Any] = maybeDeferred(connection.server.admission.login, connection, hello, show)
        found.addErrback(self._put_off, hello, show)
        found.addBoth(self._checked)

    def _put_off(self, failure: Failure, hello: Hello, show: Callable[[str], Any] | None) -> object:
        """Try again as soon as that may be, if that is soon."""
        connection, error = self._client.connection, failure.value
        wait = error.retry_after if isinstance(error, RequestError) and error.code is Code.TOO_FAST else None
        if wait is None or wait > self._patience or connection.state is State.CLOSING:
            return failure
        self._patience -= wait
        self._later = connection.server.clock.callLater(wait, self._try, hello, show)
        failure.cleanFailure()
        return _LATER

    def _checked(self, outcome: Any) -> None:
        if outcome is _LATER:
            return
        client = self._client
        connection = client.connection
        self.checking = False
        connection.input.gate.lift(Hold.LOGIN)
        if connection.state is State.CLOSING:
            if isinstance(outcome, Arrival):
                self.arrival = outcome
            self.let_go()
            return
        if isinstance(outcome, Failure):
            self._refused(outcome)
        else:
            self.arrival = outcome
            if self._proven:
                self._tell(self._proven)
            else:
                self._succeed()
        connection.input.go_on()

    def _succeed(self) -> None:
        client = self._client
        account = account_name(None if self.arrival is None else self.arrival.session.user)
        text = f"You are now logged in as {account}"
        client.numeric(n.LOGGEDIN, nuh(self._wish() or "*", client.username), account, text=text)
        if self._mechanism:
            self._finish(n.SASLSUCCESS)
        else:
            self._done()

    def _refused(self, failure: Failure) -> None:
        client, error = self._client, failure.value
        if not isinstance(error, ChatdError):
            log.failure("login-fault", failure, peer=client.connection.address)
            client.connection.close(CloseReason.FAULT)
            return
        if self._mechanism:
            self._end(n.SASLFAIL, error.text)
        else:
            client.numeric(n.PASSWDMISMATCH, text=error.text)
            client.connection.close(CloseReason.REFUSED, error.text)
        failure.cleanFailure()

    def _end(self, numeric: n.Numeric, text: str | None = None) -> None:
        """End the exchange; a session that its client has not heard of goes with it."""
        if self._mechanism:
            self._abandon()
        self._finish(numeric, text)

    def _finish(self, numeric: n.Numeric, text: str | None = None) -> None:
        self._mechanism = self._proven = ""
        self._said, self._scram = [], None
        self._client.numeric(numeric, text=text)
        self._done()

    def _abandon(self) -> None:
        arrival, self.arrival = self.arrival, None
        if arrival is not None:
            server = self._client.connection.server
            server.hub.abandon(arrival.session, server.wall())


def mechanisms(client: Client) -> list[str]:
    """Return the ways that are offered to ``client``: where others may read along there are no passwords."""
    connection, terms = client.connection, client.world.terms
    safe = connection.listener.rules.secure or is_local(connection.peer_host)
    by_certificate = terms.certificates and bool(connection.certificate)
    ways = {"PLAIN": safe, "EXTERNAL": by_certificate, scram.MECHANISM: safe and terms.scram}
    return [way for way, offered in ways.items() if offered]


_MECHANISMS: Final[dict[str, Callable[[Sasl, bytes], None]]] = {
    "PLAIN": Sasl._plain,  # noqa: SLF001 - the table of the class itself
    "EXTERNAL": Sasl._external,  # noqa: SLF001
    scram.MECHANISM: Sasl._challenge,  # noqa: SLF001
}
