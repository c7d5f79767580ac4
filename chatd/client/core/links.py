"""The links of the state machine: dialling, greeting, suspicion, loss, and coming back.

At most two exist: the current one, which was welcomed, and an attempt. While the current one is suspected
an attempt is made beside it (make before break); the one that is welcomed first, or speaks first, is kept.
The server asks such an attempt whether it is still wanted, so one that was given up takes nothing over.
"""

from abc import ABC, abstractmethod
from typing import Final

from chatd.client.core.backoff import LEAST, STEADY, Backoff
from chatd.client.core.effects import Close, Connect, Effect, Save
from chatd.client.core.link import Checked, Chunk, Link, Phase
from chatd.client.core.notices import CannotConnect, LinkState, Lost, Narrowed, Quiet, Revived, Stopped
from chatd.client.core.output import Output
from chatd.client.core.problems import HoleError, OutOfStepError
from chatd.client.core.segments import Segments
from chatd.wire.errors import ProtocolError
from chatd.wire.heartbeat import Verdict
from chatd.wire.messages import FromServer

ORPHAN: Final = 60.0
"""Seconds for which a hello that was never answered may still take our session over from us."""

YOUNG: Final = 20.0
"""Seconds after its welcome in which a link that fell silent may never have brought anything forward."""

STALL: Final = 1.0
"""Seconds that a tick may come late before we, not the server, are held to have been away."""


class Links(ABC):
    """The current link and the attempt beside or before it; what they mean is decided by the subclass."""

    def __init__(self, address: str, backoff: Backoff, segments: Segments) -> None:
        self.address = address
        self.through = ""
        self.current: Link | None = None
        self.attempt: Link | None = None
        self.stopped: Stopped | None = None
        self.out = Output()
        self._backoff = backoff
        self._count = 0
        self._due: float | None = None
        self._reading = True
        self._orphaned: float | None = None
        self._segments = segments
        self._told = False

    # ---- what the subclass decides ------------------------------------------------------------------

    @abstractmethod
    def _greeting(self, link: Link) -> bytes:
        """Return the frame of the hello for ``link``."""

    @abstractmethod
    def _handle(self, link: Link, message: FromServer | Checked | Chunk, now: float) -> None:
        """Take in one message, or a part of a file."""

    @abstractmethod
    def _pump(self, now: float) -> None:
        """Write what waits and may be written."""

    @abstractmethod
    def _urgent(self) -> bool:
        """Return whether something waits for what changed to be on disk."""

    @abstractmethod
    def _owes(self, link: Link) -> bool:
        """Return whether the server has not brought or answered yet what ``link`` asked it for."""

    @abstractmethod
    def _restart(self) -> list[int]:
        """Forget what is on its way; return the requests that cannot be asked again."""

    # ---- inputs -------------------------------------------------------------------------------------

    def start(self, now: float) -> list[Effect]:
        """Begin to connect."""
        self._dial(0.0, now)
        return self._taken()

    def hurry(self, now: float) -> list[Effect]:
        """Try now: probe the live link, or dial without waiting; a hint, not a proof of anything."""
        self._segments.forget()
        self._told = False
        if self.current is not None:
            self.out.write(self.current, self.current.probe(now), now)
        if self.attempt is not None and self.attempt.phase is Phase.WAITING:
            self.attempt.wait(now)
            self.out.add(Connect(self.attempt.number, 0.0, self.attempt.segment))
        return self._taken()

    def reading(self, on: bool, now: float) -> list[Effect]:
        """Note that received bytes are, or are not, being read: unread bytes say nothing of the server."""
        self._reading = on
        self._forgive(now)
        return self._taken()

    def dialling(self, number: int, now: float) -> list[Effect]:
        """Note that the delay is over and the transport of link ``number`` is being opened."""
        link = self._link(number)
        if link is not None:
            link.dial(now)
        return self._taken()

    def connected(self, number: int, now: float) -> list[Effect]:
        """Note that the transport of link ``number`` is open."""
        link = self._link(number)
        if link is None:
            self.out.add(Close(number))
        else:
            link.greet(now)
            self.out.write(link, self._greeting(link), now)
        return self._taken()

    def received(self, number: int, data: bytes, now: float) -> list[Effect]:
        """Take in bytes from link ``number``."""
        link = self._link(number)
        if link is not None:
            try:
                self._take_in(link, data, now)
            except ProtocolError as error:
                self._drop(link, f"it does not speak chatd's protocol: {error.text}", now)
            except HoleError as error:
                self._drop(link, f"the server left out events: {error}", now)
            except OutOfStepError:
                self._drop(link, "the server's answers do not fit what was sent", now)
        return self._taken()

    def stirred(self, number: int, now: float) -> list[Effect]:
        """Note that data has arrived on link ``number`` which cannot be read before what is missing.

        So the link lives, but what is missing may take the system a quarter of a minute to ask for again: the
        suspicion stays, for a connection beside this one may serve at once.
        """
        link = self._link(number)
        if link is not None and link.phase is Phase.LIVE:
            link.stirred(now)
        return self._taken()

    def clogged(self, number: int, clogged: bool, now: float) -> list[Effect]:
        """Note whether the system repeats what was written to link ``number``, and nothing is acknowledged.

        For a while that is a bad link; for longer it may be a path that swallows large packets, on which the
        server's small ones still come. So it is a reason for a suspicion, and never for more.
        """
        link = self._link(number)
        if link is not None:
            link.flows(clogged, now)
        return self._taken()

    def writable(self, number: int, on: bool, now: float) -> list[Effect]:
        """Note whether the transport of link ``number`` takes more bytes now."""
        link = self._link(number)
        if link is not None:
            link.writable = on
            self._pump(now)
        return self._taken()

    def lost(
        self, number: int, reason: str, answered: bool, now: float, *, stubborn: bool = False
    ) -> list[Effect]:
        """Note that link ``number`` ended or never began; ``answered`` if somebody was there to end it.

        It is ``stubborn`` where another attempt will hardly do better soon.
        """
        link = self._link(number)
        if link is not None:
            self._ended(link, reason, answered, now, self._backoff.stubborn() if stubborn else None)
        return self._taken()

    def hopeless(self, number: int, code: str, text: str) -> list[Effect]:
        """Note that link ``number`` failed for a reason that no further attempt can mend."""
        if self._link(number) is not None:
            self._stop(code, text)
        return self._taken()

    def wake_at(self) -> float | None:
        """Return when `tick` is to be called, if nothing happens before."""
        self._due = min(self._times(), default=None)
        return self._due

    def tick(self, now: float) -> list[Effect]:
        """Look at the clock."""
        if not self._reading or (self._due is not None and now - self._due > STALL):
            self._forgive(now)
        for link in self._links():
            self._look_at(link, now)
        return self._taken()

    def state(self) -> LinkState:
        """Return where we stand."""
        if self.stopped:
            return LinkState.STOPPED
        if self.current is not None:
            return LinkState.QUIET if self.current.quiet else LinkState.CONNECTED
        return LinkState.IDLE if self.attempt is None else LinkState(self.attempt.phase.value)

    # ---- inside -------------------------------------------------------------------------------------

    def _taken(self) -> list[Effect]:
        return self.out.taken(urgent=self._urgent())

    def _links(self) -> list[Link]:
        return [link for link in (self.current, self.attempt) if link is not None]

    def _link(self, number: int) -> Link | None:
        return next((link for link in self._links() if link.number == number), None)

    def _times(self) -> list[float]:
        times = [link.due_at() for link in self._links() if link.phase in (Phase.GREETING, Phase.LIVE)]
        if self.current is not None and self.attempt is None and not self._leave_alone(self.current):
            suspected = self.current.suspected_at()
            times += [] if suspected is None else [suspected]
        return times

    def _forgive(self, now: float) -> None:
        for link in self._links():
            link.forgive(now)

    def _dial(self, delay: float, now: float) -> None:
        self._count += 1
        self.attempt = Link(self._count)
        self.attempt.segment = self._segments.size
        self.attempt.doubtful, self.attempt.hasty = self._segments.doubtful, self._segments.searching
        self.attempt.wait(now + delay)
        self.out.add(Connect(self._count, delay, self.attempt.segment))

    def _look_at(self, link: Link, now: float) -> None:
        verdict = link.check(now)
        if verdict is Verdict.DEAD:
            silence = f"{link.silence(now):.0f} s"
            reason = f"silent for {silence}"
            if self.through and link.phase is Phase.GREETING:
                reason = f"nothing was heard for {silence} of the server behind the proxy {self.through}"
            self._drop(link, reason, now, answered=False)
            return
        if verdict is Verdict.PING:
            self.out.write(link, link.ping(now), now)
        suspected = link.suspected_at()
        if link is self.current and self.attempt is None and suspected is not None and now >= suspected:
            if not link.quiet:
                self.out.notify(Quiet(self.address, link.trouble(now)))
            link.quiet = True
            self._judge(link, now)
            if not self._leave_alone(link):
                self._dial(0.0, now)

    def _leave_alone(self, link: Link) -> bool:
        """Return whether a suspected link lives until it is dead, as the ones before it helped nobody."""
        return link.quiet and self._segments.patient

    def _take_in(self, link: Link, data: bytes, now: float) -> None:
        for message in link.messages(data, now):
            if isinstance(message, bytes):
                self._pong(link, message, now)
            else:
                self._handle(link, message, now)
            if link not in self._links():
                return
        if link is self.current:
            self._revive(link, now)
            self._pump(now)

    def _pong(self, link: Link, data: bytes, now: float) -> None:
        self.out.say(link, data, now)

    def _revive(self, link: Link, now: float) -> None:
        if not link.quiet or link.choked(now):
            return
        link.quiet = link.judged = False
        self._segments.served()
        self.out.notify(Revived(self.address))
        if self.attempt is not None and not self.attempt.answered:
            self._withdraw(self.attempt, now)

    def _withdraw(self, attempt: Link, now: float) -> None:
        """Give up an attempt that nobody has answered; its hello may arrive all the same."""
        self.out.add(Close(attempt.number))
        self.attempt = None
        if attempt.phase is Phase.GREETING:
            self._orphaned = now

    def _promote(self, link: Link, now: float) -> None:
        """Make the attempt the current link; the one before it, if there is one, is done with."""
        if self.current is not None:
            self.out.add(Close(self.current.number))
            self._judge(self.current, now)
            self._let_go()
        self.attempt, self.current = None, link
        if link.segment and self._segments.shown and not self._told:
            self._told = True
            self.out.notify(Narrowed(self.address, link.segment))

    def _judge(self, link: Link, now: float) -> None:
        """Look once whether a link that is suspected, or ends, has brought nothing forward."""
        young = link.live_since is not None and now - link.live_since < YOUNG
        if not (young and (link.quiet or link.choked(now)) and self._owes(link)):
            self._segments.served()
        elif not link.judged:
            link.judged = True
            self._segments.stalled()

    def _drop(
        self, link: Link, reason: str, now: float, *, answered: bool = True, slot: float | None = None
    ) -> None:
        self.out.add(Close(link.number))
        self._ended(link, reason, answered, now, slot)

    def _ended(self, link: Link, reason: str, answered: bool, now: float, slot: float | None = None) -> None:
        self.out.reason = reason
        if link is self.attempt:
            delay = self._delay(answered, now, slot)
            if self.current is None and link.mute(now) and self._segments.mute():
                delay = LEAST
            self._attempt_failed(link, reason, delay, now)
            return
        if link.live_since is not None and now - link.live_since >= STEADY:
            self._backoff.reset()
        self._judge(link, now)
        self._let_go()
        self.out.notify(Lost(self.address, reason))
        if self.attempt is None:
            self._dial(self._delay(answered, now, slot), now)

    def _attempt_failed(self, link: Link, reason: str, delay: float, now: float) -> None:
        self.attempt = None
        if link.phase is Phase.GREETING:
            self._orphaned = now
        if self.current is None:
            self.out.notify(CannotConnect(self.address, reason, delay))
        if self.current is None or self.current.quiet:
            self._dial(delay, now)

    def _orphaned_lately(self, now: float) -> bool:
        """Return whether a hello of ours that was never answered may have had its effect."""
        return self._orphaned is not None and now - self._orphaned < ORPHAN

    def _delay(self, answered: bool, now: float, slot: float | None) -> float:
        if answered or slot is not None:
            return self._backoff.after_answer(now, slot)
        return self._backoff.after_silence(now)

    def _let_go(self) -> None:
        self.current = None
        for number in self._restart():
            self.out.reply(number, None)

    def _stop(self, code: str, text: str) -> None:
        self.out.reason = text
        self.out.add(*(Close(link.number) for link in self._links()))
        self.attempt = None
        self._let_go()
        self.stopped = Stopped(code, text)
        self.out.add(Save(urgent=True))
        self.out.notify(self.stopped)
