"""The daemon's service: opens the ports, runs what is behind them, hands over to a successor, and drains."""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

import chatd
from chatd.build import Daemon
from chatd.chat.storage import StoreError
from chatd.clock import use_monotonic_time, wall_milliseconds
from chatd.control.context import Process
from chatd.large_pages import LargePages
from chatd.memory import keep_freed_memory, loading, spare_the_collector
from chatd.ops.config import Source
from chatd.ops.differences import Report
from chatd.ops.inheritance import inherited
from chatd.ops.log import Log
from chatd.ops.notify import FEED, READY, STOPPING, Notifier
from chatd.ops.observers import set_level
from chatd.ops.settings import Config
from chatd.reloading import NOT_RUNNING, Reloader, tell
from chatd.running import Running
from chatd.server.announcer import Announcer
from chatd.server.auth.portal import CheckerError
from chatd.server.certificate_watch import CertificateWatch
from chatd.server.collector import Collector
from chatd.server.drain import FIRST_SLOT
from chatd.server.listeners import ListenError, check_handed
from chatd.server.open_listeners import Listeners
from chatd.server.watchdog import Beat, Watchdog, at_once
from chatd.succession import Heir, SuccessionError, Successor
from chatd.turns import shorten_turns

log = Log(__name__)

SOON: Final = 0.1
"""Seconds before which nobody is asked to come back to a successor, which is ready."""

_REPLACED: Final = "Another process takes this one's place; reload when that is done."

_DEAD: Final = "The new program has ended before it served; this one goes on."


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
        self._collector = Collector(reactor)
        self._large_pages = LargePages(reactor)
        self._announcer = Announcer(reactor)
        self._running: Running | None = None
        self._reloader: Reloader | None = None
        self._over: float | None = None
        self._notifier = Notifier()
        self._watchdog: Watchdog | None = None
        self._inheritance = inherited()
        self._heir: Heir | None = None
        self._successor: Successor | None = None
        self._handing_over: Deferred[None] | None = None
        self._handed_over = False
        self._ending = False
        self.pid_file = False

    @property
    def addresses(self) -> list[Any]:
        """Return Twisted's addresses of the ports."""
        return [port.getHost() for port in self._listeners.ports]

    @property
    def daemon(self) -> Daemon | None:
        """Return the daemon's parts, while it runs."""
        return None if self._running is None else self._running.daemon

    # ---- the beginning ------------------------------------------------------------------------------

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
        self._heir = Heir(self._inheritance, self._reactor, self._go_on)
        self._reactor.callWhenRunning(self._heir.wait)

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

    def _go_on(self) -> bool:
        """Begin, with data that were in use until now, for those who wait in the queues of the listeners.

        Return whether that could be; otherwise the process ends.
        """
        try:
            self._begin(taken_over=True)
        except StartError:
            self._end()
            return False
        self._listeners.accept(True)
        return True

    def _begin(self, *, taken_over: bool = False) -> None:
        """Open the data and begin to answer. Raises `StartError`."""
        process = Process(set_level=set_level, stop=self._end, reload=self.reload, upgrade=self.upgrade)
        try:
            with loading():
                self._running = running = Running(self._config, self._reactor, process, taken_over=taken_over)
        except (StoreError, CheckerError) as error:
            raise self._cannot_start(error) from None
        self._listeners.serve(running.daemon.server)
        self._reloader = Reloader(
            self._source,
            running.daemon,
            self._listeners,
            self._certificates,
            self._announcer,
            self.set_level,
        )
        self._let_go_of_terminal()
        world = running.daemon.server.hub.world
        direct = sum(room.direct for room in world.rooms.values())
        log.info(
            "start",
            version=chatd.__version__,
            listen=" ".join(listener.endpoint for listener in self._config.listen),
            data=str(Path(self._config.data).resolve()),
            server=world.server,
            rooms=len(world.rooms) - direct,
            direct=direct,
            sessions=len(world.sessions),
        )
        running.start()  # behind that line: what it removes at once is told of
        self._certificates.start()
        self._collector.start()
        self._large_pages.start()
        self._announcer.use(running.config.lan, self._listeners.for_tcp)
        self._reloader.start()
        self._notifier.say(READY)
        self._feed(running.store.beat)

    def _feed(self, beat: Beat) -> None:
        """Feed the service manager's watchdog while the reactor turns and ``beat`` is answered."""
        if self._watchdog is not None:
            self._watchdog.stop()
        feed = partial(self._notifier.say, FEED)
        self._watchdog = Watchdog(beat, self._reactor, feed, self._notifier.watchdog)
        self._watchdog.start()

    def _cannot_start(self, error: Exception) -> StartError:
        """Log why the daemon ends, and tell whoever started it in the background, in twistd's few bytes."""
        log.error("start-failed", str(error))
        if self._inheritance is not None:
            self._inheritance.explain(str(error))
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

    # ---- what operators ask for ---------------------------------------------------------------------

    def reload(self) -> Report:
        """Go on with the configuration as it is now, or with none of it, and log which; return that too."""
        self._notifier.reloading()
        if self._reloader is None:
            report = Report(problems=(NOT_RUNNING,))
        elif self._successor is not None:  # it has read the configuration, and inherited the listeners
            report = Report(problems=(_REPLACED,))
        else:
            report = self._reloader.reload()
        tell(report)
        self._notifier.say(READY)
        return report

    async def upgrade(self) -> str:
        """Let another process of the program, as it is installed now, take this one's place.

        Returns when that one is ready and this one begins to hand over; or why that cannot be, and goes on.
        """
        running = self._running
        if self.pid_file:
            return _not_replaced(
                "A daemon in the background, or with a pid file, cannot hand over; restart it."
            )
        if running is None or running.daemon.server.draining or self._successor is not None:
            return _not_replaced("The daemon is not running yet, or ends.")
        successor = self._successor = Successor(self._reactor)
        try:
            await successor.start(self._listeners.sockets()).ready
        except (ListenError, SuccessionError, OSError) as error:
            return _not_replaced(str(error))
        except CancelledError:
            _not_replaced("Whoever asked for it waits no longer; ask again.")
            raise
        finally:
            if not successor.is_ready:
                successor.end()
                self._successor = None
        log.info("upgrade", process=successor.pid)
        handing = Deferred.fromCoroutine(self._hand_over(running, successor))
        self._handing_over = handing.addErrback(self._hand_over_failed)
        return ""

    def _end(self, over: float | None = None) -> None:
        """End the daemon, as SIGTERM does; clients are asked to come back within ``over`` seconds."""
        self._over = over
        with suppress(ReactorNotRunning):  # it ends already
            self._reactor.stop()

    # ---- the end ------------------------------------------------------------------------------------

    async def _hand_over(self, running: Running, successor: Successor) -> None:
        """Let go of the data, and end as soon as ``successor`` serves them; where it does not, go on."""
        await deferLater(self._reactor, 0)  # in which whoever has asked for it is answered
        self._listeners.accept(False)
        self._feed(at_once)
        closed = await self._let_go(running, SOON, empty=False)
        await deferLater(self._reactor, 0)  # in which the other listeners are closed
        # Where the disk hangs the data are free when this process is gone: then the successor begins.
        if not closed or await successor.go():
            self._handed_over = True
            self._notifier.replaced(successor.pid)
            self._listeners.release()
            self._end()
            return
        self._successor = None
        if not self._ending:
            self._handing_over = None
            _not_replaced(_DEAD)
            running.end_keeping()
            self._go_on()

    def _hand_over_failed(self, failure: Failure) -> None:
        log.failure("upgrade-failed", failure)
        self._end()

    async def _let_go(self, running: Running, soonest: float, *, empty: bool) -> bool:
        """See `Running.let_go`; what would reload ends as well."""
        self._certificates.stop()
        self._collector.stop()
        self._large_pages.stop()
        if self._reloader is not None:
            self._reloader.stop()
        silence = Deferred.fromCoroutine(self._announcer.stop(goodbye=empty))
        terms = running.config.drain
        if self._over is not None:
            terms = replace(terms, window=self._over)
        closed = await running.let_go(terms, soonest, empty=empty)
        await silence
        self._config = running.config
        return closed

    def stopService(self) -> "Deferred[None]":
        """Stop listening, drain, and close the data."""
        super().stopService()  # type: ignore[no-untyped-call]
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._ending = True
        if self._heir is not None:
            self._heir.stop()
        if self._successor is not None and not self._handed_over:
            self._successor.stop()
        if self._handing_over is not None:
            await self._handing_over
        if self._watchdog is not None:
            self._watchdog.stop()
        running = self._running
        if running is None and self._inheritance is not None:
            self._listeners.release()  # whose place was to be taken goes on with them
            return
        if not self._handed_over:
            self._listeners.close()
            self._notifier.say(STOPPING)
        if running is None:
            return
        if self._handing_over is None:
            await self._let_go(running, FIRST_SLOT, empty=True)
        await running.left()
        log.info("stop")
        running.end_keeping()


def build(config: Config, source: Source | None = None) -> ChatService:
    """Return the daemon's service for ``config`` of ``source``; it opens nothing before it is started."""
    from twisted.internet import reactor  # noqa: PLC0415 - the first import chooses the reactor

    use_monotonic_time(reactor)
    shorten_turns(reactor)
    return ChatService(config, reactor, _keep_terminal(), source)


def _not_replaced(why: str) -> str:
    """Log why no other process takes this one's place; return it."""
    log.error("upgrade-failed", why)
    return why


def _keep_terminal() -> int | None:
    """Return a second handle of standard error, because twistd takes that away when it daemonises."""
    try:
        return os.dup(2)
    except OSError:
        return None
