"""The conversation: what the user types becomes messages and commands; what is unfinished is known."""

from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred

from chatd.client.api import Client
from chatd.client.cli import showing, slash
from chatd.client.cli.completion import complete
from chatd.client.cli.console import Console, Reactor
from chatd.client.cli.finding import Found
from chatd.client.cli.marks import ReadMarks
from chatd.client.cli.moving import MovingFiles
from chatd.client.cli.nicks import Nicks
from chatd.client.cli.pending import Pending
from chatd.client.cli.terminal.completing import Offer
from chatd.client.cli.text import clean, clean_line
from chatd.client.cli.typists import Typists
from chatd.client.cli.unfinished import Unfinished
from chatd.client.cli.voice import Voice
from chatd.client.core.notices import LinkState
from chatd.client.core.outbox import SAY
from chatd.client.core.problems import ClientError
from chatd.client.values import Sent, TakenOver
from chatd.wire import messages as m
from chatd.wire.errors import RequestError
from chatd.wire.names import SERVER, fold

GRACE: Final = 2.0
"""Seconds that the user who ends chatc waits for what is on its way to be acknowledged."""

ENOUGH: Final = 1000
"""Sends that may wait before no more lines are read from a program."""


class Conversation(Voice):
    """Where we talk, what is still to be answered, and when it is over (`over` fires with the status).

    ``parting`` says that we log out; ``turned`` hears of each room in which we begin to talk.
    """

    def __init__(self, reactor: Reactor, client: Client) -> None:
        super().__init__()
        self.client = client
        self.current = ""
        self.found: Found | None = None
        self.nicks = Nicks()
        self.marks = ReadMarks(reactor, client)
        self.turned: Callable[[str], None] = lambda _: None
        self.over: Deferred[int] = Deferred()
        self.tried = self.welcomed = self.parting = False
        self.unfinished = Unfinished(waiting.key for waiting in client.waiting())
        self.files = MovingFiles(reactor, client, self)
        self.typists = Typists(reactor, self._repaint)
        self._pending = Pending(reactor, client, self, self.check_end)
        self._reactor = reactor
        self._met: set[str] = set()
        self._ending = False

    def begin(self, console: Console) -> None:
        """Open the console."""
        self.console = console
        console.open()
        self.settle_in()
        for upload, sent in self.client.files.put_kept():
            self.say(f"Going on with {clean_line(str(upload.path))} for {clean_line(upload.room)}.")
            self._pending.run(sent.addCallback(self.posted))

    def finish(self) -> None:
        """Say what is left undone, and close the console."""
        self.files.finish()
        self._pending.finish()
        waiting = len(self.client.waiting())
        if waiting:
            self.say(showing.stay_queued(waiting))
        self.console.close()

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

    def typing(self, text: str) -> None:
        """Let others know that a person types ``text``, unless it is a command or the person keeps it."""
        if self.current and self.client.options.typing and isinstance(slash.parse(text), slash.Say):
            self.client.typing(self.client.name(self.current))

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
        return complete(before, self.client, self.nicks)

    def _repaint(self) -> None:
        """Paint what is true by now."""
        self.console.refresh()

    def prompt(self, columns: int = showing.PROMPT) -> str:
        """Return what stands before the line, in so many ``columns`` if possible."""
        others = [known for known in self.client.followed() if known.room != self.current]
        unread = [(known.name, self.marks.unread(known)) for known in others]
        return showing.prompt(
            self.client.name(self.current), self.client.status(), unread, columns, known=self.tried
        )

    def waiting_rows(self) -> tuple[str, ...]:
        """Return what stands above the prompt until it is sent, and how far files are."""
        waiting = self.client.waiting()
        rows = showing.waiting_rows(waiting, [self.client.name(send.room) for send in waiting])
        return (*self.typists.rows(self.current), *self.files.rows(), *rows)

    def is_meant(self, event: m.Event) -> bool:
        """Return whether ``event`` mentions us, and is not of ours."""
        us = fold(self.client.nickname)
        return fold(event.by) != us and any(fold(nick) in {SERVER, us} for nick in event.mentions)

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
        self.turned(self.current)
        self.console.refresh()

    def post(self, room: str, text: str, act: str = SAY, ref: int = 0, already: str = "") -> None:
        """Send ``text`` to ``room``, or do what ``act`` says about event ``ref``.

        If it had been done before, ``already`` is said.
        """
        name = self.client.name(room)
        try:
            key, sent = self.client.post(name, text, act, ref)
        except RequestError as error:
            self.refused(name, text, self.reason(error))
        else:
            self.unfinished.sent(key)
            sent.addCallback(lambda sent: self.answer(already) if sent.already else None)
            # What else becomes of it is told by notices, as of the sends that an earlier run left.
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
            self._pending.run(posted.addCallback(self.posted))
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

    def ask_secret(self, prompt: str) -> Deferred[str]:
        """Return what is typed behind ``prompt`` without being shown."""
        return self.console.ask_secret(f"{prompt}: ")

    def end_secrets(self) -> None:
        """Let what is typed be seen again."""
        self.console.end_secrets()

    # ---- commands -----------------------------------------------------------------------------------

    def _call(self, call: slash.Call) -> None:
        try:
            command = slash.find(call.name)
        except ClientError as error:
            self.unusable(error.text)
            return
        self._pending.call(call, command.do(self, call.argument))

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
        if self._ending and not self._pending.holds_end() and not self.unfinished:
            self.console.drained().addCallback(lambda _: self._end())

    def _end(self) -> None:
        if not self.over.called:
            self.over.callback(0 if self.console.interactive else self.status)
