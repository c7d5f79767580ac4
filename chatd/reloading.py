"""Reloads the configuration of a running daemon: all of it is checked before any of it is in force."""

from collections.abc import Callable
from functools import partial
from typing import Final

from msgspec.structs import replace
from twisted.internet.defer import Deferred

from chatd.build import Daemon
from chatd.ops.config import ConfigError, Source
from chatd.ops.differences import Report, compare
from chatd.ops.log import Log
from chatd.server.auth.portal import CheckerError
from chatd.server.certificate_watch import CertificateWatch
from chatd.server.listeners import ListenError
from chatd.server.open_listeners import Listeners

log = Log(__name__)

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

    ``certificates`` are watched anew.
    """

    def __init__(
        self,
        source: Source,
        daemon: Daemon,
        listeners: Listeners,
        certificates: CertificateWatch,
        set_level: Callable[[str], object],
    ) -> None:
        self._source = source
        self._daemon = daemon
        self._listeners = listeners
        self._certificates = certificates
        self._set_level = set_level

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
        renewed = rearrangement.renewed
        files = [
            f"listen[{index}].{field}"
            for index, listener in enumerate(config.listen)
            for field in renewed.get(listener.endpoint, ())
        ]
        daemon.use(config, checkers)
        rearrangement.commit()
        if "log.level" in report.applied:
            self._set_level(config.log.level)
        self._certificates.watch(config.listen)
        if _RATES.intersection(report.applied):
            Deferred.fromCoroutine(daemon.server.renew_allowances()).addErrback(
                partial(log.failure, "reload-fault")
            )
        return replace(report, applied=tuple(sorted({*report.applied, *files})))


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
