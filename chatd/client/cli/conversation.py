"""The conversation: what the user types becomes messages and commands; what is unfinished is known."""

from datetime import datetime
from functools import partial
from typing import Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from chatd.client.api import Client
from chatd.client.cli import showing, slash
from chatd.client.cli.console import Console, Reactor
from chatd.client.cli.nicks import Nicks
from chatd.client.cli.plain import explain
from chatd.client.cli.rows import Rows
from chatd.client.cli.terminal.completing import Offer, complete_path, last_word
from chatd.client.cli.text import clean, clean_line, event_lines
from chatd.client.cli.unfinished import Unfinished
from chatd.client.core.notices import LinkState
from chatd.client.core.problems import ClientError
from chatd.client.core.stages import Stage
from chatd.client.values import Sent, TakenOver
from chatd.wire import messages as m
from chatd.wire.errors import RequestError
from chatd.wire.names import fold

GRACE: Final = 2.0
"""Seconds that the user who ends chatc waits for what is on its way to be acknowledged."""

LOOK: Final = 0.25
"""Seconds between two looks at how far files are."""

HELD: Final = 1.0
"""Seconds after which it is told that a command waits for messages that were entered before it."""

ENOUGH: Final = 1000
"""Sends that may wait before no more lines are read from a program."""

_log = Logger()


class Conversation:
    """Where we talk, what is still to be answered, and when it is over (`over` fires with the status)."""

    def __init__(self, reactor: Reactor, client: Client) -> None:
        self.client = client
        self.current = ""
        self.console: Console
        self.nicks = Nicks()
        self.over: Deferred[int] = Deferred()
        self.tried = self.welcomed = False
        self._reactor = reactor
        self._met: set[str] = set()
        self._days = showing.Days(datetime.now().astimezone().date())
        self._running: dict[Deferred[None], str] = {}
        self._finished = False
        self.unfinished = Unfinished(waiting.key for waiting in client.waiting())
        self._ending = False
        self._status = 0
        self._rows = Rows()
        self._look: IDelayedCall | None = None

    def begin(self, console: Console) -> None:
        """Open the console."""
        self.console = console
        console.open()
        self.settle_in()
        for upload, sent in self.client.put_kept():
            self.say(f"Going on with {clean_line(str(upload.path))} for {clean_line(upload.room)}.")
            self._run(sent.addCallback(self.posted))

    def finish(self) -> None:
        """Say what is left undone, and close the console."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        files = sum(file.sending and file.stage is not Stage.POSTING for file in self.client.transfers())
        if files:
            self.say(showing.stay_unsent(files))
        self._finished = True
        undone = [name for name in self._running.values() if name]
        if undone:
            self.say(showing.not_done(undone))
        # What waits behind a command that changes something goes out in the next run: it is not cancelled, so
        # that this does not begin now.
        for running in [running for running, name in self._running.items() if not name]:
            running.cancel()
        waiting = len(self.client.waiting())
        if waiting:
            self.say(showing.stay_queued(waiting))
        self.console.close()

    # ---- what is shown ------------------------------------------------------------------------------

    def say(self, *lines: str) -> None:
        """Show what chatc itself has to say."""
        for line in lines:
            self.console.note(f"chatc: {line}")

    def answer(self, *lines: str) -> None:
        """Show what was asked for."""
        for line in lines:
            self.console.show(line)

    def answer_event(self, event: m.Event, name: str) -> None:
        """Show an event that was asked for, or has come."""
        line = event_lines(event, name)
        if line is None:
            return
        day = self._days.line(event.ts)
        if day is not None:
            self.console.show(day)
        self.console.show(line, nick=clean_line(event.by))

    def refused(self, name: str, text: str, reason: str) -> None:
        """Say that ``text`` was not sent, and why; show it, so that it is not lost."""
        self.unusable(f"Not sent to {clean_line(name)}: {clean_line(reason)}")
        self.console.note(clean(text))

    # ---- the console speaks -------------------------------------------------------------------------

    def line(self, text: str) -> None:
        """Send ``text`` to the current room, or do what the command in it says."""
        if not text.strip():
            return
        meaning = slash.parse(text)
        if isinstance(meaning, slash.Call):
            self._call(meaning)
        elif self.current:
            self.post(self.current, meaning.text)
        else:
            self.unusable(f"Not sent: {self.nowhere()}, then send it again.")
            self.console.note(clean(text))

    def nowhere(self) -> str:
        """Say where one can talk who talks nowhere."""
        names = [known.name for known in self.client.followed()]
        return showing.nowhere(names, told=self.welcomed or not self.client.session)

    def settle_in(self) -> None:
        """Talk in the only room there is, if there is one and nothing else was chosen."""
        followed = self.client.followed()
        likely = [known.room for known in followed if not known.peer] or [known.room for known in followed]
        if not self.current and len(likely) == 1:
            self.turn_to(likely[0])

    def unusable(self, why: str) -> None:
        """Say why something could not be done; a program's exit status tells it as well."""
        self._status = 1
        self.say(why)

    def ended(self) -> None:
        """End: a program's input when all is acknowledged, a person's soon."""
        if self.console.interactive:
            self.leave_chatc()
        else:
            self._ending = True
            self.check_end()

    def lost(self) -> None:
        """End: there is nobody to show anything to."""
        self._end()

    def interrupt(self) -> None:
        """End; at the second time at once."""
        if self._ending:
            self._end()
        else:
            self.leave_chatc()

    def switch(self, number: int) -> None:
        """Talk in the room with that number from now on."""
        followed = self.client.followed()
        if number <= len(followed):
            self.turn_to(followed[number - 1].room)
        else:
            self.say(f"You have no room number {number}; /rooms shows the numbers.")

    def complete(self, before: str) -> Offer:
        """Offer what ``before``, the line in front of the cursor, may end with."""
        path = complete_path(before)
        if path is not None:
            return path
        word = last_word(before)
        return Offer(word, self._words(word, word == before))

    def _words(self, word: str, first: bool) -> list[str]:
        """Return commands, rooms or nicks that begin like ``word``."""
        if word.startswith("/"):
            return [f"/{name} " for name in slash.COMMANDS if first and name.startswith(word[1:])]
        if word.startswith("#"):
            names = [known.name for known in self.client.followed()]
            return [f"{name} " for name in names if fold(name).startswith(fold(word))]
        if word.startswith("@"):
            return [f"@{nick} " for nick in self.nicks.beginning(word[1:])]
        return [f"{nick}{': ' if first else ' '}" for nick in self.nicks.beginning(word)]

    def prompt(self) -> str:
        """Return what stands before the line."""
        return showing.prompt(self.client.name(self.current), self.client.status(), known=self.tried)

    def waiting_rows(self) -> tuple[str, ...]:
        """Return what stands above the prompt until it is sent, and how far files are."""
        moving = [file for file in self.client.transfers() if file.stage is not Stage.POSTING]
        files = self._rows.of(moving, self._reactor.seconds())
        waiting = self.client.waiting()
        rows = showing.waiting_rows(waiting, [self.client.name(send.room) for send in waiting])
        return (*showing.file_rows(files), *rows)

    def look(self) -> None:
        """Show how far files are, and go on with that while there are some."""
        self._look = None
        if self.client.transfers() and self.console.interactive:
            self._look = self._reactor.callLater(LOOK, self.look)
            self.console.refresh()

    def files_moved(self) -> None:
        """Begin to show how far files are."""
        if self._look is None:
            self.look()

    def busy(self) -> bool:
        """Return whether enough waits to be sent."""
        return self.client.status().waiting >= ENOUGH

    # ---- rooms and messages -------------------------------------------------------------------------

    def turn_to(self, room: str) -> None:
        """Make ``room`` the current one; "" is none."""
        folded = fold(room)
        known = (k.room for k in self.client.followed() if folded in {fold(k.room), fold(k.name)})
        self.current = next(known, room)
        self._meet(self.current)
        self.console.refresh()

    def post(self, room: str, text: str) -> None:
        """Send ``text`` to ``room``."""
        name = self.client.name(room)
        try:
            key, sent = self.client.post(name, text)
        except RequestError as error:
            self.refused(name, text, self._reason(error))
        else:
            self.unfinished.sent(key)
            # What becomes of it is told by notices, as of the sends that an earlier run left.
            sent.addErrback(lambda _: None)
        self.console.refresh()

    def posted(self, sent: Sent | m.Ok) -> None:
        """Note that a file is posted, or that a topic is set: its event is still to be shown."""
        self.unfinished.expect(sent)

    def taken_over(self, taken: TakenOver) -> None:
        """Note what is sent here instead of to another server."""
        for key, sent in zip(taken.keys, taken.sent, strict=True):
            self.unfinished.sent(key)
            sent.addErrback(lambda _: None)
        for posted in taken.posted:
            self._run(posted.addCallback(self.posted))
        self.console.refresh()

    def _meet(self, room: str) -> None:
        """Learn who is in ``room``, for completion and to tell who comes and goes."""
        followed = {known.room for known in self.client.followed()}
        if room.startswith("#") and room in followed - self._met:
            self._met.add(room)
            asked = self.client.ask(m.Members(id=0, room=room))
            asked.addCallbacks(self._learn, lambda _: self._met.discard(room))

    def _learn(self, ok: m.Ok) -> None:
        for member in ok.members or ():
            self.nicks.known(member.nick, online=member.online)

    # ---- commands -----------------------------------------------------------------------------------

    def _call(self, call: slash.Call) -> None:
        try:
            command = slash.find(call.name)
        except ClientError as error:
            self.unusable(error.text)
            return
        before = {waiting.key for waiting in self.client.waiting()} if command.changes else set()
        running = Deferred.fromCoroutine(command.do(self, call.argument))
        if not running.called:
            if self.client.status().state is not LinkState.CONNECTED:
                self.say(showing.asked_later(call.name, len(before)))
            elif before:
                self._reactor.callLater(HELD, self._say_held, running, before)
        self._run(running, call.name if command.changes else "")

    def _say_held(self, running: Deferred[None], before: set[int]) -> None:
        left = before & {waiting.key for waiting in self.client.waiting()}
        if running in self._running and left:
            self.say(showing.held(self._running[running], len(left)))

    def _run(self, running: Deferred[None], changes: str = "") -> None:
        """Await ``running``, which may be a command that ``changes`` something."""
        self._running[running] = changes
        running.addErrback(self._explain)
        running.addBoth(partial(self._answered, running))

    def _explain(self, failure: Failure) -> None:
        problem = failure.value
        if self._finished:
            return
        if isinstance(problem, (ClientError, RequestError)):
            self.unusable(clean_line(self._reason(problem)))
        elif not isinstance(problem, CancelledError):
            _log.failure("A command failed", failure)
            self.unusable(f"A fault in chatc: {problem!r}")

    def _reason(self, error: ClientError | RequestError) -> str:
        """Return what ``error`` says; a program's user is told of ``--plain`` where that helps."""
        return error.text if self.console.interactive else explain(error)

    def _answered(self, running: Deferred[None], _: None) -> None:
        self._running.pop(running, None)
        self.check_end()

    # ---- the end ------------------------------------------------------------------------------------

    def leave_chatc(self) -> None:
        """End as soon as what is on its way is acknowledged, but soon."""
        self._ending = True
        if self.client.status().state is LinkState.CONNECTED:
            self._reactor.callLater(GRACE, self._end)
            self.check_end()
        else:
            self._end()

    def check_end(self) -> None:
        """End if that is wanted and nothing is unfinished."""
        running = self._running.values()
        asked = any(running) if self.console.interactive else bool(running)
        if self._ending and not asked and not self.unfinished:
            self.console.drained().addCallback(lambda _: self._end())

    def _end(self) -> None:
        if not self.over.called:
            self.over.callback(0 if self.console.interactive else self._status)
