"""Reloads the configuration of a running daemon: all of it is checked before any of it is in force."""

from collections.abc import Callable
from functools import partial
from typing import Final

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from chatd.build import Daemon
from chatd.ops.config import ConfigError, Source
from chatd.ops.differences import Report, compare
from chatd.ops.log import Log
from chatd.ops.settings import Config
from chatd.server.announcer import Announcer
from chatd.server.auth.portal import CheckerError
from chatd.server.certificate_watch import CertificateWatch
from chatd.server.listeners import ListenError
from chatd.server.open_listeners import Listeners, Rearrangement

log = Log(__name__)

LOOK_INTERVAL: Final = 60.0
"""Seconds between two looks whether the files of certificates hold others."""

NOT_RUNNING: Final = "The daemon is not running yet, or ends; reload it when it runs."

_RATES: Final = frozenset(
    {
        "limits.requests_per_second",
        "limits.bytes_per_second",
        "limits.users_per_address",
        "limits.networks_per_48",
    }
)
"""What the units are made of that connections have in hand."""


class Reloader:
    """Brings ``daemon`` and its ``listeners`` to what ``source`` says. ``set_level`` is told the log's level.

    ``certificates`` are watched anew, and the ``announcer`` says what is true then.
    """

    def __init__(
        self,
        source: Source,
        daemon: Daemon,
        listeners: Listeners,
        certificates: CertificateWatch,
        announcer: Announcer,
        set_level: Callable[[str], object],
    ) -> None:
        self._source = source
        self._daemon = daemon
        self._listeners = listeners
        self._certificates = certificates
        self._announcer = announcer
        self._set_level = set_level
        self._complaint = ""
        self._loop = LoopingCall(self._renew)
        self._loop.clock = daemon.server.clock

    def start(self) -> None:
        """Look after the files of certificates from now on."""
        self._loop.start(LOOK_INTERVAL, now=False).addErrback(partial(log.failure, "reload-fault"))

    def stop(self) -> None:
        """End."""
        if self._loop.running:
            self._loop.stop()

    def _renew(self) -> None:
        """Show other certificates where the files hold others; where they cannot be used yet, say so once."""
        if self._daemon.server.draining or not self._listeners.outdated:
            return
        config = self._daemon.current.config
        here = tuple(listener for listener in config.listen if listener.endpoint in self._listeners)
        try:
            rearrangement = self._listeners.prepare(replace(config, listen=here))
        except ListenError as error:
            if str(error) != self._complaint:
                self._complaint = str(error)
                log.warn("certificate-waits", f"{error} The certificate that is in use stays.")
            return
        self._complaint = ""
        files = _files(rearrangement, config)
        rearrangement.commit()
        self._certificates.watch(config.listen)
        tell(Report(applied=files))

    def reload(self) -> Report:
        """Read and check everything, then exchange it in one step, or change nothing; return what became."""
        daemon = self._daemon
        if daemon.server.draining:
            return Report(problems=(NOT_RUNNING,))
        try:
            config, report = compare(daemon.current.config, self._source.read())
            checkers = daemon.server.doors.choose(config.accounts)
            rearrangement = self._listeners.prepare(config)
        except ConfigError as error:
            return Report(problems=error.sentences)
        except (CheckerError, ListenError) as error:
            return Report(problems=(str(error),))
        files = _files(rearrangement, config)
        daemon.use(config, checkers)
        rearrangement.commit()
        if "log.level" in report.applied:
            self._set_level(config.log.level)
        self._certificates.watch(config.listen)
        self._announcer.use(config.lan, self._listeners.for_tcp)
        if _RATES.intersection(report.applied):
            Deferred.fromCoroutine(daemon.server.renew_allowances()).addErrback(
                partial(log.failure, "reload-fault")
            )
        return replace(report, applied=tuple(sorted({*report.applied, *files})))


def _files(rearrangement: Rearrangement, config: Config) -> tuple[str, ...]:
    """Return the keys of which the files hold something else by now."""
    renewed = rearrangement.renewed
    return tuple(
        f"listen[{index}].{field}"
        for index, listener in enumerate(config.listen)
        for field in renewed.get(listener.endpoint, ())
    )


def tell(report: Report) -> None:
    """Log what became of a reload."""
    if report.refused:
        log.error("reload-refused", " ".join(report.problems))
        return
    log.info(
        "reloaded",
        applied=" ".join(report.applied) or None,
        added=" ".join(report.added) or None,
        removed=" ".join(report.removed) or None,
        restart=" ".join(report.restart) or None,
    )
