"""The client for programs: one session with one server, that comes back by itself.

    client = open_client(reactor, Options(rooms=("#lobby",)))
    client.subscribe(print)
    client.start()
    await client.ready()
    await client.send("#lobby", "hello")
    await client.stop()

Everything that takes time returns a Deferred. A refusal fails it with `chatd.wire.errors.RequestError`; what
can never work fails it with `chatd.client.problems.ClientError`. Requests made without a link wait for one.
"""

import getpass
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.interfaces import IReactorTime

from chatd.client.backoff import Backoff
from chatd.client.carrier import Carrier
from chatd.client.driver import Driver
from chatd.client.effects import Effect
from chatd.client.netlink import NetworkWatch, watch_network
from chatd.client.notices import (
    Accepted,
    Connected,
    LinkState,
    Notice,
    NotSaved,
    SendRefused,
    Stopped,
    TransferSeen,
)
from chatd.client.problems import ClientError, UnansweredError
from chatd.client.profile import open_slot
from chatd.client.rooms import Followed, fold
from chatd.client.seams import Way
from chatd.client.session import Remembered, Session, Wishes
from chatd.client.slot import Slot
from chatd.client.stages import Transfer
from chatd.client.state import Machine
from chatd.client.targets import Wanted
from chatd.client.texts import check_text
from chatd.client.transfers import Moving, Transfers
from chatd.client.values import KeptUpload, Options, Page, Sent, Status, Waiting
from chatd.client.way import way_to
from chatd.files.strand import Threads, Workers
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError

T = TypeVar("T")


def open_client(
    reactor: IReactorTime, options: Options, now: Callable[[], float] = time.monotonic
) -> "Client":
    """Return a client that is not started yet; its profile is opened and its slot locked.

    Raises `ClientError` where the profile, the authorities or the proxy cannot be used.
    """
    way = way_to(reactor, options.server, options.ca, options.proxy)
    slot, remembered = _remembered(options)
    return Client(options, way, slot, remembered, reactor, now)


def _remembered(options: Options) -> tuple[Slot | None, Remembered]:
    default = _login_name()
    if options.profile is None:
        return None, Remembered(Session(nick=options.nick or default))
    slot = open_slot(
        options.profile,
        options.server,
        options.nick,
        default,
        named=options.profile_named,
        folder=options.folder,
    )
    return slot, slot.remembered()


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user{os.getuid()}"


class Client:
    """One session with one server, over as many links as it takes; made by `open_client`."""

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
        wishes = Wishes(
            str(options.server), options.rooms, options.follow == "all", options.remember, options.heartbeat
        )
        machine = Machine(_relevant(remembered, options), wishes, Backoff(random.uniform))
        self._driver = Driver(machine, slot, way, reactor, now)
        self._driver.on_notice = self._noticed
        self._driver.on_reply = self._replied
        self._workers = workers
        self._threads: Threads | None = None
        self._carrier: Carrier | None = None
        self._machine = machine
        self._reactor = reactor
        self._watch: NetworkWatch | None = None
        self._subscribers: list[Callable[[Notice], None]] = []
        self._sends: dict[int, Deferred[Sent]] = {}
        self._left = self._left_files()
        self._posting: set[int] = set()
        self._slot = slot
        self._asked: dict[int, Deferred[m.Ok]] = {}
        self._ready: list[Deferred[None]] = []
        self._stopping: list[Deferred[None]] = []
        self._shut_down = False

    # ---- coming and going ---------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect."""
        self._watch = watch_network(self._reactor, self.reconnect)
        self._feed(self._machine.start(self._driver.now()))

    def ready(self) -> Deferred[None]:
        """Return a Deferred that fires once connected, and fails with `ClientError` once that is hopeless."""
        if self._machine.stopped is not None:
            return _failed(ClientError(self._machine.stopped.code, self._machine.stopped.text))
        link = self._machine.current
        if link is not None and link.announced:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._ready.append(waiting)
        return waiting

    def stop(self) -> Deferred[None]:
        """Say goodbye; the Deferred fires when the link is closed and everything is on disk."""
        if self._shut_down:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._stopping.append(done)
        if len(self._stopping) == 1:
            self._feed(self._machine.stop(self._driver.now()))
            self._fail_all(ClientError("stopped", "The client was stopped."))
            closing = [] if self._carrier is None else [self._carrier.emptied()]
            DeferredList([self._driver.factory.emptied(), *closing]).addCallback(self._shut)
        return done

    def _shut(self, _: Any) -> None:
        if self._threads is not None:
            self._threads.stop()
        self._slot = None
        self._driver.shut()
        if self._watch is not None:
            self._watch.stop()
        self._shut_down = True
        for done in self._stopping:
            done.callback(None)

    def reconnect(self) -> None:
        """Try now instead of later; a live link is probed."""
        self._feed(self._machine.hurry(self._driver.now()))

    def pause_reading(self) -> None:
        """Leave what the server sends where it is; heartbeats go on."""
        self._driver.read(on=False)

    def resume_reading(self) -> None:
        """Read again."""
        self._driver.read(on=True)

    # ---- what is known ------------------------------------------------------------------------------

    def subscribe(self, callback: Callable[[Notice], None]) -> Callable[[], None]:
        """Call ``callback`` with every notice from now on; the returned function ends that."""
        self._subscribers.append(callback)
        return partial(self._subscribers.remove, callback)

    async def notices(self) -> AsyncIterator[Notice]:
        """Yield every notice from now on, the last being `Stopped`."""
        heard: list[Notice] = []
        wake: list[Deferred[None]] = []

        def hear(notice: Notice) -> None:
            heard.append(notice)
            if wake:
                wake.pop().callback(None)

        unsubscribe = self.subscribe(hear)
        try:
            while True:
                while heard:
                    notice = heard.pop(0)
                    yield notice
                    if isinstance(notice, Stopped):
                        return
                wake.append(Deferred())
                await wake[0]
        finally:
            unsubscribe()

    @property
    def nickname(self) -> str:
        """Return our nick, as the server knows it or as it will be asked for."""
        return self._machine.session.nick

    @property
    def session(self) -> int:
        """Return the session's number, 0 before the first welcome."""
        return self._machine.session.id

    def status(self) -> Status:
        """Return where the client stands."""
        machine, now = self._machine, self._driver.now()
        link = machine.current
        waits = machine.attempt is not None and machine.state() is LinkState.WAITING
        return Status(
            state=machine.state(),
            address=machine.address,
            nick=machine.session.nick,
            round_trip=None if link is None else link.round_trip.mean,
            silence=0.0 if link is None else link.silence(now),
            retry_in=max(0.0, machine.attempt.due - now) if waits and machine.attempt else None,
            reason=machine.out.reason,
            waiting=len(machine.outbox),
        )

    def followed(self) -> list[Followed]:
        """Return the rooms that are followed."""
        return list(self._machine.rooms.followed.values())

    def name(self, room: str) -> str:
        """Return what people call the wire name ``room``: ``#room``, or ``@nick`` for direct messages."""
        return self._machine.rooms.name(room)

    def waiting(self) -> list[Waiting]:
        """Return the sends that are not durable yet, in order; an earlier run may have left some."""
        outbox = self._machine.outbox
        return [
            Waiting(entry.key, entry.room, entry.text, position < outbox.in_flight(), entry.file)
            for position, entry in enumerate(outbox.entries)
            if not entry.withdrawn
        ]

    # ---- what can be asked --------------------------------------------------------------------------

    def send(self, room: str, text: str) -> Deferred[Sent]:
        """Send ``text`` to ``#room`` or ``@nick``; the Deferred fires when it is durable on the server.

        It waits on disk meanwhile. Cancelling the Deferred takes the send back as far as that is possible.
        """
        try:
            return self.post(room, text)[1]
        except RequestError as error:
            return _failed(error)

    def post(self, room: str, text: str) -> tuple[int, Deferred[Sent]]:
        """Send as `send` does; return the key too that notices and `withdraw` name it by.

        Raises `RequestError` for a text that no server takes.
        """
        check_text(text)
        return self._post(room, text)

    def _post(
        self, room: str, text: str, file: m.File | None = None, kept: int | None = None
    ) -> tuple[int, Deferred[Sent]]:
        key, effects = self._machine.queue(room, text, self._driver.now(), file, kept)
        sent: Deferred[Sent] = Deferred(lambda _: self.withdraw([key]))
        self._sends[key] = sent
        self._feed(effects)
        return key, sent

    def withdraw(self, keys: Iterable[int]) -> None:
        """Take back the sends ``keys``; those on their way may still be accepted."""
        taken = set(keys)
        for key in taken:
            self._sends.pop(key, None)
        self._feed(self._machine.withdraw(taken))

    def put(self, room: str, path: Path, caption: str = "", *, keep: bool = False) -> Deferred[Sent]:
        """Send the file at ``path`` to ``room``; the Deferred fires when it is posted there.

        It goes on by itself on the next link. Cancelling the Deferred gives it up; what the server has of the
        bytes stays there for some days, and the same file goes on from there, on any later day. What is to be
        kept goes on in the next run of this profile, if that calls `put_kept`.
        """
        try:
            check_text(caption, caption=True)
        except RequestError as error:
            return _failed(error)
        return self._carriage().put(room, path, caption, keep=keep)

    def put_kept(self) -> list[tuple[KeptUpload, Deferred[Sent]]]:
        """Go on with the files that earlier runs of this profile have kept and not posted."""
        slot = self._slot
        if slot is None:
            return []
        carrier = self._carriage()
        return [(upload, carrier.go_on(key, upload)) for key, upload in slot.uploads().items()]

    def get(
        self, room: str, seq: int | None = None, file: str = "", output: str = "", *, force: bool = False
    ) -> Deferred[Path]:
        """Get the file of event ``seq`` in ``room``, or its newest whose SHA-256 begins with ``file``.

        It goes into the folder or file ``output``, or into the current folder; the Deferred fires with its
        path when it is there, verified. Nothing is written over, unless ``output`` is the name of a file and
        ``force`` is set. What is there of it when it is given up stays, and is where the next one goes on.
        """
        return self._carriage().get(room, seq, file, Wanted(output, force))

    def give_up(self, key: int) -> None:
        """End the transfer ``key`` for good, even one that was to be kept; its Deferred fails."""
        if self._carrier is not None:
            self._carrier.give_up(key)

    def transfers(self) -> list[Transfer]:
        """Return the files that are on their way, in the order in which they were begun."""
        return [] if self._carrier is None else self._carrier.transfers()

    def join(self, room: str, after: int | None = None) -> Deferred[str]:
        """Join ``room`` and follow it, from behind event ``after``; fires with its wire name."""
        return self.ask(m.Join(id=0, room=room, after=after)).addCallback(lambda ok: ok.room)

    def leave(self, room: str) -> Deferred[m.Ok]:
        """Leave ``room``."""
        return self.ask(m.Leave(id=0, room=room))

    def topic(self, room: str, text: str) -> Deferred[m.Ok]:
        """Set the topic of ``room``."""
        return self.ask(m.Topic(id=0, room=room, text=text))

    def nick(self, nick: str) -> Deferred[m.Ok]:
        """Take another nick."""
        return self.ask(m.Nick(id=0, nick=nick))

    def read(self, room: str, seq: int) -> Deferred[m.Ok]:
        """Mark the events of ``room`` up to ``seq`` as read."""
        return self.ask(m.Read(id=0, room=room, seq=seq))

    def history(
        self, room: str, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> Deferred[Page]:
        """Return a page of ``room``: below ``before`` (the newest page without) or above ``after``."""
        asked = self.ask(m.History(id=0, room=room, before=before, after=after, limit=limit))
        return asked.addCallback(_page)

    def rooms(self) -> Deferred[list[m.RoomInfo]]:
        """Return all rooms."""
        return Deferred.fromCoroutine(self._all_rooms())

    async def _all_rooms(self) -> list[m.RoomInfo]:
        found: list[m.RoomInfo] = []
        while True:
            ok = await self.ask(m.ListRooms(id=0, after=found[-1].room if found else ""))
            found += ok.rooms or []
            if not (ok.more and ok.rooms):
                return found

    def members(self, room: str) -> Deferred[list[m.Member]]:
        """Return all members of ``room``."""
        return Deferred.fromCoroutine(self._all_members(room))

    async def _all_members(self, room: str) -> list[m.Member]:
        found: list[m.Member] = []
        while True:
            ok = await self.ask(m.Members(id=0, room=room, after=found[-1].nick if found else ""))
            found += ok.members or []
            if not (ok.more and ok.members):
                return found

    def ask(self, message: m.Request) -> Deferred[m.Ok]:
        """Ask any request of the protocol; its ``id`` is filled in."""
        number, effects = self._machine.ask(message, self._driver.now())
        asked: Deferred[m.Ok] = Deferred(lambda _: self._machine.requests.asking.cancel(number))
        self._asked[number] = asked
        self._feed(effects)
        return asked

    # ---- for the carrier of files -------------------------------------------------------------------

    def transfer(self, change: Callable[[Transfers], T]) -> T:
        """Change the transfers, and do what follows from that; not for programs."""
        result, effects = self._machine.transfer(change, self._driver.now())
        self._feed(effects)
        return result

    def moving(self, key: int) -> Moving | None:
        """Return how far a transfer is on the wire; not for programs."""
        return self._machine.requests.transfers.all.get(key)

    def seen(self, transfer: Transfer) -> None:
        """Tell how far a transfer is; not for programs."""
        self._noticed(TransferSeen(transfer))

    def post_file(self, room: str, caption: str, file: m.File, kept: int | None) -> Deferred[Sent]:
        """Post a file whose bytes the server has; not for programs.

        If an earlier run has left that very post, it is that one: what was interrupted is posted once.
        """
        left = self._left.pop((fold(room), caption, file), None)
        if left is not None:
            return left
        key, sent = self._post(room, caption, file, kept)
        self._posting.add(key)
        return sent

    def keep_upload(self, upload: KeptUpload) -> int | None:
        """Remember a file that is to be posted; not for programs."""
        return None if self._slot is None else self._slot.keep_upload(upload)

    def _saving(self, save: Callable[[Slot], None]) -> None:
        try:
            if self._slot is not None:
                save(self._slot)
        except ClientError as error:
            self._noticed(NotSaved(error.text))

    def note_upload(self, key: int, sha256: str) -> None:
        """Remember what a kept file holds; not for programs."""
        self._saving(lambda slot: slot.note_upload(key, sha256))

    def drop_upload(self, key: int) -> None:
        """Forget a kept file; not for programs."""
        self._saving(lambda slot: slot.drop_upload(key))

    def _carriage(self) -> Carrier:
        if self._carrier is None:
            if self._workers is None:
                self._workers = self._threads = Threads(self._reactor.callFromThread)  # type: ignore[attr-defined]
            self._carrier = Carrier(self, self._workers)
            self._driver.on_errand = self._carrier.perform
        return self._carrier

    def _left_files(self) -> "dict[tuple[str, str, m.File], Deferred[Sent]]":
        """Return the posts of files that an earlier run has left, and wait for their answers."""
        left: dict[tuple[str, str, m.File], Deferred[Sent]] = {}
        for entry in self._machine.outbox.entries:
            if entry.file is not None and not entry.withdrawn:
                self._sends[entry.key] = left[fold(entry.room), entry.text, entry.file] = Deferred()
        return left

    # ---- what comes back ----------------------------------------------------------------------------

    def _feed(self, effects: Iterable[Effect]) -> None:
        self._driver.feed(effects)

    def _replied(self, number: int, answer: m.Ok | m.Error | None) -> None:
        asked = self._asked.pop(number, None)
        if asked is None or asked.called:
            return
        if isinstance(answer, m.Ok):
            asked.callback(answer)
        else:
            asked.errback(UnansweredError() if answer is None else _refusal(answer.code, answer.text))

    def _noticed(self, notice: Notice) -> None:
        if isinstance(notice, Accepted):
            sent = self._sends.pop(notice.key, None)
            if sent is not None:
                sent.callback(Sent(notice.key, notice.room, notice.seq, notice.ts, notice.n))
        elif isinstance(notice, SendRefused):
            sent = self._sends.pop(notice.key, None)
            if sent is not None:
                sent.errback(_refusal(notice.code, notice.reason))
            if notice.key in self._posting:  # what becomes of the file is told by its transfer
                return
        elif isinstance(notice, Connected):
            ready, self._ready = self._ready, []
            for waiting in ready:
                waiting.callback(None)
        elif isinstance(notice, Stopped):
            self._fail_all(ClientError(notice.code, notice.text))
        for subscriber in list(self._subscribers):
            subscriber(notice)

    def _fail_all(self, error: ClientError) -> None:
        waiting: list[Deferred[Any]] = [*self._ready, *self._sends.values(), *self._asked.values()]
        self._ready, self._sends, self._asked = [], {}, {}
        for deferred in waiting:
            if not deferred.called:
                deferred.errback(error)
        for left in self._left.values():
            left.addErrback(lambda _: None)
        if self._carrier is not None:
            self._carrier.stop(error)


def _relevant(remembered: Remembered, options: Options) -> Remembered:
    """Return what is remembered, with the cursors of the rooms that this run is about."""
    wire = {fold(name): room for room, name in remembered.names.items()}
    if options.cursors is not None:
        cursors = {wire.get(fold(name), fold(name)): seq for name, seq in options.cursors.items()}
    elif options.follow == "listed":
        rooms = {wire.get(fold(name), fold(name)) for name in options.rooms}
        cursors = {room: seq for room, seq in remembered.cursors.items() if room in rooms}
    else:
        return remembered
    return replace(remembered, cursors=cursors)


def _page(ok: m.Ok) -> Page:
    return Page([msgspec.json.decode(event, type=m.Event) for event in ok.events or ()], ok.more)


def _refusal(code: str, text: str) -> RequestError:
    known = code in list(Code)
    return RequestError(Code(code) if known else Code.UNSUPPORTED, text)


def _failed(error: Exception) -> Deferred[Any]:
    failed: Deferred[Any] = Deferred()
    failed.errback(error)
    return failed
