"""The daemon's service: built from a configuration, it opens, runs and drains everything."""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from msgspec.structs import replace
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

import chatd
from chatd.archiving import Archiving
from chatd.build import Daemon, FileKeeping
from chatd.chat.storage import Snapshot, StoreError
from chatd.clock import use_monotonic_time, wall_milliseconds
from chatd.control.context import About, Context, Process
from chatd.control.past import Past
from chatd.control.port import ControlPort
from chatd.control.protocol import ControlFactory
from chatd.disk import remedy
from chatd.files.blobs import BlobStore
from chatd.files.strand import FLUSHERS, WORKERS, Threads
from chatd.memory import keep_freed_memory, spare_the_collector
from chatd.ops.config import Source
from chatd.ops.differences import Report
from chatd.ops.inheritance import inherited
from chatd.ops.log import Log
from chatd.ops.notify import FEED, READY, STOPPING, Notifier
from chatd.ops.observers import set_level
from chatd.ops.settings import Config
from chatd.reloading import NOT_RUNNING, Reloader, tell
from chatd.server.auth.portal import CheckerError
from chatd.server.certificate_watch import CertificateWatch
from chatd.server.drain import FIRST_SLOT, say_goodbye, see_off
from chatd.server.listeners import ListenError, check_handed
from chatd.server.open_listeners import Listeners
from chatd.server.passwords import THREADS, Passwords
from chatd.server.space_log import SpaceLog
from chatd.server.watchdog import Watchdog
from chatd.store.sqlite import SqliteStore
from chatd.succession import Heir, SuccessionError, Successor

if TYPE_CHECKING:
    from chatd.metrics.port import MetricsPort

log = Log(__name__)

SOON: Final = 0.1
"""Seconds before which nobody is asked to come back to a successor, which is ready."""


class StartError(Exception, SystemExit):
    """The daemon cannot start, for a reason of one sentence, which has been logged.

    As an Exception it is told to the waiting parent by twistd when it daemonises; as a SystemExit it ends a
    daemon in the foreground with status 1 and without a traceback. twistd cuts its text off after 100 bytes,
    so the text only says that the reason has been logged.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.code = 1

    def __str__(self) -> str:
        """Return what twistd shows."""
        return "the daemon has said why"


class _Running(NamedTuple):
    daemon: Daemon
    snapshot: Snapshot
    store: SqliteStore
    threads: list[Threads]
    hashing: Threads
    archiving: Archiving
    control: ControlPort
    metrics: "MetricsPort | None"


class ChatService(Service):
    """The daemon: binds its ports first, then opens its data and answers; stops by draining.

    ``terminal`` is a handle of the standard error that the command was given; it is closed after the start.
    ``source`` is where ``config`` came from; `set_level` is told the log's level when a reload changes it.
    """

    def __init__(
        self, config: Config, reactor: Any, terminal: int | None = None, source: Source | None = None
    ) -> None:
        self.set_level: Callable[[str], object] = lambda _: None
        self._config = config
        self._source = source or Source()
        self._reactor = reactor
        self._terminal = terminal
        self._listeners = Listeners(reactor)
        self._certificates = CertificateWatch(config.listen, reactor, wall_milliseconds)
        self._running: _Running | None = None
        self._reloader: Reloader | None = None
        self._over: float | None = None
        self._notifier = Notifier()
        self._watchdog: Watchdog | None = None
        self._inheritance = inherited()
        self._heir: Heir | None = None
        self._successor: Successor | None = None
        self.pid_file = False

    @property
    def addresses(self) -> list[Any]:
        """Return Twisted's addresses of the ports."""
        return [port.getHost() for port in self._listeners.ports]

    @property
    def daemon(self) -> Daemon | None:
        """Return the daemon's parts, once it has started."""
        return None if self._running is None else self._running.daemon

    def privilegedStartService(self) -> None:
        """Bind the ports, while that may still need privileges. Raises `StartError`."""
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        self._listen()

    def startService(self) -> None:
        """Begin, or wait until it may where it takes the place of another process. Raises `StartError`."""
        super().startService()  # type: ignore[no-untyped-call]
        self._listen()
        keep_freed_memory()
        spare_the_collector()
        if self._inheritance is None:
            self._begin()
            return
        self._listeners.accept(False)
        self._heir = Heir(self._inheritance, self._reactor, self._take_over)
        self._reactor.callWhenRunning(self._heir.wait)

    def _take_over(self) -> None:
        """Begin in the place of another process, whose clients wait in the queues of the listeners."""
        try:
            self._begin()
        except StartError:
            self._reactor.stop()
        else:
            self._listeners.accept(True)

    def _begin(self) -> None:
        """Open the data and begin to answer. Raises `StartError`."""
        self._running = running = self._open()
        self._listeners.serve(running.daemon.server)
        self._reloader = Reloader(
            self._source,
            running.daemon,
            self._listeners,
            self._certificates,
            self.set_level,
        )
        self._let_go_of_terminal()
        snapshot = running.snapshot
        log.info(
            "start",
            version=chatd.__version__,
            listen=" ".join(listener.endpoint for listener in self._config.listen),
            data=str(Path(self._config.data).resolve()),
            server=snapshot.server,
            rooms=len(snapshot.rooms),
            sessions=len(snapshot.sessions),
        )
        running.daemon.start()  # behind that line: what it removes at once is told of
        self._certificates.start()
        self._reloader.start()
        if running.metrics is not None:
            running.metrics.start()
        self._notifier.say(READY)
        feed = partial(self._notifier.say, FEED)
        self._watchdog = Watchdog(running.store, self._reactor, feed, self._notifier.watchdog)
        self._watchdog.start()

    def reload(self) -> Report:
        """Go on with the configuration as it is now, or with none of it, and log which; return that too."""
        self._notifier.reloading()
        report = Report(problems=(NOT_RUNNING,)) if self._reloader is None else self._reloader.reload()
        tell(report)
        self._notifier.say(READY)
        return report

    async def upgrade(self) -> str:
        """Let another process of the program, as it is installed now, take this one's place.

        Returns when that one is ready and this one begins to end; or why that cannot be, and goes on.
        """
        running, why = self._running, ""
        if self.pid_file:
            why = "A daemon in the background, or with a pid file, cannot hand over; restart it."
        elif running is None or running.daemon.server.draining or self._successor is not None:
            why = "The daemon is not running yet, or ends."
        else:
            successor = self._successor = Successor(self._reactor)
            try:
                await successor.start(self._listeners.sockets()).ready
            except (ListenError, SuccessionError, OSError) as error:
                why = str(error)
            except CancelledError:
                log.error("upgrade-failed", "Whoever asked for it waits no longer; ask again.")
                raise
            finally:
                if not successor.is_ready:
                    successor.end()
                    self._successor = None
        if why:
            log.error("upgrade-failed", why)
            return why
        log.info("upgrade", process=successor.pid)
        self._notifier.replaced(successor.pid)
        self._reactor.callLater(0, self._reactor.stop)
        return ""

    def _open(self) -> "_Running":
        """Open the data and wire the daemon's parts over it. Raises `StartError`."""
        config, call = self._config, self._reactor.callFromThread
        try:
            store = SqliteStore(Path(config.data), call, SpaceLog())
            snapshot = store.load()
        except StoreError as error:
            raise self._cannot_start(error) from None
        threads = [Threads(call, count) for count in (WORKERS, FLUSHERS)] if config.files.enabled else []
        hashing = Threads(call, THREADS)
        keeping = FileKeeping(BlobStore(Path(config.data)), *threads) if threads else None
        try:
            passwords = Passwords(hashing, self._reactor)
            daemon = Daemon(config, snapshot, store, self._reactor, wall_milliseconds, keeping, passwords)
        except (OSError, CheckerError) as error:
            for one in (*threads, hashing):
                one.stop()
            raise self._cannot_start(
                StoreError(_unusable(config.data, error)) if isinstance(error, OSError) else error
            ) from None
        archiving = Archiving(daemon.server, Path(config.data).resolve(), config.log.level, self._reactor)
        control = self._control(daemon, snapshot.server, archiving.past)
        metrics = self._metrics(daemon)
        return _Running(daemon, snapshot, store, threads, hashing, archiving, control, metrics)

    def _control(self, daemon: Daemon, server: str, past: Past) -> ControlPort:
        """Let operators ask ``daemon``, whose data has the id ``server``."""
        config, reactor = self._config, self._reactor
        data = Path(config.data).resolve()
        context = Context(
            about=About(id=server, data=data, started=reactor.seconds()),
            server=daemon.server,
            rates=daemon.rates,
            past=past,
            process=Process(set_level=set_level, stop=self._end, reload=self.reload, upgrade=self.upgrade),
        )
        port = ControlPort(data, config.control, reactor)
        port.listen(lambda access: ControlFactory(context, access))
        return port

    def _metrics(self, daemon: Daemon) -> "MetricsPort | None":
        """Return the listener of the page of figures about ``daemon``, if there is to be one."""
        endpoint = self._config.metrics.endpoint
        if not endpoint:
            return None
        from chatd.metrics.port import MetricsPort  # noqa: PLC0415 - it brings HTTP, which few want here

        return MetricsPort(endpoint, daemon.server, self._reactor)

    def _end(self, over: float | None) -> None:
        """End the daemon, as SIGTERM does; clients are asked to come back within ``over`` seconds."""
        self._over = over
        self._reactor.stop()

    def _listen(self) -> None:
        if self._listeners:
            return
        try:
            if self._inheritance is None:
                check_handed(self._config.listen)
            heritage = self._inheritance
            self._listeners.open(self._config, None if heritage is None else heritage.listeners)
        except ListenError as error:
            raise self._cannot_start(error) from None

    def _cannot_start(self, error: Exception) -> StartError:
        """Log why the daemon ends, and tell whoever started it in the background, in twistd's few bytes."""
        log.error("start-failed", str(error))
        terminal = self._terminal
        with suppress(OSError):
            if terminal is not None and not os.path.sameopenfile(terminal, 2):
                os.write(terminal, f"chatd: {error}\n".encode())
        self._let_go_of_terminal()
        return StartError(str(error))

    def _let_go_of_terminal(self) -> None:
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None

    def stopService(self) -> "Deferred[None]":
        """Stop listening, drain, and close the data."""
        super().stopService()  # type: ignore[no-untyped-call]
        return Deferred.fromCoroutine(self._stop())

    def _stop_listening(self) -> Successor | None:
        """Accept nobody any more; return the process that does instead, if there is one that is ready."""
        if self._heir is not None:
            self._heir.stop()
        successor = self._successor
        if successor is not None and not successor.is_ready:
            successor.end()
            successor = None
        if successor is None and (self._running is not None or self._inheritance is None):
            self._listeners.close()
        else:
            self._listeners.release()
        if successor is None:
            self._notifier.say(STOPPING)
        if self._watchdog is not None:
            self._watchdog.stop()
        return successor

    async def _stop(self) -> None:
        successor = self._stop_listening()
        if self._running is None:
            return
        server, _, store, threads, hashing, archiving, control, metrics = self._running
        server.timekeeper.keep()
        terms = server.current.config.drain
        if self._over is not None:
            terms = replace(terms, window=self._over)
        end = self._reactor.seconds() + terms.deadline
        everybody = server.server, self._reactor, lambda: server.committer.idle
        await say_goodbye(*everybody, terms, FIRST_SLOT if successor is None else SOON)
        if successor is None:
            await see_off(*everybody, end)
        server.stop()
        self._certificates.stop()
        if self._reloader is not None:
            self._reloader.stop()
        control.close()
        if metrics is not None:
            metrics.stop()
        hashing.stop()
        if server.files is None or await server.files.settle(terms.deadline):
            for one in threads:
                one.stop()
        if not store.close():
            log.error("store-hangs", "The disk does not answer; the daemon ends without closing its data.")
        if successor is not None:
            await deferLater(self._reactor, 0)  # in which the other listeners are closed
            successor.go()
            await see_off(*everybody, end)
        log.info("stop")
        archiving.stop()


def build(config: Config, source: Source | None = None) -> ChatService:
    """Return the daemon's service for ``config`` of ``source``; it opens nothing before it is started."""
    from twisted.internet import reactor  # noqa: PLC0415 - the first import chooses the reactor

    use_monotonic_time(reactor)
    return ChatService(config, reactor, _keep_terminal(), source)


def _unusable(data: str, error: OSError) -> str:
    return f"The files in {data} cannot be used: {error}{remedy(error.errno, Path(data))}."


def _keep_terminal() -> int | None:
    """Return a second handle of standard error, because twistd takes that away when it daemonises."""
    try:
        return os.dup(2)
    except OSError:
        return None
