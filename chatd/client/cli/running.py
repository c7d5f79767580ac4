"""Running one command: the reactor, a monotonic clock, signals, and the way out."""

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from chatd.client.api import Client, open_client
from chatd.client.cli.confirming import confirm_origin
from chatd.client.cli.starting import begin_to_collect
from chatd.client.cli.text import clean_line, failed_line, link_line
from chatd.client.cli.trusting import confirm_certificate
from chatd.client.core.notices import (
    AnotherServer,
    CannotConnect,
    Connected,
    LoginsFailed,
    Lost,
    Notice,
    NotSaved,
    Quiet,
)
from chatd.client.core.problems import ClientError
from chatd.client.values import Options
from chatd.wire.errors import ChatdError

Main = Callable[[Any, Client], Coroutine[Deferred[Any], Any, int]]

Before = Callable[[Any, Options], Coroutine[Deferred[Any], Any, Options]]

INTERRUPTED: Final = 130
"""The exit status of a command that a signal ended: what shells expect after SIGINT."""

PATIENCE: Final = 0.1
"""Seconds that a line waits for whoever reads standard error: long for a reader, and nothing for a link."""

MAX_COMPLAINT: Final = 4000
"""Bytes of a line: what a pipe that takes anything takes at once (PIPE_BUF is 4096)."""

_TROUBLE: Final = (Lost, CannotConnect, Quiet)


class _Complaints:
    """Says lines on standard error, but waits for nobody who does not read them: they are counted instead."""

    def __init__(self) -> None:
        self._missing = 0

    def __call__(self, text: str) -> None:
        """Say what is wrong on standard error."""
        if not _takes(0.0 if self._missing else PATIENCE):
            self._missing += 1
            return
        missing, self._missing = self._missing, 0
        if missing:
            _say(f"{missing} lines are missing here: nobody read them")
        if _takes(PATIENCE):
            _say(text)
        else:
            self._missing = 1


def _takes(seconds: float) -> bool:
    """Return whether standard error takes a line, now or within ``seconds``."""
    try:
        return bool(select.select([], [2], [], seconds)[1])
    except OSError:
        return False


def _say(text: str) -> None:
    with suppress(OSError):
        os.write(2, f"chatc: {clean_line(text)}".encode()[:MAX_COMPLAINT] + b"\n")


complain: Final = _Complaints()


def watch_link(
    client: Client, *, verbose: bool = True, every: bool = False, say: Callable[[str], None] = complain
) -> None:
    """Print the changes of the link on standard error; not ``verbose`` means trouble and its end alone.

    That there is none is printed when the reason changes, or with ``every`` at every try. ``say`` prints them
    instead, where something else stands on the terminal.
    """
    troubled = verbose
    told = ""

    def heard(notice: Notice) -> None:
        nonlocal troubled, told
        if isinstance(notice, NotSaved):
            say(notice.reason)
        if isinstance(notice, AnotherServer):
            from chatd.client.cli.what_waits import another_server  # noqa: PLC0415 - it is seldom said

            say(another_server(notice, "chatc waiting", "--"))
        if isinstance(notice, LoginsFailed):
            say(failed_line(notice))
        troubled = troubled or isinstance(notice, _TROUBLE)
        line = link_line(notice)
        if line is None:
            return
        reason = notice.reason if isinstance(notice, CannotConnect) else ""
        known, told = reason and reason == told and not every, reason
        if (troubled or not isinstance(notice, Connected)) and not known:
            say(line.removeprefix("chatc: "))

    client.subscribe(heard)


def run_client(
    options: Options, main: Main, last: Callable[[], int] = lambda: 0, before: Before | None = None
) -> int:
    """Run ``main`` with a client of ``options`` and return its status; what it raises becomes a sentence.

    ``before`` is run first; the options of the client are those that it returns. SIGINT, SIGTERM and SIGHUP
    cancel both. The client is stopped, and its state on disk, before this returns.
    Between the two, after a status of 0, ``last`` does what is left to do, however long it takes, and
    returns the status. It may be the end of the process: nothing that matters may come behind it.
    """
    from twisted.internet import reactor  # noqa: PLC0415 - a program chooses its reactor first

    make_monotonic(reactor)
    begin_to_collect()
    try:
        options = confirm_certificate(confirm_origin(options))
        opened = open_client(reactor, options) if before is None else before(reactor, options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except ClientError as error:
        complain(error.text)
        return 1
    return _Run(reactor, opened, last).run(main)


def make_monotonic(reactor: Any) -> None:
    """Let the reactor's delays follow the monotonic clock, whatever the wall clock does."""
    reactor.seconds = time.monotonic


class _Run:
    """One run of one command."""

    def __init__(
        self, reactor: Any, opened: Client | Coroutine[Deferred[Any], Any, Options], last: Callable[[], int]
    ) -> None:
        self._reactor = reactor
        self._opened = opened
        self._client: Client | None = None
        self._last = last
        self._status = 1
        self._main: Deferred[int] | None = None
        self._signalled = False

    def run(self, main: Main) -> int:
        self._reactor.callWhenRunning(self._begin, main)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._signal)
        self._reactor.run(installSignalHandlers=False)
        return self._end()

    def _end(self) -> int:
        return self._status or self._last()

    def _signal(self, number: int, _: object) -> None:
        if self._signalled:
            os._exit(128 + number)
        self._signalled = True
        self._reactor.callFromThread(self._cancel)

    def _cancel(self) -> None:
        if self._main is not None:
            self._main.cancel()

    def _begin(self, main: Main) -> None:
        self._main = Deferred.fromCoroutine(self._both(main))
        self._main.addCallbacks(self._ended, self._failed)
        self._main.addBoth(self._leave)

    async def _both(self, main: Main) -> int:
        opened = self._opened
        self._client = opened if isinstance(opened, Client) else open_client(self._reactor, await opened)
        return await main(self._reactor, self._client)

    def _ended(self, status: int) -> None:
        self._status = status

    def _failed(self, failure: Failure) -> None:
        problem = failure.value
        if isinstance(problem, CancelledError):
            self._status = INTERRUPTED
        elif isinstance(problem, (ClientError, ChatdError)):
            complain(problem.text)
        else:
            failure.printTraceback(sys.stderr)

    def _leave(self, _: object) -> None:
        self._main = None
        if self._client is None:
            self._stop(None)
        else:
            self._client.stop().addBoth(self._stop)

    def _stop(self, _: object) -> None:
        pool = self._reactor.threadpool
        if pool is not None and pool.working:
            # A look-up of a name still hangs in the system; nothing is left that would need it.
            os._exit(self._end())
        self._reactor.stop()
