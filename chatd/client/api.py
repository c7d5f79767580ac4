"""The client for programs: one session with one server, that comes back by itself.

    client = open_client(reactor, Options(rooms=("#lobby",)))
    client.subscribe(print)
    client.start()
    await client.ready()
    await client.send("#lobby", "hello")
    await client.files.put("#lobby", Path("photo.jpg"))
    await client.stop()

Everything that takes time returns a Deferred. A refusal fails it with `chatd.wire.errors.RequestError`; what
can never work fails it with `chatd.client.core.problems.ClientError`. Requests made without a link wait for
one.

What changes something (sends, joins, leaves, topics, nicks) takes effect in the order of the calls, whatever
happens to the links meanwhile; nothing has to be awaited for that. A file takes its place when it is there.
"""

import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, fail, succeed
from twisted.internet.interfaces import IReactorTime

from chatd.client.account import Account, check_secret
from chatd.client.asker import Asker
from chatd.client.awaiting import Awaiting
from chatd.client.core.backoff import Backoff
from chatd.client.core.machine import Machine
from chatd.client.core.notices import AnotherServer, Left, LinkState, Notice, Stopped
from chatd.client.core.problems import ClientError
from chatd.client.core.rooms import Followed
from chatd.client.core.segments import LADDER, Segments
from chatd.client.core.session import Remembered
from chatd.client.driver import Driver
from chatd.client.earlier import EarlierRuns
from chatd.client.net.netlink import NetworkWatch, watch_network
from chatd.client.net.seams import Way
from chatd.client.net.security import Security
from chatd.client.net.way import way_to
from chatd.client.profile.opening import recall, relevant, wishes
from chatd.client.profile.pins import agreed
from chatd.client.profile.slot import Slot
from chatd.client.sharing import Files
from chatd.client.subscribers import Subscribers
from chatd.client.values import Options, Status, Waiting
from chatd.files.strand import Workers
from chatd.tcp import CAN_LIMIT_SEGMENTS
from chatd.wire import messages as m


def open_client(
    reactor: IReactorTime, options: Options, now: Callable[[], float] = time.monotonic
) -> "Client":
    """Return a client that is not started yet; its profile is opened and its slot locked.

    Raises `ClientError` where the profile, the authorities or the proxy cannot be used, or where a password
    would be sent in plain text.
    """
    if options.credentials is not None:
        check_secret(options)
    security = Security(options.ca, agreed(options), options.cert, options.key)
    way = way_to(reactor, options.server, security, options.proxy)
    slot, remembered = recall(options)
    return Client(options, way, slot, remembered, reactor, now)


class Client(Asker):
    """One session with one server, over as many links as it takes; made by `open_client`.

    What can be asked and said by it stands in `Asker`; here are its coming and going, and what is known. Its
    ``files`` are sent and got, ``account`` is who we are beyond the session, and ``earlier`` runs may have
    left something to be done.

    ``slot`` holds what is ``remembered``; ``workers`` do what is to be done with files, threads without.
    """

    def __init__(
        self,
        options: Options,
        way: Way,
        slot: Slot | None,
        remembered: Remembered,
        reactor: IReactorTime,
        now: Callable[[], float] = time.monotonic,
        workers: Workers | None = None,
    ) -> None:
        self.options = options
        wanted = wishes(options)
        segmented = CAN_LIMIT_SEGMENTS and not wanted.address.startswith("unix:")
        segments = Segments(LADDER if segmented else (0,))
        machine = Machine(relevant(remembered, options), wanted, Backoff(random.uniform), segments)
        self._machine = machine
        self._driver = Driver(machine, slot, way, reactor, now)
        self._subscribers = Subscribers()
        super().__init__(Awaiting(self._driver))
        self.account = Account(options, self._driver, self._awaiting)
        self.files = Files(self._driver, self._awaiting, slot, self._subscribers.tell, reactor, workers)
        self.earlier = EarlierRuns(self._driver, self._awaiting, self.files)
        self._driver.on_notice = self._noticed
        self._driver.on_reply = self._awaiting.replied
        self._reactor = reactor
        self._way = way
        self._workers = workers
        self._watch: NetworkWatch | None = None
        self._stopping: list[Deferred[None]] = []
        self._shut_down = False

    # ---- coming and going ---------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect."""
        self._watch = watch_network(self._reactor, self.reconnect)
        self._driver.feed(self._machine.start(self._driver.now()))

    def ready(self) -> Deferred[None]:
        """Return a Deferred that fires once connected, and fails with `ClientError` once that is hopeless."""
        stopped = self._machine.links.stopped
        if stopped is not None:
            return fail(ClientError(stopped.code, stopped.text))
        link = self._machine.links.current
        if link is not None and link.announced:
            return succeed(None)
        return self._awaiting.ready()

    def stop(self) -> Deferred[None]:
        """Say goodbye; the Deferred fires when the link is closed and everything is on disk."""
        if self._shut_down:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._stopping.append(done)
        if len(self._stopping) == 1:
            self._driver.feed(self._machine.stop(self._driver.now()))
            self._fail(ClientError("stopped", "The client was stopped."))
            DeferredList([self._driver.factory.emptied(), self.files.emptied()]).addCallback(self._shut)
        return done

    def _shut(self, _: Any) -> None:
        self.files.shut()
        self._driver.shut()
        if self._watch is not None:
            self._watch.stop()
        self._shut_down = True
        for done in self._stopping:
            done.callback(None)

    def saved(self) -> Deferred[None]:
        """Return a Deferred that fires once all that is known now is in the profile."""
        return self._driver.saving.written()

    def reconnect(self) -> None:
        """Try now instead of later; a live link is probed."""
        self._driver.feed(self._machine.hurry(self._driver.now()))

    def pause_reading(self) -> None:
        """Leave what the server sends where it is; heartbeats go on."""
        self._driver.read(on=False)

    def resume_reading(self) -> None:
        """Read again."""
        self._driver.read(on=True)

    def leave(self, room: str) -> Deferred[m.Ok]:
        """Leave ``room``, once all is said there that was to be said before: files as well."""
        posted = self.files.all_posted(self.name(room))
        return self._leave(None, room) if posted is None else posted.addCallback(self._leave, room)

    def _leave(self, _: None, room: str) -> Deferred[m.Ok]:
        if self._machine.links.stopped is not None:
            return fail(ClientError("stopped", "The client was stopped."))
        return self.ask(m.Leave(id=0, room=room))

    def other_session(self, left: Left) -> "Client":
        """Return a client, not started yet, of the session of ours that has ``left`` something.

        Raises `ClientError` where another process uses it by now.
        """
        options = replace(self.options, slot=left.slot, rooms=(), follow="listed", cursors={}, remember=False)
        slot, remembered = recall(options)
        return Client(options, self._way, slot, remembered, self._reactor, self._driver.now, self._workers)

    # ---- what is known ------------------------------------------------------------------------------

    def subscribe(self, callback: Callable[[Notice], None]) -> Callable[[], None]:
        """Call ``callback`` with every notice from now on; the returned function ends that."""
        return self._subscribers.add(callback)

    def notices(self) -> AsyncIterator[Notice]:
        """Yield every notice from now on, the last being `Stopped`."""
        return self._subscribers.notices()

    @property
    def nickname(self) -> str:
        """Return our nick, as the server knows it or as it will be asked for."""
        return self._machine.session.nick

    @property
    def session(self) -> int:
        """Return the session's number, 0 before the first welcome."""
        return self._machine.session.id

    @property
    def resumed(self) -> bool:
        """Return whether the present link goes on with a session that was there before."""
        link = self._machine.links.current
        return link is not None and link.resumed

    @property
    def standing(self) -> m.StatusInfo | None:
        """Return what we say of ourselves, away or busy, as the server has told last; None for neither."""
        return self._machine.session.standing(self._driver.now())

    def status(self) -> Status:
        """Return where the client stands."""
        links, now = self._machine.links, self._driver.now()
        link = links.current
        waits = links.attempt is not None and links.state() is LinkState.WAITING
        return Status(
            state=links.state(),
            address=links.address,
            nick=self._machine.session.nick,
            round_trip=None if link is None else link.round_trip.mean,
            silence=0.0 if link is None else link.silence(now),
            retry_in=max(0.0, links.attempt.due - now) if waits and links.attempt else None,
            reason=self._machine.out.reason,
            waiting=len(self._machine.outbox),
        )

    def followed(self) -> list[Followed]:
        """Return the rooms that are followed; before the first welcome those that an earlier run followed."""
        return list(self._machine.rooms.followed.values())

    def name(self, room: str) -> str:
        """Return what people call the wire name ``room``: ``#room``, or ``@nick`` for direct messages."""
        return self._machine.rooms.name(room)

    def waiting(self) -> list[Waiting]:
        """Return the sends that are not durable yet, in order; an earlier run may have left some."""
        outbox = self._machine.outbox
        return [
            Waiting(
                entry.key,
                entry.room,
                entry.text,
                position < outbox.in_flight(),
                entry.file,
                entry.act,
                entry.ref,
            )
            for position, entry in enumerate(outbox.entries)
            if not entry.withdrawn
        ]

    # ---- what comes back ----------------------------------------------------------------------------

    def _noticed(self, notice: Notice) -> None:
        self._awaiting.noticed(notice)
        if isinstance(notice, AnotherServer):
            self.files.leave_behind()
        if isinstance(notice, Stopped):
            self._fail(ClientError(notice.code, notice.text))
        if not self.files.tells(notice):
            self._subscribers.tell(notice)

    def _fail(self, error: ClientError) -> None:
        self._awaiting.fail(error)
        self.files.stop(error)
