"""Admission: whether a hello lets its connection in, as which session, and with which heartbeat."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chatd.chat import accounts
from chatd.chat.arrival import Arrival
from chatd.chat.quota import Slots
from chatd.chat.state import Session, User
from chatd.chat.text import check_label
from chatd.clock import Clock
from chatd.ops.current import Current
from chatd.server import addresses
from chatd.server.auth.credentials import (
    Certificate,
    IEntry,
    Login,
    NickClaim,
    Proof,
    Registration,
    SessionToken,
)
from chatd.server.auth.gatekeeper import GuessError
from chatd.server.auth.portal import Doors
from chatd.server.budgets import Action, Budgets, TooFastError
from chatd.server.committer import Committer
from chatd.server.interfaces import Connection
from chatd.server.journal import Journal
from chatd.wire.errors import Code, ProtocolError, RequestError
from chatd.wire.limits import PROTOCOL_VERSION
from chatd.wire.messages import Hello, Pulse

TOKEN_BYTES: Final = 32
"""Random bytes in a session's token."""

HANGS: Final = 5.0
"""After a commit has taken so many seconds, nobody is let in until it is done."""

RETURNS_PER_SECOND: Final = 100
"""Clients that are asked to come back in the same second while the disk hangs."""


class Admission:
    """Lets clients in, within ``budgets`` and as the ``current`` configuration says."""

    def __init__(
        self,
        committer: Committer,
        doors: Doors,
        budgets: Budgets,
        journal: Journal,
        clock: Clock,
        wall: Callable[[], int],
        current: Current,
    ) -> None:
        self._committer = committer
        self._hub = committer.hub
        self._doors = doors
        self._budgets = budgets
        self._journal = journal
        self._clock = clock
        self._wall = wall
        self._current = current
        self._hanging = Slots(1 / RETURNS_PER_SECOND)

    def login(
        self, connection: Connection, hello: Hello, show: Callable[[str], Any] | None = None
    ) -> Deferred[Arrival]:
        """Return the session that ``hello`` claims or resumes, as an `Arrival`.

        ``show`` returns the credentials for a session with a token, where ``hello`` has none. Fails with
        `ProtocolError`.
        """
        if hello.version != PROTOCOL_VERSION:
            raise ProtocolError(
                Code.VERSION_UNSUPPORTED,
                f"This server speaks version {PROTOCOL_VERSION} of the protocol, not {hello.version}; use a"
                " client that does.",
            )
        _check_label(hello.label)
        self._check_disk()
        pulse = self._agree(hello.heartbeat)
        if hello.token and not hello.device:
            known = self._known(connection, hello.token)
            return known.addCallback(lambda session: Arrival(session, True, pulse))
        self._spend(Action.SESSION, connection.peer_host)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        found: Deferred[Any]
        if hello.token:
            known = self._known(connection, hello.token)
            found = known.addCallback(self._hub.add_device, token)
        else:
            shown = self._shown(connection, hello, token) if show is None else show(token)
            token = shown.token
            found = self._enter(connection, shown)
            found.addErrback(
                self._mistaken, connection.peer_host, Code.WRONG_PASSWORD, Code.WRONG_CERTIFICATE
            )
        return found.addCallback(lambda session: Arrival(session, False, pulse, token))

    def _shown(self, connection: Connection, hello: Hello, token: str) -> Any:
        """Return the credentials that a newcomer's ``hello`` shows, if they may be shown here.

        Raises `ProtocolError` ``secure-required``, ``wrong-certificate`` or ``guests-refused``.
        """
        host = connection.peer_host
        if not (hello.password or hello.register):
            guests = connection.listener.rules.guests
            if hello.certificate and (guests == "refused" or self._is_known(hello.nick)):
                return self.certificate(connection, hello.nick, token)
            _check_guests(connection)
            return NickClaim(hello.nick, hello.new_token or token)
        check_secure(connection)
        self._spend(Action.LOGIN, host)
        if hello.register:
            if hello.password:  # else it is only asked whether one might
                self._spend(Action.REGISTRATION, host)
            return Registration(hello.nick, hello.password, host, token, hello.invite)
        return Login(hello.nick, hello.password, host, token)

    def proof(self, connection: Connection, nick: str, right: bool, token: str) -> Proof:
        """Return what shows whether somebody knows the password of ``nick``; it travels as safely as that.

        Raises `ProtocolError` ``secure-required`` or ``too-fast``.
        """
        check_secure(connection)
        self._spend(Action.LOGIN, connection.peer_host)
        return Proof(nick, right, connection.peer_host, token)

    def certificate(self, connection: Connection, nick: str, token: str) -> Certificate:
        """Return what shows that the certificate of ``connection`` is that of ``nick``.

        Raises `ProtocolError` ``wrong-certificate``.
        """
        return Certificate(nick, self._certificate_of(connection), connection.peer_host, token)

    def _is_known(self, nick: str) -> bool:
        """Return whether ``nick`` is that of an account, and no guest's to claim."""
        try:
            return accounts.find(self._hub.world, nick) is not None
        except RequestError:
            return False

    def _certificate_of(self, connection: Connection) -> str:
        """Return the fingerprint of what ``connection`` has shown.

        Raises `ProtocolError` ``wrong-certificate``; whether there is an account makes no difference to that.
        """
        if not self._hub.world.terms.certificates:
            raise ProtocolError(Code.WRONG_CERTIFICATE, "This server lets nobody in by a certificate.")
        if not connection.certificate:
            raise ProtocolError(
                Code.WRONG_CERTIFICATE,
                "No certificate of yours has reached the server; this address does not ask for one.",
            )
        return connection.certificate

    def _enter(self, connection: Connection, credentials: Any) -> Deferred[Session]:
        """Return the session that ``credentials`` lead to, if ``connection`` still waits for it."""
        found: Deferred[Any] = self._doors.portal.login(credentials, None, IEntry)

        def enter(avatar: Any) -> Session:
            if connection.close_reason is not None:  # it has gone while its password was being checked
                raise ProtocolError(Code.CANCELLED, "The connection has ended.")
            session: Session = avatar[1]()
            if session.user.account is None:
                _check_guests(connection)
            return session

        return found.addCallback(enter)

    @property
    def disk_hangs(self) -> bool:
        """Return whether a commit has taken so long that nobody is let in until it is done."""
        return self._committer.waiting >= HANGS

    def _check_disk(self) -> None:
        """Turn newcomers away while the disk hangs: all that they begin would wait in memory (P5)."""
        if self.disk_hangs:
            raise ProtocolError(
                Code.STORAGE_UNAVAILABLE,
                "The server's disk does not answer; come back later.",
                retry_after=round(self._hanging.take(self._clock.seconds(), HANGS), 3),
            )

    def _known(self, connection: Connection, token: str) -> Deferred[Session]:
        """Return the session of ``token``.

        A right token is let in whoever else guessed at the same address; wrong ones are counted there.
        """
        found: Deferred[Any] = self._enter(connection, SessionToken(token))
        found.addErrback(self._mistaken, connection.peer_host, Code.UNKNOWN_SESSION)
        return found

    def _mistaken(self, failure: Failure, host: str, *codes: Code) -> Failure:
        if getattr(failure.value, "code", None) in codes or failure.check(GuessError):
            self._spend(Action.FAILURE, host)
        return failure

    def _spend(self, action: Action, host: str, user: User | None = None) -> None:
        """Count one ``action`` before somebody is let in. Raises `ProtocolError` ``too-fast``."""
        try:
            self._budgets.spend(action, host, user, self._clock.seconds())
        except TooFastError as error:
            raise error.of_hello() from None

    def _agree(self, wish: Pulse | None) -> Pulse:
        """Return the heartbeat for a client that wishes for ``wish``."""
        bounds = self._current.config.heartbeat
        if wish is None:
            return Pulse(bounds.interval, bounds.misses)
        interval = min(max(wish.interval, bounds.min_interval), bounds.max_interval)
        limit = min(max(interval * wish.misses, bounds.min_limit), bounds.max_limit)
        return Pulse(interval, max(1, round(limit / interval)))

    def doubts(self, connection: Connection, arrival: Arrival, hello: Hello) -> bool:
        """Return whether the client of ``connection``, which would take a session over, may have given it up.

        That may be so if it was opened beside the other connection, which may have spoken again meanwhile; or
        before the other one, so that its hello comes late.
        """
        old = cast("Connection | None", arrival.session.peer)
        return old is not None and (hello.beside or connection.number < old.number)

    def arrive(
        self, connection: Connection, arrival: Arrival, hello: Hello, turned: Mapping[str, int]
    ) -> None:
        """Let ``connection`` in; ``turned`` is what `Server.compare` has found. Raises `ProtocolError`.

        A session that comes back has a budget of its own, and costs no connection once that has paid for it.
        """
        if arrival.resumed:
            self._spend(Action.RESUME, connection.peer_host, arrival.session.user)
            self._budgets.returned(connection.peer_host, self._clock.seconds())
        try:
            self._hub.arrive(connection, arrival, hello, self._wall(), turned)
        except ProtocolError:
            if not arrival.resumed:
                self._hub.abandon(arrival.session, self._wall())
            raise
        self._journal.entered(connection, arrival)


def check_secure(connection: Connection) -> None:
    """Raise `ProtocolError` ``secure-required`` if others may read what comes on ``connection``."""
    if not (connection.listener.rules.secure or addresses.is_local(connection.peer_host)):
        raise ProtocolError(
            Code.SECURE_REQUIRED, "Passwords are not taken in plain text; connect with TLS (tls://…)."
        )


def _check_label(label: str | None) -> None:
    """Raise `ProtocolError` if a device cannot be called ``label``."""
    try:
        check_label(label or "")
    except RequestError as error:
        raise ProtocolError(error.code, f"The name of your device is refused. {error.text}") from None


def _check_guests(connection: Connection) -> None:
    """Raise `ProtocolError` ``guests-refused`` if ``connection`` may be nobody's without an account."""
    if connection.listener.rules.guests == "refused":
        raise ProtocolError(
            Code.GUESTS_REFUSED, "An account is needed here; log in, register, or ask the operator for one."
        )
