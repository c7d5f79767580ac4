"""The interactive client: a conversation between the user's console and the client."""

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from chatd.client import notices as n
from chatd.client.api import Client
from chatd.client.cli import showing, slash, terminal
from chatd.client.cli.console import Console, Pacing, Reactor
from chatd.client.cli.line_console import LineConsole
from chatd.client.cli.marks import ReadMarks
from chatd.client.cli.nicks import Nicks
from chatd.client.cli.plain_console import PlainConsole
from chatd.client.cli.running import run_client
from chatd.client.cli.text import clean, clean_line, clock, event_lines, gap_line, link_line
from chatd.client.problems import ClientError
from chatd.client.rooms import fold
from chatd.client.values import Options
from chatd.wire import messages as m
from chatd.wire.errors import CloseReason, RequestError

GRACE: Final = 2.0
"""Seconds that the user who ends chatc waits for what is on its way to be acknowledged."""

ENOUGH: Final = 1000
"""Sends that may wait before no more lines are read from a program."""

_log = Logger()


def run(options: Options) -> int:
    """Talk until the user or the input ends it; return the exit status."""
    return run_client(options, converse)


async def converse(reactor: Reactor, client: Client) -> int:
    """Talk through standard input and output; return the exit status."""
    session = Session(reactor, client)
    kind = LineConsole if terminal.is_usable() else PlainConsole
    console = kind(reactor, session, Pacing(client))
    session.begin(console)
    try:
        return await session.over
    finally:
        session.finish()


class Session:
    """What is being talked about, where, and what is still to be answered."""

    def __init__(self, reactor: Reactor, client: Client) -> None:
        self.client = client
        self.current = ""
        self.over: Deferred[int] = Deferred()
        self._reactor = reactor
        self._console: Console
        self._marks = ReadMarks(reactor, client)
        self._nicks = Nicks()
        self._met: set[str] = set()
        self._days = showing.Days(datetime.now().astimezone().date())
        self._running: set[Deferred[None]] = set()
        self._unseen: dict[str, int] = {}
        self._greeted = False
        self._tried = False
        self._complaint = ""
        self._ending = False
        self._status = 0

    def begin(self, console: Console) -> None:
        """Open the console and start the client."""
        self._console = console
        console.open()
        self._unsubscribe = self.client.subscribe(self._noticed)
        self.client.start()

    def finish(self) -> None:
        """Say what is left undone, and close the console."""
        self._unsubscribe()
        for running in list(self._running):
            running.cancel()
        self._marks.flush()
        waiting = len(self.client.waiting())
        if waiting:
            self.say(showing.stay_queued(waiting))
        self._console.close()

    # ---- what is shown ------------------------------------------------------------------------------

    def say(self, *lines: str) -> None:
        """Show what chatc itself has to say."""
        for line in lines:
            self._console.note(f"chatc: {line}")

    def answer(self, *lines: str) -> None:
        """Show what was asked for."""
        for line in lines:
            self._console.show(line)

    def answer_event(self, event: m.Event, name: str) -> None:
        """Show an event that was asked for, or has come."""
        line = event_lines(event, name)
        if line is None:
            return
        day = self._days.line(event.ts)
        if day is not None:
            self._console.show(day)
        self._console.show(showing.coloured(line, clean_line(event.by)) if self._console.colour else line)

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
            self._status = 1
            self.say("Not sent: you are in no room yet. Enter one with /join #room, then send it again.")
            self._console.note(clean(text))

    def unusable(self, why: str) -> None:
        """Say that a line could not be taken in."""
        self._status = 1
        self.say(why)

    def ended(self) -> None:
        """End: a program's input when all is acknowledged, a person's wish soon."""
        if self._console.interactive:
            self.leave_chatc()
        else:
            self._ending = True
            self._check_end()

    def lost(self) -> None:
        """End: there is nobody to show anything to."""
        self._end()

    def interrupt(self) -> None:
        """End, at the second time at once."""
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
            self.say(f"There is no room number {number}; /rooms shows the numbers.")

    def complete(self, word: str, first: bool) -> list[str]:
        """Return commands, rooms or nicks that begin like ``word``."""
        if word.startswith("/"):
            return [f"/{name} " for name in slash.COMMANDS if first and name.startswith(word[1:])]
        if word.startswith("#"):
            names = [known.name for known in self.client.followed()]
            return [f"{name} " for name in names if fold(name).startswith(fold(word))]
        if word.startswith("@"):
            return [f"@{nick} " for nick in self._nicks.beginning(word[1:])]
        return [f"{nick}{': ' if first else ' '}" for nick in self._nicks.beginning(word)]

    def prompt(self) -> str:
        """Return what stands before the line."""
        return showing.prompt(self._name(self.current), self.client.status(), known=self._tried)

    def waiting_rows(self) -> tuple[str, ...]:
        """Return what stands above the prompt until it is sent."""
        waiting = self.client.waiting()
        return showing.waiting_rows(waiting, [self._name(send.room) for send in waiting])

    def busy(self) -> bool:
        """Return whether enough waits to be sent."""
        return self.client.status().waiting >= ENOUGH

    # ---- commands -----------------------------------------------------------------------------------

    def _call(self, call: slash.Call) -> None:
        try:
            command = slash.find(call.name)
        except ClientError as error:
            self.unusable(error.text)
            return
        running = Deferred.fromCoroutine(_coroutine(command.do(self, call.argument)))
        if not running.called:
            self._running.add(running)
            if command.asks and self.client.status().state is not n.LinkState.CONNECTED:
                self.say(f"/{call.name} is asked as soon as there is a connection.")
        running.addErrback(self._explain)
        running.addBoth(partial(self._answered, running))

    def _explain(self, failure: Failure) -> None:
        problem = failure.value
        if isinstance(problem, (ClientError, RequestError)):
            self.unusable(clean_line(problem.text))
        elif not isinstance(problem, CancelledError):
            _log.failure("A command failed", failure)
            self.unusable(f"A fault in chatc: {problem!r}")

    def _answered(self, running: Deferred[None], _: None) -> None:
        self._running.discard(running)
        self._console.refresh()
        self._check_end()

    def turn_to(self, room: str) -> None:
        """Make ``room`` the current one; "" is none."""
        self.current = self._wire(room)
        self._console.refresh()
        self._meet(self.current)

    def post(self, room: str, text: str) -> None:
        """Send ``text`` to ``room``."""
        sent = self.client.send(self._name(room), text)
        sent.addErrback(self._not_sent, self._name(room), text, at_once=sent.called)
        self._console.refresh()

    def _not_sent(self, failure: Failure, room: str, text: str, *, at_once: bool) -> None:
        if at_once:
            problem = failure.value
            self._refused(
                room, text, problem.text if isinstance(problem, (ClientError, RequestError)) else f"{problem}"
            )

    def _refused(self, name: str, text: str, reason: str) -> None:
        self.unusable(f"Not sent to {clean_line(name)}: {clean_line(reason)}")
        self._console.note(clean(text))

    def leave_chatc(self) -> None:
        """End as soon as what is on its way is acknowledged, but soon."""
        self._ending = True
        if self.client.status().state is n.LinkState.CONNECTED:
            self._reactor.callLater(GRACE, self._end)
            self._check_end()
        else:
            self._end()

    def _check_end(self) -> None:
        if self._ending and not self._unfinished():
            self._console.drained().addCallback(lambda _: self._end())

    def _unfinished(self) -> bool:
        behind = any(known.cursor < self._unseen.get(known.room, 0) for known in self.client.followed())
        return (
            behind or bool(self.client.waiting()) or (bool(self._running) and not self._console.interactive)
        )

    def _end(self) -> None:
        if not self.over.called:
            self.over.callback(0 if self._console.interactive else self._status)

    # ---- names --------------------------------------------------------------------------------------

    def _name(self, room: str) -> str:
        return self.client.name(room)

    def _wire(self, name: str) -> str:
        folded = fold(name)
        known = (k.room for k in self.client.followed() if folded in {fold(k.room), fold(k.name)})
        return next(known, name)

    def _meet(self, room: str) -> None:
        """Learn who is in ``room``, for completion and to tell who comes."""
        if room.startswith("#") and room not in self._met and self._wire(room) in self._followed():
            self._met.add(room)
            asked = self.client.ask(m.Members(id=0, room=room))
            asked.addCallbacks(self._learn, lambda _: self._met.discard(room))

    def _followed(self) -> set[str]:
        return {known.room for known in self.client.followed()}

    def _learn(self, ok: m.Ok) -> None:
        for member in ok.members or ():
            self._nicks.known(member.nick, online=member.online)

    # ---- the client speaks --------------------------------------------------------------------------

    def _noticed(self, notice: n.Notice) -> None:
        line = link_line(notice)
        if line is not None:
            self._say_link(notice, line)
        handler = _HANDLERS.get(type(notice))
        if handler is not None:
            handler(self, notice)
        self._console.refresh()
        self._check_end()

    def _say_link(self, notice: n.Notice, line: str) -> None:
        """Say how the link is; to a person, that it cannot be had only once for each reason."""
        self._tried = self._tried or not isinstance(notice, n.Quiet)
        complaint = notice.reason if isinstance(notice, n.CannotConnect) else ""
        if self._console.interactive and complaint and complaint == self._complaint:
            return
        self._complaint = complaint
        self._console.note(line)

    def _on_connected(self, notice: n.Connected) -> None:
        if self.current:
            self.turn_to(self.current)
        if not self._greeted:
            self._greeted = True
            self._greet(notice.nick)

    def _greet(self, nick: str) -> None:
        followed = self.client.followed()
        if not self.current and len(followed) == 1:
            self.turn_to(followed[0].room)
        if not self._console.interactive:
            return
        if self.current:
            self.say(f"You are {clean_line(nick)}, talking in {clean_line(self._name(self.current))}.")
        elif followed:
            names = ", ".join(f"{clean_line(k.name)} (Alt-{i})" for i, k in enumerate(followed[:9], 1))
            self.say(
                f"You are {clean_line(nick)}, in {names}. "
                "/join one to talk there, or press Alt and its digit."
            )
        else:
            self.say(
                f"You are {clean_line(nick)}. Enter a room with /join #room (a new name makes a new room),"
            )
            self.say("see what rooms there are with /rooms, and all commands with /help.")

    def _on_stopped(self, notice: n.Stopped) -> None:
        if notice.code != CloseReason.GOODBYE and not self.over.called:
            self.over.errback(ClientError(notice.code, notice.text))

    def _on_opened(self, notice: n.RoomOpened) -> None:
        if fold(self.current) in {fold(notice.name), fold(notice.room)}:
            self.turn_to(notice.room)
        missed = notice.head - notice.cursor
        if missed > 0 and self._console.interactive and notice.room not in self._unseen:
            self.say(f"{clean_line(notice.name)}: {showing.counted(missed, 'event')} since you were here")
        self._unseen.setdefault(notice.room, 0)

    def _on_closed(self, notice: n.RoomClosed) -> None:
        self.say(f"You are no longer in {clean_line(notice.name)}.")
        self._met.discard(notice.room)
        if self.current == notice.room:
            self.turn_to("")

    def _on_event(self, notice: n.EventSeen) -> None:
        event = notice.event
        self.answer_event(event, notice.name)
        self._marks.displayed(event.room, event.seq)
        if not notice.own and event.by != self.client.nickname:
            self._nicks.spoke(event.text if event.kind == "nick" else event.by)

    def _on_gap(self, notice: n.GapSeen) -> None:
        self._console.note(gap_line(notice))

    def _on_presence(self, notice: n.PresenceSeen) -> None:
        now = clock(time.time_ns() // 1_000_000)
        for online, nicks in ((True, notice.online), (False, notice.offline)):
            for nick in nicks:
                news = nick != self.client.nickname and self._nicks.known(nick, online=online)
                if news and notice.room == self.current:
                    what = "online" if online else "away"
                    self._console.show(f"{now} {clean_line(notice.name)} * {clean_line(nick)} is {what}")

    def _on_accepted(self, notice: n.Accepted) -> None:
        if notice.seq is not None:
            self._unseen[notice.room] = max(notice.seq, self._unseen.get(notice.room, 0))

    def _on_send_refused(self, notice: n.SendRefused) -> None:
        self._refused(self._name(notice.room), notice.text, notice.reason)

    def _on_join_refused(self, notice: n.JoinRefused) -> None:
        self.unusable(f"Not joined {clean_line(notice.room)}: {clean_line(notice.text)}")

    def _on_held(self, notice: n.Held) -> None:
        if self._complaint != notice.reason:
            self._complaint = notice.reason
            self.say(f"The server takes no messages now: {clean_line(notice.reason)} They are sent again.")

    def _on_forgotten(self, notice: n.CursorForgotten) -> None:
        name = clean_line(notice.name)
        self.say(
            f"The server's log of {name} ends before what was seen here; it was restored from an older copy."
        )

    def _on_not_saved(self, notice: n.NotSaved) -> None:
        self.say(clean_line(notice.reason))


async def _coroutine(awaitable: Any) -> None:
    await awaitable


_HANDLERS: Final[dict[type, Callable[[Session, Any], None]]] = {
    n.Connected: Session._on_connected,  # noqa: SLF001 - its own table
    n.Stopped: Session._on_stopped,  # noqa: SLF001
    n.Held: Session._on_held,  # noqa: SLF001
    n.RoomOpened: Session._on_opened,  # noqa: SLF001
    n.RoomClosed: Session._on_closed,  # noqa: SLF001
    n.JoinRefused: Session._on_join_refused,  # noqa: SLF001
    n.EventSeen: Session._on_event,  # noqa: SLF001
    n.GapSeen: Session._on_gap,  # noqa: SLF001
    n.CursorForgotten: Session._on_forgotten,  # noqa: SLF001
    n.PresenceSeen: Session._on_presence,  # noqa: SLF001
    n.Accepted: Session._on_accepted,  # noqa: SLF001
    n.SendRefused: Session._on_send_refused,  # noqa: SLF001
    n.NotSaved: Session._on_not_saved,  # noqa: SLF001
}
