"""Puts our observers where twistd looks for one; --logfile, --syslog and --logger stay in force.

twistd asks the application for its ILogObserver just before it starts to log, and that one beats --logfile
and --syslog. So the service looks at these options itself, and hands the observer over when it meets the
application. Lines go to the place that the options name through a `chatd.ops.writer.Writer`.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from twisted.application.service import IService, IServiceCollection, MultiService
from twisted.logger import ILogObserver, Logger, LogLevel
from twisted.python import usage
from twisted.python.components import Componentized

from chatd.ops import colours
from chatd.ops.event_lines import coloured_line, json_line
from chatd.ops.foreign import Foreign
from chatd.ops.journald import Journald, leads_to_journal
from chatd.ops.observers import OBSERVERS, SINK, Lines, Sink
from chatd.ops.settings import LogConfig
from chatd.ops.writer import File, Target, Writer, standard_output

STDOUT: Final = 1


class Logged(MultiService):
    """Holds the daemon's services, gives its application an observer, and lets the observer write."""

    def __init__(
        self, services: Iterable[IService], observer: ILogObserver | None, writer: Writer | Foreign
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._observer = observer
        self.writer = writer
        for service in services:
            service.setServiceParent(self)

    def setServiceParent(self, parent: IServiceCollection) -> None:
        """Join ``parent``. If that is twistd's application, it logs through our observer."""
        if self._observer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self._observer)  # type: ignore[no-untyped-call]
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]

    def set_level(self, level: str) -> None:
        """Write what has at least ``level`` from now on; a foreign --logger decides for itself."""
        if isinstance(self.writer, Writer):
            _aim(Sink(self.writer, level))

    def privilegedStartService(self) -> None:
        """Write from now on beside the reactor: twistd has forked if it was to fork."""
        self.writer.start()
        super().privilegedStartService()  # type: ignore[no-untyped-call]


def logged(services: Iterable[IService], config: LogConfig, twistd: Mapping[str, object]) -> Logged:
    """Return ``services`` under a parent that makes twistd log as ``config`` and twistd's own options say.

    Raises `OSError` if the log file cannot be opened, `ValueError` if the log would go nowhere.
    """
    chosen = twistd.get("logger")
    if twistd.get("syslog") and chosen is None:
        return _to_syslog(services, config, _name(twistd))
    if chosen is None and config.format == "text" and _printed(twistd) and leads_to_journal(STDOUT):
        writer = Writer(Journald(_name(twistd)))
        return Logged(services, Lines(json_line, Sink(writer, config.level)), writer)
    foreign = getattr(chosen, "__self__", None)
    if isinstance(foreign, Foreign):
        return Logged(services, None, foreign)
    writer = Writer(_target(twistd))
    sink = Sink(writer, config.level)
    if chosen is None and config.format == "text" and _printed(twistd) and colours.wanted(STDOUT):
        return Logged(services, Lines(coloured_line, sink), writer)
    if chosen is None:
        return Logged(services, OBSERVERS[config.format](sink), writer)
    _aim(sink)  # this reaches the observer that twistd is about to make for --logger
    return Logged(services, None, writer)


def _aim(sink: Sink) -> None:
    """Tell our observers where to write from now on, and which levels."""
    Logger(__name__).emit(LogLevel.info, None, **{SINK: sink})


def beside(twistd: usage.Options) -> None:
    """Let a --logger that is not ours be called in a thread.

    twistd finds out what its name means only when it has read our options, and then asks no plugin any more.
    """
    find = twistd.postOptions

    def find_and_wrap() -> None:
        find()  # type: ignore[no-untyped-call]
        chosen = twistd.get("logger")
        if callable(chosen) and chosen not in OBSERVERS.values():
            twistd["logger"] = Foreign(chosen).made

    twistd.postOptions = find_and_wrap  # type: ignore[method-assign]


def _name(twistd: Mapping[str, object]) -> str:
    """Return what the system's log calls us, which --prefix may say; twistd's own default is "twisted"."""
    prefix = str(twistd.get("prefix") or "")
    return "chatd" if prefix in ("", "twisted") else prefix


def _printed(twistd: Mapping[str, object]) -> bool:
    """Return whether lines go to standard output."""
    name = twistd.get("logfile")
    return name == "-" or (bool(twistd.get("nodaemon")) and not name)


def _target(twistd: Mapping[str, object]) -> Target:
    name = twistd.get("logfile")
    if name == "-" and not twistd.get("nodaemon"):
        raise ValueError("a daemon in the background has no standard output; name a file with --logfile")
    if _printed(twistd):
        return standard_output()
    return File(str(name or "twistd.log"))


def _to_syslog(services: Iterable[IService], config: LogConfig, prefix: str) -> Logged:
    from chatd.ops.syslog import SystemLog, syslog_line  # noqa: PLC0415 - not every system has one

    writer = Writer(SystemLog(prefix))
    return Logged(services, Lines(syslog_line, Sink(writer, config.level)), writer)
