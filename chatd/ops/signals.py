"""SIGTERM and SIGINT stop the daemon, which drains it; a second one ends it at once.

twistd's own handlers stop it too, but let the process die of the signal afterwards: a drained daemon ends
with status 0. No other signal that a shell, a service manager or a log rotation sends does harm: SIGHUP and
SIGUSR1 open the log anew, SIGHUP reloads the configuration as well, the rest is ignored.
"""

import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Final, Protocol

from twisted.application.service import Service
from twisted.internet.error import ReactorNotRunning

from chatd.ops.log import Log

log = Log(__name__)

STOPPING: Final = (signal.SIGTERM, signal.SIGINT)
"""The signals that ask for an orderly end."""

REOPENING: Final = (signal.SIGHUP, signal.SIGUSR1)
"""The signals after which the log goes on in a new file of the same name."""

IGNORED: Final = (signal.SIGUSR2, signal.SIGWINCH, signal.SIGPIPE, signal.SIGTTOU)
"""Signals that are ignored; the last one comes from writing to a terminal in the background."""


class Reactor(Protocol):
    """The part of a reactor that is needed here."""

    def callWhenRunning(self, call: Callable[[], object], /) -> object:
        """Call when the reactor runs."""

    def callFromThread(self, call: Callable[..., object], /, *arguments: object) -> object:
        """Call soon, in the reactor's own time."""

    def stop(self) -> object:
        """Stop everything."""


class StopSignals(Service):
    """Takes the signals once the reactor runs and has installed its own handlers; until then they wait."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor

    def startService(self) -> None:
        """Begin."""
        super().startService()  # type: ignore[no-untyped-call]
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        self._reactor.callWhenRunning(self._install)

    def _install(self) -> None:
        for number in STOPPING:
            signal.signal(number, self._receive)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        for stopping in STOPPING:
            signal.signal(stopping, signal.SIG_DFL)
        self._reactor.callFromThread(self._stop, number)

    def _stop(self, number: int) -> None:
        log.info("signal", signal=signal.Signals(number).name)
        with suppress(ReactorNotRunning):  # it has ended by itself, or has handed over
            self._reactor.stop()


def survive_signals(
    reactor: Reactor, reopen: Callable[[], object], reload: Callable[[], object] = lambda: None
) -> None:
    """Let `REOPENING` call ``reopen`` and be logged behind it, and ignore `IGNORED`, from now on.

    SIGHUP calls ``reload`` after that.

    Those that were held since the beginning of the start come now.
    """

    def receive(number: int, _frame: FrameType | None) -> None:
        reactor.callFromThread(act, number)

    def act(number: int) -> None:
        reopen()
        log.info("signal", signal=signal.Signals(number).name)
        if number == signal.SIGHUP:
            reload()

    for number in REOPENING:
        signal.signal(number, receive)
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (*REOPENING, *IGNORED))
