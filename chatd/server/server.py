"""The server: the open connections, and the parts that they share."""

import gc
import itertools
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress
from twisted.internet.task import deferLater

from chatd.chat.accounts import keys_of
from chatd.chat.hub import digest
from chatd.chat.quota import Bucket, Lease
from chatd.chat.state import Session, User
from chatd.chat.storage import Store
from chatd.clock import Clock
from chatd.ops.current import Current
from chatd.ops.settings import LimitsConfig
from chatd.server import addresses
from chatd.server.admission import Admission
from chatd.server.agenda import Agenda
from chatd.server.auth.portal import Doors
from chatd.server.barring import Barring
from chatd.server.budgets import Action, Budgets, Flow, TooFastError
from chatd.server.committer import Committer
from chatd.server.delivery import Delivery
from chatd.server.files.library import Library
from chatd.server.files.transfers import FileConnection, Transfers
from chatd.server.histories import Histories
from chatd.server.interfaces import Connection, Swept, Visitor
from chatd.server.journal import Journal
from chatd.server.life import Keeper, life_of
from chatd.server.paths import Paths
from chatd.server.reads import Reads
from chatd.server.taps import Taps
from chatd.wire.errors import ChatdError, Code, ProtocolError, RequestError
from chatd.wire.messages import Hello, Pulse

AT_ONCE: Final = 500
"""Connections that get another allowance in one turn."""


class Server:
    """Counts connections as they come and go, and holds what all of them share."""

    def __init__(
        self,
        committer: Committer,
        store: Store,
        doors: Doors,
        clock: Clock,
        wall: Callable[[], int],
        current: Current,
        files: Library | None,
    ) -> None:
        self.hub = committer.hub
        self.committer = committer
        self.counters = committer.hub.counters
        self.visits = committer.visits
        self.files = files
        self.store = store
        self.clock = clock
        self.wall = wall
        self.current = current
        self.reads = Reads(store, clock)
        self.histories = Histories(self.hub.world, self.reads, clock)
        self.delivery = Delivery(self.reads, clock)
        self.paths = Paths()
        self.connections: set[Connection] = set()
        self.agenda = Agenda(clock.seconds())
        self.waiting: set[Swept] = set()
        self.visitors: set[Visitor] = set()
        self.draining = False
        self.doors = doors
        self.keeper: Keeper | None = None
        self.budgets = Budgets(current)
        self.taps = Taps()
        self.barring = Barring(self.hub.world, clock)
        self.journal = Journal(clock, self.counters)
        self.admission = Admission(committer, doors, self.budgets, self.journal, clock, wall, current)
        self.hub.world.afford_room = partial(self.spend, Action.ROOM)
        self.hub.world.tell_ownerless = self.journal.ownerless
        self.hub.world.tell_deleted = self._deleted
        self.hub.world.new_secret = partial(secrets.token_urlsafe, 32)
        self.kinds: dict[str, Any] = {}
        """What all connections of a kind share, by what it speaks."""
        self._numbers = itertools.count(1)

    @property
    def limits(self) -> LimitsConfig:
        """Return the limits in force."""
        return self.current.config.limits

    @property
    def pulse(self) -> Pulse:
        """Return the heartbeat of those who wish for no other."""
        beat = self.current.config.heartbeat
        return Pulse(beat.interval, beat.misses)

    def patience(self) -> float:
        """Return the seconds for which what is asked beyond the rate is only delayed."""
        return self.limits.flood_delay

    def swept(self) -> list[Swept]:
        """Return everything that the reaper has to look at."""
        return [*self.connections, *self.waiting, *self.visitors]

    def has(self, swept: Swept) -> bool:
        """Return whether ``swept`` has not ended yet."""
        return swept in self.connections or swept in self.waiting or swept in self.visitors

    # ---- coming -------------------------------------------------------------------------------------

    def opened(self, connection: Connection) -> ChatdError | None:
        """Count a new connection; return why it may not stay, or None."""
        connection.number = next(self._numbers)
        self.counters.connections += 1
        self.connections.add(connection)
        self.agenda.plan(connection, self.clock.seconds())
        return self._admit(connection.peer_host)

    def visited(self, visitor: Visitor) -> ChatdError | None:
        """Count a new connection that speaks no chat; return why it may not stay, or None."""
        self.counters.connections += 1
        self.visitors.add(visitor)
        self.agenda.plan(visitor, self.clock.seconds())
        return self._admit(visitor.peer_host)

    def _admit(self, host: str) -> ChatdError | None:
        crowded = self.budgets.open(host, self.clock.seconds())
        barred = self.barring.refusal(host)
        if barred is not None:
            return barred
        here = len(self.connections) + len(self.waiting) + len(self.visitors)
        if here > self.limits.max_connections:
            return ProtocolError(Code.TOO_MANY_CONNECTIONS, "The server is full; try again later.")
        return crowded

    def may_open(self, address: IAddress | None) -> bool:
        """Return whether ``address`` may open a connection now; log that it may not."""
        host = addresses.host_of(address)
        refusal: ChatdError | None = self.barring.refusal(host)
        if refusal is None or self.barring.may_tell(host):
            refusal = self.budgets.tries(host, self.clock.seconds())
        if refusal is not None:
            self.journal.turned_away(refusal.code, refusal.text, address)
        return refusal is None

    def compare(self, hello: Hello, host: str) -> Deferred[dict[str, int]]:
        """Return from where ``hello`` of ``host`` goes on in rooms whose log is not the one that was seen."""
        session = self.hub.world.sessions.get(digest(hello.token)) if hello.trails else None
        if session is None:
            return succeed({})
        return self.histories.compare(session.user, host, hello.cursors, hello.trails)

    def spend(self, action: Action, host: str, count: bool = True) -> None:
        """Look whether ``host`` may do ``action``, and ``count`` that. Raises `RequestError` ``too-fast``."""
        try:
            self.budgets.spend(action, host, None, self.clock.seconds(), count=count)
        except TooFastError as error:
            raise error.of_request() from None

    def allowance(self, session: Session, host: str) -> Lease | Bucket:
        """Return what a connection of ``session`` from ``host`` may ask; no other one gets more."""
        left = session.allowance.left if isinstance(session.allowance, Lease) else 0.0
        now = self.clock.seconds()
        session.allowance = self.budgets.lease(Flow.REQUESTS, session.user, host, now, left=left)
        return session.allowance

    def volume(self, session: Session, host: str) -> Lease | Bucket:
        """Return how many bytes a connection of ``session`` from ``host`` may bring."""
        return self.budgets.lease(Flow.BYTES, session.user, host, self.clock.seconds())

    async def renew_allowances(self) -> None:
        """Let those who are in ask what the limits in force allow; some in each turn (P6)."""
        for number, connection in enumerate(list(self.connections), 1):
            connection.renew_allowance()
            if number % AT_ONCE == 0:
                gc.collect(1)  # what is replaced it does not count: it would look at all of it together
                await deferLater(self.clock, 0)

    def transfers(self, connection: FileConnection) -> Transfers:
        """Return the transfers of ``connection``. Raises `RequestError` if the server takes no files."""
        if self.files is None:
            raise RequestError(Code.UNSUPPORTED, "This server takes no files.")
        return Transfers(self.files, connection)

    def waits(self, swept: Swept) -> None:
        """Count a connection whose header is to come, until `came`."""
        self.waiting.add(swept)
        self.agenda.plan(swept, self.clock.seconds())

    def came(self, swept: Swept) -> None:
        """Wait no more for the header of ``swept``: it is there, or the connection has ended."""
        self.waiting.discard(swept)
        self.agenda.drop(swept)

    # ---- going --------------------------------------------------------------------------------------

    def forget(self, connection: Connection) -> None:
        """End the session of ``connection`` for good."""
        self.hub.forget(connection, self.wall())

    def _deleted(self, user: User) -> None:
        """Log that the account of ``user`` is deleted, and keep nothing of its connections any more."""
        self.journal.deleted(user.nick)
        self.hub.presence.touch(user)
        if self.keeper is not None:
            self.keeper.forget(keys_of(user))

    def leave(self, connection: Connection) -> None:
        """Unbind a connection that ends, before its last bytes have gone."""
        self.hub.depart(connection, self.wall())

    def left(self, visitor: Visitor) -> None:
        """Forget a connection that spoke no chat, because it ends or begins to speak it."""
        self.visitors.discard(visitor)
        self.agenda.drop(visitor)
        self.budgets.close(visitor.peer_host)

    def closed(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self.connections.discard(connection)
        self.agenda.drop(connection)
        self.budgets.close(connection.peer_host)
        self.journal.left(connection)
        if self.keeper is not None:
            life = life_of(connection, self.clock.seconds(), self.wall())
            self.keeper.keep(life, connection.peer_host)
