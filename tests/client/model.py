"""A small server that follows docs/PROTOCOL.md by the letter, and a world around one client machine."""

from dataclasses import dataclass, field

from msgspec.structs import replace

from chatd.client.core.backoff import Backoff
from chatd.client.core.effects import Close, Connect, FindSibling, Notify, Reply, Save, Write
from chatd.client.core.machine import Machine
from chatd.client.core.outbox import Entry
from chatd.client.core.session import Remembered, Session, Wishes
from chatd.wire import limits
from chatd.wire.errors import Code
from chatd.wire.frames import FrameDecoder, FrameType, frame, split_chunk
from chatd.wire.messages import (
    Error,
    Event,
    Goodbye,
    Hello,
    Join,
    Limits,
    Ok,
    Pulse,
    Rooms,
    RoomState,
    Send,
    Welcome,
)
from chatd.wire.native import decode_to_server, encode

CONFIRMATION = b"token?"

LIMITS = Limits(
    frame=65_536, text=16_384, name=32, rooms=200, unanswered=8, file=1 << 30, window=4096, transfers=2
)


@dataclass
class Account:
    id: int
    nick: str
    last: int = 0
    conn: "Conn | None" = None
    firm: bool = False


class ModelServer:
    """Sessions, and rooms as lists of events.

    Texts that begin with "bad" are refused, and requests of ``unknown`` kinds.
    """

    def __init__(self, name="model"):
        self.name = name
        self.accounts: dict[str, Account] = {}
        self.rooms: dict[str, list[Event]] = {}
        self.members: dict[str, set[str]] = {}
        self.full = False
        self.pulse: Pulse | None = None
        self.asks = True
        self.count = 0
        self.unknown: frozenset[type] = frozenset()

    def connection(self):
        return Conn(self)

    def texts(self, room):
        return [event.text for event in self.rooms.get(room, []) if event.kind == "message"]

    def post(self, room, by, text="", kind="message", session=0, n=0, file=None):
        log = self.rooms.setdefault(room, [])
        seq = len(log) + 1
        log.append(
            Event(room=room, seq=seq, ts=seq, kind=kind, by=by, text=text, session=session, n=n, file=file)
        )
        for account in self.accounts.values():
            if account.conn is not None:
                account.conn.catch_up()
        return log[-1]


class Conn:
    """One connection at the server; what it says gathers in ``out``."""

    def __init__(self, server: ModelServer):
        self.server = server
        self.decoder = FrameDecoder()
        self.account: Account | None = None
        self.cursors: dict[str, int] = {}
        self.out = bytearray()
        self.closed = False
        self.heard: list[object] = []
        self.asked: Hello | None = None

    def say(self, message):
        self.out += encode(message)

    def receive(self, data):
        self.decoder.feed(data)
        while not self.closed and (taken := self.decoder.take()) is not None:
            kind, payload = taken
            if self.asked is not None:
                asked, self.asked = self.asked, None
                self._enter(asked)
            if kind is FrameType.PONG and payload == CONFIRMATION:
                self.account.firm = True
            elif kind is FrameType.PING:
                self.out += frame(FrameType.PONG, payload)
            elif kind is FrameType.CHUNK:
                self._chunk(*split_chunk(payload))
            elif kind is FrameType.MESSAGE:
                message = decode_to_server(payload)
                self.heard.append(message)
                if type(message) in self.server.unknown:
                    text = "The request is not known to this server."
                    self.say(Error(id=message.id, code=Code.UNSUPPORTED, text=text))
                    continue
                getattr(self, f"_{type(message).__name__.lower()}")(message)

    def close(self):
        self.closed = True
        if self.account is not None and not self.account.firm:
            accounts = self.server.accounts
            self.server.accounts = {t: a for t, a in accounts.items() if a is not self.account}
        if self.account is not None and self.account.conn is self:
            self.account.conn = None

    def _hello(self, hello: Hello):
        account = self.server.accounts.get(hello.token)
        if self.server.asks and hello.beside and account is not None and account.conn is not None:
            self.asked = hello
            self.out += frame(FrameType.PING, b"still?")
        else:
            self._enter(hello)

    def _enter(self, hello: Hello):
        server = self.server
        account = server.accounts.get(hello.token)
        token = ""
        if hello.token and account is None:
            self._end(Error(code=Code.UNKNOWN_SESSION, text="unknown"))
            return
        if account is None or hello.device:
            nick = account.nick if account else hello.nick
            if account is None and any(a.nick == nick for a in server.accounts.values()):
                text = f"The nick {nick} belongs to somebody else; choose another."
                self._end(Error(code=Code.NICK_TAKEN, text=text, suggest=nick + "2"))
                return
            server.count += 1
            token = f"token{server.count}"
            account = server.accounts[token] = Account(server.count, nick)
        for room, cursor in hello.cursors.items():
            member = account.nick in server.members.get(room, ())
            if member and cursor > len(server.rooms.get(room, [])):
                self._end(Error(code=Code.CURSOR_BEYOND_HEAD, text="beyond", room=room))
                return
        if not token:
            account.firm = True
        if account.conn is not None:
            account.conn.say(Goodbye(reason="taken-over"))
            account.conn.close()
        account.conn, self.account = self, account
        mine = [room for room, members in server.members.items() if account.nick in members]
        followed = [room for room in mine if hello.follow == "all" or room in hello.cursors]
        for room in followed:
            self.cursors[room] = hello.cursors.get(room, len(server.rooms.get(room, [])))
        self.say(
            Welcome(
                version=limits.PROTOCOL_VERSION,
                software="model",
                server=server.name,
                session=account.id,
                nick=account.nick,
                last=account.last,
                now=0,
                heartbeat=server.pulse or hello.heartbeat or Pulse(interval=5, misses=6),
                limits=LIMITS,
                rooms=[self._state(room) for room in followed],
                token=token,
                resumed=not token,
            )
        )
        if token:
            self.out += frame(FrameType.PING, CONFIRMATION)
        self.catch_up()

    def _state(self, room):
        return RoomState(room=room, head=len(self.server.rooms.get(room, [])), cursor=self.cursors[room])

    def _end(self, message):
        self.say(message)
        self.close()

    def catch_up(self):
        for room, cursor in self.cursors.items():
            for event in self.server.rooms.get(room, [])[cursor:]:
                self.say(event)
                self.cursors[room] = event.seq

    def _join(self, join: Join):
        server, nick = self.server, self.account.nick
        head = len(server.rooms.get(join.room, []))
        members = server.members.setdefault(join.room, set())
        fresh = nick not in members
        members.add(nick)
        if join.room not in self.cursors:
            self.cursors[join.room] = head if join.after is None else join.after
            self.say(Rooms(rooms=[self._state(join.room)]))
        if fresh:
            server.post(join.room, nick, kind="join")
        self.catch_up()
        self.say(Ok(id=join.id, room=join.room))

    def _send(self, send: Send):
        account = self.account
        if send.n <= account.last:
            self.say(Ok(id=send.id))
        elif send.n != account.last + 1:
            self.say(Error(id=send.id, code=Code.OUT_OF_ORDER, text="order"))
        elif send.text.startswith("bad"):
            self.say(Error(id=send.id, code=Code.CONTROL_CHARACTER, text="bad"))
        elif self.server.full:
            self.say(Error(id=send.id, code=Code.STORAGE_UNAVAILABLE, text="full"))
        else:
            account.last, account.firm = send.n, True
            event = self.server.post(
                send.room,
                account.nick,
                send.text,
                "message" if send.file is None else "file",
                session=account.id,
                n=send.n,
                file=send.file,
            )
            self.say(Ok(id=send.id, seq=event.seq, ts=event.ts))

    def _goodbye(self, _):
        self.close()

    def __getattr__(self, name):
        if name.startswith("_") and not name.startswith("__"):
            return lambda request: self.say(Ok(id=request.id))
        raise AttributeError(name)


@dataclass
class Disk:
    """What a crash of the client leaves."""

    session: Session = field(default_factory=lambda: Session(nick="ann"))
    last: int = 0
    cursors: dict[str, int] = field(default_factory=dict)
    outbox: dict[int, Entry] = field(default_factory=dict)

    def apply(self, changes):
        self.session, self.last = changes.session, changes.last
        for room, (seq, _) in changes.cursors.items():
            if seq is None:
                self.cursors.pop(room, None)
            else:
                self.cursors[room] = seq
        for key in changes.deleted:
            self.outbox.pop(key, None)
        for entry in changes.stored:
            self.outbox[entry.key] = entry

    def remembered(self):
        outbox = tuple(self.outbox[key] for key in sorted(self.outbox))
        session = replace(self.session, sibling="")
        return Remembered(session, self.last, dict(self.cursors), {}, outbox)


class World:
    """One machine, its disk, the links between it and a server, and a clock that is turned by hand."""

    def __init__(self, server=None, rooms=("#a",), disk=None, follow_all=False, uniform=max, through=""):
        self.server = server or ModelServer()
        self.disk = disk or Disk()
        self.rooms = rooms
        self.follow_all = follow_all
        self.uniform = uniform
        self.through = through
        self.now = 1000.0
        self.reachable = True
        self.token_of_sibling = ""
        self.begin()

    def begin(self):
        """Start a machine from what is on disk."""
        wishes = Wishes("host:1", self.rooms, self.follow_all, through=self.through)
        self.machine = self.made(self.disk.remembered(), wishes)
        self.waiting: dict[int, float] = {}
        self.segments: dict[int, int] = {}
        self.conns: dict[int, Conn] = {}
        self.up: dict[int, bytearray] = {}
        self.notices: list[object] = []
        self.replies: dict[int, object] = {}
        self.delays: list[float] = []
        self.saves: list[Save] = []
        self.siblings_sought = 0
        self.perform(self.machine.start(self.now))

    def made(self, remembered, wishes):
        """Return the machine of another run."""
        return Machine(remembered, wishes, Backoff(self.uniform))

    def perform(self, effects):
        for effect in effects:
            getattr(self, f"_{type(effect).__name__.lower()}")(effect)

    def _connect(self, effect: Connect):
        self.waiting = {effect.link: self.now + effect.delay}
        self.segments[effect.link] = effect.segment
        self.delays.append(effect.delay)

    def _write(self, effect: Write):
        if effect.link in self.up:
            self.up[effect.link] += effect.data

    def _close(self, effect: Close):
        self.waiting.pop(effect.link, None)
        self.up.pop(effect.link, None)
        conn = self.conns.pop(effect.link, None)
        if conn is not None:
            conn.close()

    def _notify(self, effect: Notify):
        self.notices.append(effect.notice)

    def _reply(self, effect: Reply):
        self.replies[effect.id] = effect.answer

    def _save(self, effect: Save):
        """Leave the moment to the test."""
        self.saves.append(effect)

    def _findsibling(self, _: FindSibling):
        self.siblings_sought += 1
        self.perform(self.machine.sibling(self.token_of_sibling, self.now))

    def flush(self):
        """Write down what changed, as the driver does soon after every change."""
        self.disk.apply(self.machine.changes())
        self.perform(self.machine.saved(self.now))

    def dial(self):
        """Open the transport that is being waited for, if anything is reachable."""
        for link in list(self.waiting):
            del self.waiting[link]
            self.perform(self.machine.dialling(link, self.now))
            if not self.reachable:
                self.perform(self.machine.lost(link, "refused", True, self.now))
                continue
            self.conns[link] = self.server.connection()
            self.up[link] = bytearray()
            self.perform(self.machine.connected(link, self.now))

    def carry_up(self, size=1 << 30):
        for link, data in list(self.up.items()):
            portion = bytes(data[:size])
            del data[:size]
            if portion and not self.conns[link].closed:
                self.conns[link].receive(portion)

    def carry_down(self, size=1 << 30):
        for link, conn in list(self.conns.items()):
            portion = bytes(conn.out[:size])
            del conn.out[:size]
            if portion:
                self.perform(self.machine.received(link, portion, self.now))
            if conn.closed and not conn.out and link in self.conns:
                self._drop(link)

    def _drop(self, link):
        self.up.pop(link, None)
        self.conns.pop(link).close()
        self.perform(self.machine.lost(link, "closed by the server", True, self.now))

    def cut(self):
        """End every connection; what was under way is lost."""
        for link in list(self.conns):
            if link in self.conns:
                self._drop(link)

    def crash(self):
        """Lose the client as by SIGKILL, and start it again."""
        for conn in self.conns.values():
            conn.close()
        self.begin()

    def wait(self, seconds):
        """Let time go by: timers fire, delays end."""
        until = self.now + seconds
        while True:
            due = self.machine.wake_at()
            times = [time for time in (due, *self.waiting.values()) if time is not None and time <= until]
            if not times:
                break
            self.now = max(self.now, min(times))
            if due is not None and due <= self.now:
                self.perform(self.machine.tick(self.now))
            if any(time <= self.now for time in self.waiting.values()):
                self.dial()
        self.now = until

    def step(self, rounds=8):
        """Let bytes go back and forth, and errands be done, without letting time go by."""
        for _ in range(rounds):
            if any(due <= self.now for due in self.waiting.values()):
                self.dial()
            self.carry_up()
            self.carry_down()
            self.flush()
            self.work()

    def work(self):
        """Do the errands; there are none without files."""

    def settle(self, rounds=60):
        """Let everything go well until nothing is left to do: each text that is refused takes a round."""
        self.reachable, self.server.full = True, False
        for _ in range(rounds + len(self.machine.outbox.entries)):
            self.dial()
            self.carry_up()
            self.carry_down()
            self.flush()
            self.wait(0.5)
        self.flush()

    def said(self, kind):
        return [notice for notice in self.notices if isinstance(notice, kind)]

    @property
    def conn(self):
        """The only connection that there is."""
        (conn,) = self.conns.values()
        return conn

    def heard(self, kind):
        """Return what the server heard on the only connection."""
        return [message for message in self.conn.heard if isinstance(message, kind)]
