"""The server: the connections, the parts that they share, and the log lines of their coming and going."""

import itertools
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress
from twisted.python.failure import Failure

from chatd.chat.arrival import Arrival
from chatd.chat.hub import digest
from chatd.chat.quota import Bucket, Lease, Slots
from chatd.chat.state import Peer, Session, User
from chatd.chat.storage import Store
from chatd.clock import Clock
from chatd.ops.log import Log
from chatd.ops.repeats import Repeats
from chatd.ops.settings import HeartbeatConfig, LimitsConfig
from chatd.server import addresses
from chatd.server.auth.credentials import Entered, IEntry, Login, NickClaim, Registration, SessionToken
from chatd.server.auth.gatekeeper import GuessError
from chatd.server.auth.portal import Doors
from chatd.server.budgets import Budgets, Kind, TooFastError
from chatd.server.committer import Committer
from chatd.server.delivery import Delivery
from chatd.server.files.library import Library
from chatd.server.files.transfers import FileConnection, Transfers
from chatd.server.histories import Histories
from chatd.server.paths import Paths
from chatd.server.reads import Reads
from chatd.server.rules import ListenerRules
from chatd.wire.errors import ChatdError, CloseReason, Code, ProtocolError, RequestError
from chatd.wire.limits import MAX_SOFTWARE, PROTOCOL_VERSION
from chatd.wire.messages import Hello, Pulse

log = Log(__name__)

TOKEN_BYTES: Final = 32
"""Random bytes in a session's token."""

HANGS: Final = 5.0
"""After a commit has taken so many seconds, nobody is let in until it is done."""

RETURNS_PER_SECOND: Final = 100
"""Clients that are asked to come back in the same second while the disk hangs."""

REFUSAL_INTERVAL: Final = 10.0
"""Seconds in which the same refusal of the same network is logged once."""


class Swept(Protocol):
    """Something that the reaper sweeps: a connection, or one that still waits for its PROXY header."""

    @property
    def due(self) -> float:
        """Return the monotonic second before which `sweep` would find nothing to do."""

    @property
    def address(self) -> str:
        """Return the other end as the log shows it."""

    def sweep(self, now: float) -> None:
        """Look at the clock and do what is due."""

    def forgive(self, now: float) -> None:
        """Begin every count of silence anew."""

    def abort(self, reason: CloseReason) -> None:
        """End it at once."""


class Connection(Peer, Swept, Protocol):
    """A connection as the server sees it."""

    speaks: ClassVar[str]
    number: int
    peer_host: str
    rules: ListenerRules
    relay: str | None
    opened: float
    close_reason: CloseReason | None
    bytes_in: int
    messages_in: int
    answered: int

    @property
    def bytes_out(self) -> int:
        """Return how many bytes were written."""


@dataclass(slots=True)
class _LoggedClient:
    """The session and the nick under which the log tells of a connection that was let in."""

    session: int
    nick: str


class Server:
    """Lets connections in and out, for the hub and for the operator's log."""

    def __init__(
        self,
        committer: Committer,
        store: Store,
        doors: Doors,
        clock: Clock,
        wall: Callable[[], int],
        heartbeat: HeartbeatConfig,
        limits: LimitsConfig,
        files: Library | None,
    ) -> None:
        self.hub = committer.hub
        self.visits = committer.visits
        self.files = files
        self.store = store
        self.clock = clock
        self.wall = wall
        self.limits = limits
        self.pulse = Pulse(heartbeat.interval, heartbeat.misses)
        self.reads = Reads(store, clock)
        self.histories = Histories(self.hub.world, self.reads, clock)
        self.delivery = Delivery(self.reads, clock)
        self.paths = Paths()
        self.connections: set[Connection] = set()
        self.waiting: set[Swept] = set()
        self.draining = False
        self._committer = committer
        self.doors = doors
        self._bounds = heartbeat
        self._hanging = Slots(1 / RETURNS_PER_SECOND)
        self.budgets = Budgets(limits)
        self.hub.world.afford_room = self._afford_room
        self._clients: dict[Connection, _LoggedClient] = {}
        self._repeats = Repeats(REFUSAL_INTERVAL)
        self._numbers = itertools.count(1)

    def swept(self) -> list[Swept]:
        """Return everything that the reaper has to look at."""
        return [*self.connections, *self.waiting]

    # ---- coming -------------------------------------------------------------------------------------

    def opened(self, connection: Connection) -> ChatdError | None:
        """Count a new connection; return why it may not stay, or None."""
        connection.number = next(self._numbers)
        self.connections.add(connection)
        crowded = self.budgets.open(connection.peer_host, self.clock.seconds())
        if len(self.connections) + len(self.waiting) > self.limits.max_connections:
            return ProtocolError(Code.TOO_MANY_CONNECTIONS, "The server is full; try again later.")
        return crowded

    def may_open(self, address: IAddress | None) -> bool:
        """Return whether ``address`` may open a connection now; log that it may not."""
        refusal = self.budgets.tries(addresses.host_of(address), self.clock.seconds())
        if refusal is not None:
            self.say_refused(refusal.code, refusal.text, address)
        return refusal is None

    def compare(self, hello: Hello) -> Deferred[dict[str, int]]:
        """Return from where ``hello`` has to go on in rooms whose log is not the one that was seen."""
        session = self.hub.world.sessions.get(digest(hello.token)) if hello.trails else None
        if session is None:
            return succeed({})
        return self.histories.compare(session.user, hello.cursors, hello.trails)

    def login(self, connection: Connection, hello: Hello) -> Deferred[Arrival]:
        """Return the session that ``hello`` claims or resumes, as an `Arrival`.

        Fails with `ProtocolError`.
        """
        if hello.version != PROTOCOL_VERSION:
            raise ProtocolError(
                Code.VERSION_UNSUPPORTED,
                f"This server speaks version {PROTOCOL_VERSION} of the protocol, not {hello.version}; use a"
                " client that does.",
            )
        self._check_disk()
        pulse = self._agree(hello.heartbeat)
        if hello.token and not hello.device:
            known = self._known(connection, hello.token)
            return known.addCallback(lambda session: Arrival(session, True, pulse))
        self._spend(Kind.SESSION, connection.peer_host)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        found: Deferred[Any]
        if hello.token:
            known = self._known(connection, hello.token)
            found = known.addCallback(lambda session: Entered(self.hub.add_device(session, token)))
        else:
            found = self._enter(connection, self._shown(connection, hello, token))
            found.addErrback(self._mistaken, connection.peer_host, Code.WRONG_PASSWORD)
        return found.addCallback(
            lambda entered: Arrival(entered.session, False, pulse, token, entered.failed)
        )

    def _shown(self, connection: Connection, hello: Hello, token: str) -> Any:
        """Return the credentials that a newcomer's ``hello`` shows, if they may be shown here.

        Raises `ProtocolError` ``secure-required`` or ``guests-refused``.
        """
        host = connection.peer_host
        if not (hello.password or hello.register):
            _check_guests(connection)
            return NickClaim(hello.nick, token)
        check_secure(connection)
        self._spend(Kind.LOGIN, host)
        if hello.register:
            self._spend(Kind.REGISTRATION, host)
            return Registration(hello.nick, hello.password, host, token, hello.invite)
        return Login(hello.nick, hello.password, host, token)

    def _enter(self, connection: Connection, credentials: Any) -> Deferred[Entered]:
        """Return the session that ``credentials`` lead to, if ``connection`` still waits for it."""
        found: Deferred[Any] = self.doors.portal.login(credentials, None, IEntry)

        def enter(avatar: Any) -> Entered:
            if connection.close_reason is not None:  # it has gone while its password was being checked
                raise ProtocolError(Code.CANCELLED, "The connection has ended.")
            entered: Entered = avatar[1]()
            if entered.session.user.account is None:
                _check_guests(connection)
            return entered

        return found.addCallback(enter)

    def _check_disk(self) -> None:
        """Turn newcomers away while the disk hangs: all that they begin would wait in memory (P5)."""
        since = self._committer.committing_since
        if since is not None and self.clock.seconds() - since >= HANGS:
            raise ProtocolError(
                Code.STORAGE_UNAVAILABLE,
                "The server's disk does not answer; come back later.",
                retry_after=round(self._hanging.take(self.clock.seconds(), HANGS), 3),
            )

    def _known(self, connection: Connection, token: str) -> Deferred[Session]:
        """Return the session of ``token``.

        A right token is let in whoever else guessed at the same address; wrong ones are counted there.
        """
        found: Deferred[Any] = self._enter(connection, SessionToken(token))
        found.addErrback(self._mistaken, connection.peer_host, Code.UNKNOWN_SESSION)
        return found.addCallback(lambda entered: entered.session)

    def _mistaken(self, failure: Failure, host: str, code: Code) -> Failure:
        if getattr(failure.value, "code", None) == code or failure.check(GuessError):
            self._spend(Kind.FAILURE, host)
        return failure

    def _spend(self, kind: Kind, host: str, user: User | None = None) -> None:
        """Count one of ``kind`` before somebody is let in. Raises `ProtocolError` ``too-fast``."""
        try:
            self.budgets.spend(kind, host, user, self.clock.seconds())
        except TooFastError as error:
            raise error.of_hello() from None

    def _afford_room(self, host: str, count: bool) -> None:
        """Refuse a room that ``host`` makes too soon, and ``count`` it if told to. Raises `RequestError`."""
        try:
            self.budgets.spend(Kind.ROOM, host, None, self.clock.seconds(), count=count)
        except TooFastError as error:
            raise error.of_request() from None

    def _agree(self, wish: Pulse | None) -> Pulse:
        """Return the heartbeat for a client that wishes for ``wish``."""
        if wish is None:
            return self.pulse
        bounds = self._bounds
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
        """Let ``connection`` in; ``turned`` is what `compare` has found. Raises `ProtocolError`.

        A session that comes back has a budget of its own, and costs no connection once that has paid for it.
        """
        if arrival.resumed:
            self._spend(Kind.RESUME, connection.peer_host, arrival.session.user)
            self.budgets.returned(connection.peer_host, self.clock.seconds())
        try:
            self.hub.arrive(connection, arrival, hello, self.wall(), turned)
        except ProtocolError:
            if not arrival.resumed:
                self.hub.abandon(arrival.session, self.wall())
            raise
        session = arrival.session
        self._clients[connection] = _LoggedClient(session.id, session.user.nick)
        log.info(
            "client-in",
            connection=connection.number,
            peer=connection.address,
            relay=connection.relay,
            protocol=connection.speaks,
            session=session.id,
            nick=session.user.nick,
            resumed=arrival.resumed,
            software=hello.software[:MAX_SOFTWARE],
        )

    def allowance(self, session: Session, host: str) -> Lease | Bucket:
        """Return what a connection of ``session`` from ``host`` may ask; no other one gets more."""
        left = session.allowance.left if isinstance(session.allowance, Lease) else 0.0
        session.allowance = self.budgets.lease(session.user, host, left, self.clock.seconds())
        return session.allowance

    def transfers(self, connection: FileConnection) -> Transfers:
        """Return the transfers of ``connection``. Raises `RequestError` if the server takes no files."""
        if self.files is None:
            raise RequestError(Code.UNSUPPORTED, "This server takes no files.")
        return Transfers(self.files, connection)

    # ---- going --------------------------------------------------------------------------------------

    def refused(self, connection: Connection, error: ChatdError) -> None:
        """Log that ``connection`` was refused, but seldom for the same code and network."""
        self._say_refused(error.code, error.text, connection.peer_host, connection.address)

    def say_refused(self, code: str, text: str, address: IAddress | None) -> None:
        """Log that ``address`` was refused before it had a connection here."""
        self._say_refused(code, text, addresses.host_of(address), addresses.name_of(address))

    def _say_refused(self, code: str, text: str, host: str, name: str) -> None:
        held_back = self._repeats.admit((code, addresses.network_of(host)), self.clock.seconds())
        if held_back is not None:
            log.warn("refused", text, peer=name, code=code, suppressed=held_back or None)

    def reaped(self, connection: Connection, silence: float) -> None:
        """Log that ``connection`` is given up."""
        client = self._clients.get(connection)
        log.info(
            "reaped",
            connection=connection.number,
            peer=connection.address,
            session=client and client.session,
            nick=client and client.nick,
            silence=round(silence, 3),
        )

    def narrowed(self, connection: Connection, step: str) -> None:
        """Log what is done for ``connection``, as its path seems to swallow large packets."""
        network = addresses.network_of(connection.peer_host)
        held_back = self._repeats.admit((step, network), self.clock.seconds())
        if held_back is None:
            return
        client = self._clients.get(connection)
        log.info(
            "narrowed",
            f"Large packets to {connection.peer_host} seem to be lost on the way: {step}.",
            connection=connection.number,
            peer=connection.address,
            session=client and client.session,
            nick=client and client.nick,
            suppressed=held_back or None,
        )

    def forget(self, connection: Connection) -> None:
        """End the session of ``connection`` for good."""
        self.hub.forget(connection, self.wall())

    def leave(self, connection: Connection) -> None:
        """Unbind a connection that ends, before its last bytes have gone."""
        self.hub.depart(connection, self.wall())

    def closed(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self.connections.discard(connection)
        self.budgets.close(connection.peer_host)
        client = self._clients.pop(connection, None)
        say = log.debug if client is None else log.info
        say(
            "client-out",
            connection=connection.number,
            peer=connection.address,
            session=client and client.session,
            nick=client and client.nick,
            reason=connection.close_reason,
            duration=round(self.clock.seconds() - connection.opened, 3),
            bytes_in=connection.bytes_in,
            bytes_out=connection.bytes_out,
            messages_in=connection.messages_in,
            messages_out=connection.answered + connection.reader.events,
        )


def check_secure(connection: Connection) -> None:
    """Raise `ProtocolError` ``secure-required`` if others may read what comes on ``connection``."""
    if not (connection.rules.secure or addresses.is_local(connection.peer_host)):
        raise ProtocolError(
            Code.SECURE_REQUIRED, "Passwords are not taken in plain text; connect with TLS (tls://…)."
        )


def _check_guests(connection: Connection) -> None:
    """Raise `ProtocolError` ``guests-refused`` if ``connection`` may be nobody's without an account."""
    if connection.rules.guests == "refused":
        raise ProtocolError(
            Code.GUESTS_REFUSED, "An account is needed here; log in, register, or ask the operator for one."
        )
