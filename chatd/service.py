"""The daemon's service: built from a configuration, it opens, runs and drains everything."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort

import chatd
from chatd.chat.storage import StoreError
from chatd.clock import use_monotonic_time, wall_milliseconds
from chatd.files.blobs import BlobStore
from chatd.files.strand import FLUSHERS, WORKERS, Threads
from chatd.memory import keep_freed_memory, spare_the_collector
from chatd.ops.log import Log
from chatd.ops.settings import Config
from chatd.server.auth import make_portal
from chatd.server.certificates import CertificateWatch
from chatd.server.committer import Committer
from chatd.server.desk import Desk
from chatd.server.drain import drain
from chatd.server.eager import send_eagerly
from chatd.server.factory import factories
from chatd.server.files.expiry import Expiry
from chatd.server.files.library import Files
from chatd.server.housekeeping import Housekeeping
from chatd.server.listeners import ListenError, listen
from chatd.server.reaper import Reaper
from chatd.server.space import SpaceLog
from chatd.server.timekeeper import Timekeeper
from chatd.store.sqlite import SqliteStore

log = Log(__name__)


class StartError(Exception, SystemExit):
    """Why the daemon cannot start: one sentence, which has been logged.

    As an Exception it is told to the waiting parent by twistd when it daemonises; as a SystemExit it ends a
    daemon in the foreground with status 1 and without a traceback.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.code = 1


class ChatService(Service):
    """The daemon: binds its ports first, then opens its data and answers; stops by draining.

    ``terminal`` is a handle of the standard error that the command was given; it is closed after the start.
    """

    def __init__(self, config: Config, reactor: Any, terminal: int | None = None) -> None:
        self._config = config
        self._reactor = reactor
        self._terminal = terminal
        self._factories = factories()
        self._ports: list[IListeningPort] = []
        self.store: SqliteStore | None = None

    @property
    def addresses(self) -> list[Any]:
        """Return where it listens, as Twisted's addresses."""
        return [port.getHost() for port in self._ports]

    def privilegedStartService(self) -> None:
        """Bind the ports, while that may still need privileges. Raises `StartError`."""
        super().privilegedStartService()  # type: ignore[no-untyped-call]
        self._listen()

    def startService(self) -> None:
        """Open the data and begin to answer. Raises `StartError`."""
        super().startService()  # type: ignore[no-untyped-call]
        self._listen()
        keep_freed_memory()
        spare_the_collector()
        config = self._config
        try:
            self.store = store = SqliteStore(Path(config.data), self._reactor.callFromThread, SpaceLog())
            snapshot = store.load()
        except StoreError as error:
            raise self._cannot_start(error) from None
        self._committer = Committer(snapshot, store, self._reactor)
        hub = self._committer.hub
        hub.world.show_addresses = config.show_addresses
        self.desk = Desk(
            hub,
            self._committer.visits,
            store,
            make_portal(hub),
            self._reactor,
            wall_milliseconds,
            config.heartbeat,
            config.limits,
        )
        if config.files.enabled:
            self._take_files()
        self._reaper = Reaper(self.desk)
        self._timekeeper = Timekeeper(self.desk, config.retention, config.files)
        self._housekeeping = Housekeeping(self.desk, config.session, config.retention)
        self._certificates = CertificateWatch(config.listen, self._reactor, wall_milliseconds)
        self._reaper.start()
        self._timekeeper.start()
        self._housekeeping.start()
        for factory in self._factories.values():
            factory.desk = self.desk
        self._let_go_of_terminal()
        log.info(
            "start",
            version=chatd.__version__,
            listen=" ".join(listener.endpoint for listener in config.listen),
            data=str(Path(config.data).resolve()),
            server=snapshot.server,
            rooms=len(snapshot.rooms),
            sessions=len(snapshot.sessions),
        )
        self._certificates.start()

    def _take_files(self) -> None:
        workers, flushers = (Threads(self._reactor.callFromThread, count) for count in (WORKERS, FLUSHERS))
        self._threads = (workers, flushers)
        try:
            files = Files(
                self._config.files,
                BlobStore(Path(self._config.data)),
                workers,
                flushers,
                self._reactor,
                wall_milliseconds,
                self.desk.hub,
            )
        except OSError as error:
            self._stop_threads()
            raise self._cannot_start(StoreError(_unusable(self._config.data, error))) from None
        self.desk.take_files(files)
        self._expiry = Expiry(files)
        self._expiry.start()

    def _stop_threads(self) -> None:
        for threads in self._threads:
            threads.stop()

    async def _settle_files(self) -> None:
        files = self.desk.files
        if files is not None:
            self._expiry.stop()
            if await files.settle(self._config.drain.deadline):
                self._stop_threads()

    def _listen(self) -> None:
        if self._ports:
            return
        try:
            for listener in self._config.listen:
                port = listen(self._reactor, listener, self._factories)
                self._ports.append(port)
                if self._config.eager_send:
                    send_eagerly(port)
        except ListenError as error:
            raise self._cannot_start(error) from None

    def _cannot_start(self, error: Exception) -> StartError:
        """Log why the daemon ends, and tell whoever started it in the background: twistd cuts it short."""
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

    async def _stop(self) -> None:
        for port in self._ports:
            stopped = port.stopListening()
            if stopped is not None:
                await stopped
        self._ports = []
        if self.store is None:
            return
        self._timekeeper.keep()
        await drain(self.desk, self._reactor, lambda: self._committer.idle, self._config.drain)
        self._reaper.stop()
        self._housekeeping.stop()
        self._certificates.stop()
        self._timekeeper.stop()
        await self._settle_files()
        if not self.store.close():
            log.error("store-hangs", "The disk does not answer; the daemon ends without closing its data.")
        log.info("stop")


def build(config: Config) -> IService:
    """Return the daemon's service for ``config``; it opens nothing before it is started."""
    from twisted.internet import reactor  # noqa: PLC0415 - the first import chooses the reactor

    use_monotonic_time(reactor)
    return ChatService(config, reactor, _keep_terminal())


def _unusable(data: str, error: OSError) -> str:
    return f"The files in {data} cannot be used: {error}; mend that or name another folder with --data."


def _keep_terminal() -> int | None:
    """Return another handle of standard error, which twistd takes away when it daemonises."""
    try:
        return os.dup(2)
    except OSError:
        return None
