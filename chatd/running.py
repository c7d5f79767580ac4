"""The daemon over its data, with everything that looks at it: opened together, and let go of together."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher

from chatd.archiving import Archiving
from chatd.build import Daemon, FileKeeping
from chatd.chat.storage import StoreError
from chatd.clock import wall_milliseconds
from chatd.control.context import About, Context, Process
from chatd.control.port import ControlPort
from chatd.control.protocol import ControlFactory
from chatd.disk import remedy
from chatd.files.blobs import BlobStore
from chatd.files.strand import FLUSHERS, WORKERS, Threads
from chatd.ops.log import Log
from chatd.ops.settings import Config, DrainConfig
from chatd.server.auth.portal import CheckerError
from chatd.server.drain import say_goodbye, see_off
from chatd.server.log_watch import LogWatch
from chatd.server.passwords import THREADS, Passwords
from chatd.server.space_log import SpaceLog
from chatd.store.sqlite import SqliteStore
from chatd.waking import Waker

if TYPE_CHECKING:
    from chatd.metrics.port import MetricsPort

log = Log(__name__)


class Running:
    """The daemon that ``config`` describes, over its data; operators may ask for what its ``process`` can do.

    The data may be ``taken_over`` from a process that ends; see `SqliteStore`. Raises `StoreError` or
    `CheckerError`.
    """

    def __init__(self, config: Config, reactor: Any, process: Process, *, taken_over: bool = False) -> None:
        self._reactor = reactor
        self._waker = call = Waker(reactor)
        folder = Path(config.data)
        try:
            self.store = SqliteStore(folder, call, SpaceLog(), taken_over=taken_over)
            snapshot = self.store.load()
        except BaseException:
            self._waker.close()
            raise
        counts = (WORKERS, FLUSHERS) if config.files.enabled else ()
        self._threads = [Threads(call, count) for count in counts]
        self._hashing = Threads(call, THREADS)
        try:
            keeping = FileKeeping(BlobStore(folder), *self._threads) if self._threads else None
            passwords = Passwords(self._hashing, reactor)
            self.daemon = Daemon(config, snapshot, self.store, reactor, wall_milliseconds, keeping, passwords)
        except (OSError, CheckerError) as error:
            for threads in (*self._threads, self._hashing):
                threads.stop()
            self._waker.close()
            if isinstance(error, OSError):
                raise StoreError(_unusable(folder, error)) from None
            raise
        self._archiving = Archiving(self.daemon.server, folder.resolve(), config.log.level, reactor)
        self._log_watch = LogWatch(self.daemon.server.counters)
        globalLogPublisher.addObserver(self._log_watch)
        self._control = self._listen_to_operators(config, folder.resolve(), process)
        self._metrics = self._metrics_port(config.metrics.endpoint)
        self._leaving: Deferred[None] | None = None

    @property
    def config(self) -> Config:
        """Return the configuration that is in force."""
        return self.daemon.current.config

    def _listen_to_operators(self, config: Config, folder: Path, process: Process) -> ControlPort:
        daemon, reactor = self.daemon, self._reactor
        context = Context(
            about=About(id=self.daemon.server.hub.world.server, data=folder, started=reactor.seconds()),
            server=daemon.server,
            rates=daemon.rates,
            past=self._archiving.past,
            process=process,
        )
        port = ControlPort(folder, config.control, reactor)
        port.listen(lambda access: ControlFactory(context, access))
        return port

    def _metrics_port(self, endpoint: str) -> "MetricsPort | None":
        if not endpoint:
            return None
        from chatd.metrics.port import MetricsPort  # noqa: PLC0415 - it brings HTTP, which few want here

        return MetricsPort(endpoint, self.daemon.server, self._reactor)

    def start(self) -> None:
        """Let all of it run."""
        self.daemon.start()
        if self._metrics is not None:
            self._metrics.start()

    async def let_go(self, terms: DrainConfig, soonest: float, *, empty: bool) -> bool:
        """Take no further request, say goodbye to everybody, and close the data, which another may want.

        Nobody is asked to come back before ``soonest`` seconds. The data stay open until everybody is gone
        if the house is to be ``empty``; else see `left`. Return whether they could be closed.
        """
        server = self.daemon.server
        self.daemon.timekeeper.keep()
        end = self._reactor.seconds() + terms.deadline
        everybody = server, self._reactor, lambda: self.daemon.committer.idle
        await say_goodbye(*everybody, terms, soonest)
        leaving = see_off(*everybody, end)
        if empty:
            await leaving
        else:
            self._leaving = Deferred.fromCoroutine(leaving)
        self.daemon.stop()
        self._control.close()
        if self._metrics is not None:
            self._metrics.stop()
        self._hashing.stop()
        if self.daemon.files is None or await self.daemon.files.settle(terms.deadline):
            for threads in self._threads:
                threads.stop()
        closed = self.store.close()
        if not closed:
            log.error("store-hangs", "The disk does not answer; the daemon ends without closing its data.")
        return closed

    async def left(self) -> None:
        """Wait until everybody is gone whom `let_go` has said goodbye to."""
        if self._leaving is not None:
            await self._leaving

    def end_keeping(self) -> None:
        """Keep no more lines for operators; write those that wait."""
        globalLogPublisher.removeObserver(self._log_watch)
        self._archiving.stop()
        self._waker.close()


def _unusable(folder: Path, error: OSError) -> str:
    return f"The files in {folder} cannot be used: {error}{remedy(error.errno, folder)}."
