"""The pending: commands, and files that go up, whose answers have not come yet."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from chatd.client.api import Client
from chatd.client.cli import showing
from chatd.client.cli.about import room_name
from chatd.client.cli.console import Reactor
from chatd.client.cli.slash import COMMANDS, Call
from chatd.client.cli.text import clean_line
from chatd.client.cli.voice import Voice
from chatd.client.core.notices import LinkState
from chatd.client.core.problems import ClientError
from chatd.wire.errors import RequestError
from chatd.wire.names import fold

HELD: Final = 1.0
"""Seconds after which it is told that a command waits for messages that were entered before it."""

_log = Logger()


class Pending:
    """Awaits what was begun, and says by ``voice`` what becomes of it; calls ``ended`` after each."""

    def __init__(self, reactor: Reactor, client: Client, voice: Voice, ended: Callable[[], None]) -> None:
        self._reactor = reactor
        self._client = client
        self._voice = voice
        self._ended = ended
        self._running: dict[Deferred[None], Call | None] = {}
        self._finished = False

    def call(self, call: Call, command: Coroutine[Deferred[Any], Any, None]) -> None:
        """Begin the ``command`` of ``call``; one that changes something waits for what was entered before."""
        waiting = self._waiting()
        before = waiting if _changes(call) else set()
        running = Deferred.fromCoroutine(command)
        if not running.called:
            if self._client.status().state is not LinkState.CONNECTED:
                if self._waiting() == waiting:  # what was queued is shown as such
                    self._voice.say(showing.asked_later(call.name, len(before)))
            elif before:
                self._reactor.callLater(HELD, self._say_held, running, call.name, before)
        self.run(running, call)

    def _waiting(self) -> set[int]:
        return {waiting.key for waiting in self._client.waiting()}

    def _say_held(self, running: Deferred[None], name: str, before: set[int]) -> None:
        left = before & self._waiting()
        if running in self._running and left:
            self._voice.say(showing.held(name, len(left)))

    def run(self, running: Deferred[None], call: Call | None = None) -> None:
        """Await ``running``: what ``call`` does, or a file that goes up."""
        self._running[running] = call
        running.addErrback(self._explain)
        running.addBoth(partial(self._answered, running))

    def _explain(self, failure: Failure) -> None:
        problem = failure.value
        if self._finished:
            return
        if isinstance(problem, (ClientError, RequestError)):
            self._voice.unusable(clean_line(self._voice.reason(problem)))
        elif not isinstance(problem, CancelledError):
            _log.failure("A command failed", failure)
            self._voice.unusable(f"A fault in chatc: {problem!r}")

    def _answered(self, running: Deferred[None], _: None) -> None:
        self._running.pop(running, None)
        self._ended()

    def holds_end(self) -> bool:
        """Return whether the end waits for an answer: a person's only for what changes something."""
        running = self._running.values()
        return any(map(_changes, running)) if self._voice.console.interactive else bool(running)

    def finish(self) -> None:
        """Say what is not done, and end the rest.

        What waits behind a command that changes something goes out in the next run: it is not cancelled, so
        that this does not begin now.
        """
        self._finished = True
        undone = [call for call in self._running.values() if call is not None and not self._goes_on(call)]
        if undone:
            self._voice.say(showing.not_done([f"{call.name} {call.argument}".rstrip() for call in undone]))
        for running in [running for running, call in self._running.items() if not _changes(call)]:
            running.cancel()

    def _goes_on(self, call: Call) -> bool:
        """Return whether the next run does it: files are kept, and rooms entered that something waits for."""
        if call.name != "join":
            return call.name == "put"
        inside = {name for known in self._client.followed() for name in (known.room, known.name)}
        sends = {waiting.room for waiting in self._client.waiting()}
        files = {file.room for file in self._client.files.transfers() if file.sending}
        return fold(room_name(call.argument)) in {fold(name) for name in inside | sends | files}


def _changes(call: Call | None) -> bool:
    return call is not None and COMMANDS[call.name].changes
