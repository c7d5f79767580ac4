"""The daemon of the benchmark, with everything beside it that the service runs, and those who talk to it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Protocol

from bench.turns.clock import MeasuredNetwork, MeasuringReactor
from chatd.archiving import Archiving
from chatd.build import Daemon, FileKeeping
from chatd.clock import wall_milliseconds
from chatd.control.access import Access, Credentials
from chatd.control.context import About, Context, Process
from chatd.control.messages import Ask
from chatd.control.protocol import ControlFactory
from chatd.files.blobs import BlobStore
from chatd.files.strand import Threads
from chatd.memory import loading, spare_the_collector
from chatd.metrics.port import site
from chatd.metrics.survey import Surveyor
from chatd.ops.differences import Report
from chatd.ops.settings import AccountsConfig, Config, HeartbeatConfig, LimitsConfig, RetentionConfig
from chatd.server.drain import drain
from chatd.server.factory import factories
from chatd.server.passwords import THREADS, Passwords
from chatd.server.space_log import SpaceLog
from chatd.store.sqlite import SqliteStore
from chatd.wire import lines
from chatd.wire.messages import Hello, Message, Pulse
from chatd.wire.native import encode

CHAT, CONTROL, METRICS = 1, 2, 3
OWN = 1000
KEPT = 4_096

CONFIG = Config(
    heartbeat=HeartbeatConfig(max_interval=3600, max_limit=86_400),
    limits=LimitsConfig(hello_timeout=86_400, write_timeout=86_400),
    accounts=AccountsConfig(registration="invite"),
    retention=RetentionConfig(events=4000),
)


class Ear(Protocol):
    """The other end of a connection: it says what it is told to, and keeps the last that it hears."""

    transport: Any

    def __init__(self) -> None:
        self.heard = b""
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard = (self.heard + data)[-KEPT:]

    def connectionLost(self, reason: Any = None) -> None:
        """Note it."""
        del reason
        self.lost = True


class House:
    """A daemon on ``folder``, whose turns ``reactor`` measures."""

    def __init__(self, folder: Path) -> None:
        self.reactor = reactor = MeasuringReactor()
        spare_the_collector()
        call = reactor.callFromThread
        self.store = store = SqliteStore(folder, call, SpaceLog())
        self._threads = [Threads(call, 1), Threads(call, 1), Threads(call, THREADS)]
        keeping = FileKeeping(BlobStore(folder), *self._threads[:2])
        hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        passwords = Passwords(self._threads[2], reactor, hasher)  # type: ignore[arg-type]
        clock: Any = reactor
        with loading():
            self.daemon = Daemon(CONFIG, store.load(), store, clock, wall_milliseconds, keeping, passwords)
        self.server = self.daemon.server
        self.network = MeasuredNetwork(reactor)
        self.archiving = Archiving(self.server, folder, "info", reactor)
        process = Process(
            set_level=lambda *_: None, stop=lambda _: None, reload=Report, upgrade=lambda: succeed("")
        )
        context = Context(
            about=About(id="bench", data=folder, started=reactor.seconds()),
            server=self.server,
            rates=self.daemon.rates,
            past=self.archiving.past,
            process=process,
        )
        control = ControlFactory(context, Access(OWN), lambda _: Credentials(1, OWN, frozenset()))
        self.surveyor = Surveyor(self.server, clock)
        self.network.listen(factories(self.server)["native"], CHAT)
        self.network.listen(control, CONTROL)
        self.network.listen(site(self.server, clock, self.surveyor), METRICS)
        self.ears: dict[int, Ear] = {}

    def start(self) -> None:
        """Let it run."""
        for part in self.daemon._parts:  # noqa: SLF001 - each is measured by itself
            self.reactor.measure(part.start, name=f"{type(part).__name__}.start")
        self.surveyor.start()
        self.reactor.settle()

    def stop(self) -> None:
        """End it."""
        self.daemon.stop()
        self.surveyor.stop()
        for one in self._threads:
            one.stop()
        self.archiving.stop()
        self.store.close()

    def come_in(self, session: int, token: str, host: str) -> None:
        """Let a session come in."""
        ear = self.ears[session] = Ear()
        self.network.connect(ear, CHAT, host)
        hello = Hello(software="bench", token=token, heartbeat=Pulse(3600.0, 24))
        ear.transport.write(encode(hello))

    def say(self, session: int, *messages: Message) -> None:
        """Let a session ask; what it is answered must be no refusal."""
        ear = self.ears[session]
        ear.heard = b""
        ear.transport.write(b"".join(map(encode, messages)))
        self.reactor.settle()
        if b'"t":"error"' in ear.heard:
            at = ear.heard.index(b'"t":"error"')
            print(f"{messages[0]} was refused: {ear.heard[at : at + 200]!r}")

    def command(self, asked: Ask) -> None:
        """Let an operator ask."""
        ear = Ear()
        self.network.connect(ear, CONTROL)
        ear.transport.write(lines.encode(asked))
        self.reactor.settle()
        if b'"t":"done"' not in ear.heard:
            print(f"{asked} was refused: {ear.heard[-300:]!r}")
        ear.transport.loseConnection()
        self.reactor.settle()

    def read_figures(self) -> None:
        """Fetch the page of figures."""
        ear = Ear()
        self.network.connect(ear, METRICS)
        ear.transport.write(b"GET /metrics HTTP/1.1\r\nHost: bench\r\n\r\n")
        self.reactor.settle()
        ear.transport.loseConnection()
        self.reactor.settle()

    async def drain(self) -> None:
        """Say goodbye to everybody, and see them off."""
        clock: Any = self.reactor
        await drain(self.server, clock, lambda: self.daemon.committer.idle, self.daemon.current.config.drain)

    def run(self, call: Callable[[], Any]) -> None:
        """Do something in the reactor's thread that may go on in later turns."""
        self.reactor.measure(call)
        self.reactor.settle()


def begun(work: Any) -> "Deferred[Any]":
    """Begin a coroutine."""
    return Deferred.fromCoroutine(work)
