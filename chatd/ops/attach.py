"""Putting our observers where twistd looks for one, with --logfile, --syslog and --logger in force.

twistd asks the application for its ILogObserver just before it starts to log, and that one beats --logfile
and --syslog; so the service looks at these options itself, and hands the observer over when it meets the
application.
"""

import signal
import sys
from collections.abc import Iterable, Mapping
from typing import Any, cast

from twisted.application.service import IService, IServiceCollection, MultiService
from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LegacyLogObserverWrapper,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
)
from twisted.python.components import Componentized
from twisted.python.logfile import LogFile

from chatd.ops.observers import OBSERVERS, SINK, Sink, Stream
from chatd.ops.settings import LogConfig


class Logged(MultiService):
    """Holds the daemon's services and gives the application that it is attached to an observer."""

    def __init__(self, services: Iterable[IService], observer: ILogObserver | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._observer = observer
        for service in services:
            service.setServiceParent(self)

    def setServiceParent(self, parent: IServiceCollection) -> None:
        """Join ``parent``; where it is twistd's application, it logs through our observer."""
        if self._observer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._observer)  # type: ignore[no-untyped-call]
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]


def logged(services: Iterable[IService], config: LogConfig, twistd: Mapping[str, object]) -> IService:
    """Return ``services`` under a parent that makes twistd log as ``config`` says, and as its own options do.

    Raises `OSError` where the log file cannot be opened.
    """
    return Logged(services, _observer(config, twistd))


def _observer(config: LogConfig, twistd: Mapping[str, object]) -> ILogObserver | None:
    chosen = twistd.get("logger")
    if chosen is not None:
        if chosen in OBSERVERS.values():
            _direct(Sink(_stream(twistd), config.level))
        return None
    if twistd.get("syslog"):
        return _syslog(str(twistd.get("prefix", "chatd")), config.level)
    return OBSERVERS[config.format](Sink(_stream(twistd), config.level))


def _direct(sink: Sink) -> None:
    """Tell the observer that twistd is about to make of --logger where to write, and how much."""
    Logger(__name__).emit(LogLevel.info, None, **{SINK: sink})


def _stream(twistd: Mapping[str, object]) -> Stream:
    name = twistd.get("logfile")
    if name == "-" or (twistd.get("nodaemon") and not name):
        return sys.stdout
    file: LogFile = LogFile.fromFullPath(name or "twistd.log", rotateLength=None)
    _reopen_on_usr1(file)
    return cast(Stream, file)


def _reopen_on_usr1(file: LogFile) -> None:
    """Let log rotation move the file away: a SIGUSR1 opens it anew under its name."""
    if signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL:
        signal.signal(signal.SIGUSR1, lambda _number, _frame: _reopen(file))


def _reopen(file: LogFile) -> None:
    from twisted.internet import reactor  # noqa: PLC0415 - the first import chooses the reactor

    reactor.callFromThread(file.reopen)  # type: ignore[attr-defined]


def _syslog(prefix: str, level: str) -> ILogObserver:
    from twisted.python.syslog import SyslogObserver  # noqa: PLC0415 - not every system has one

    observer = LegacyLogObserverWrapper(cast(Any, SyslogObserver(prefix).emit))
    least = LogLevelFilterPredicate(LogLevel.levelWithName(level))
    return FilteringLogObserver(observer, [least])
