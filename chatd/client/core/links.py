"""The links: dialling, suspicion, loss, and coming back.

At most two exist: the current one, which was welcomed, and an attempt. While the current one is suspected
an attempt is made beside it (make before break); the one that is welcomed first, or speaks first, is kept.
The server asks such an attempt whether it is still wanted, so one that was given up takes nothing over.

The machine calls these methods and nothing here calls the machine: what is to be done goes into its output.
"""

from typing import Final

from chatd.client.core.backoff import LEAST, STEADY, Backoff
from chatd.client.core.effects import Close, Connect, Save
from chatd.client.core.link import Link, Phase
from chatd.client.core.notices import CannotConnect, LinkState, Lost, Narrowed, Quiet, Revived, Stopped
from chatd.client.core.output import Output
from chatd.client.core.requests import Requests
from chatd.client.core.segments import Segments
from chatd.wire.heartbeat import Verdict

ORPHAN: Final = 60.0
"""Seconds for which a hello that was never answered may still take our session over from us."""

YOUNG: Final = 20.0
"""Seconds after its welcome in which a link that fell silent may never have brought anything forward."""


class Links:
    """The current link, and the attempt beside or before it, to the server at ``address``.

    ``requests`` know what a link owes us, and are told when it is gone. ``through`` is the proxy.
    """

    def __init__(
        self,
        address: str,
        through: str,
        requests: Requests,
        out: Output,
        backoff: Backoff,
        segments: Segments,
    ) -> None:
        self.address = address
        self.through = through
        self.current: Link | None = None
        self.attempt: Link | None = None
        self.stopped: Stopped | None = None
        self.segments = segments
        self.count = 0
        self._requests = requests
        self._out = out
        self._backoff = backoff
        self._orphaned: float | None = None
        self._told = False

    # ---- which there are ----------------------------------------------------------------------------

    def all(self) -> list[Link]:
        """Return the links that there are, the current one first."""
        return [link for link in (self.current, self.attempt) if link is not None]

    def get(self, number: int) -> Link | None:
        """Return link ``number``; None if it is gone."""
        if self.current is not None and self.current.number == number:
            return self.current
        return self.attempt if self.attempt is not None and self.attempt.number == number else None

    @property
    def open(self) -> Link | None:
        """Return the current link, once we have spoken behind its welcome."""
        current = self.current
        return current if current is not None and current.introduced else None

    def state(self) -> LinkState:
        """Return where we stand."""
        if self.stopped:
            return LinkState.STOPPED
        if self.current is not None:
            return LinkState.QUIET if self.current.quiet else LinkState.CONNECTED
        return LinkState.IDLE if self.attempt is None else LinkState(self.attempt.phase.value)

    # ---- coming up ----------------------------------------------------------------------------------

    def dial(self, delay: float, now: float) -> None:
        """Make an attempt in ``delay`` seconds, instead of any other one."""
        self.count += 1
        self.attempt = Link(self.count)
        self.attempt.segment = self.segments.size
        self.attempt.doubtful, self.attempt.hasty = self.segments.doubtful, self.segments.searching
        self.attempt.wait(now + delay)
        self._out.add(Connect(self.count, delay, self.attempt.segment))

    def hurry(self, now: float) -> None:
        """Probe the current link, and dial without waiting; the network may be another one."""
        self.segments.forget()
        self._told = False
        if self.current is not None:
            self._out.write(self.current, self.current.probe(now), now)
        if self.attempt is not None and self.attempt.phase is Phase.WAITING:
            self.attempt.wait(now)
            self._out.add(Connect(self.attempt.number, 0.0, self.attempt.segment))

    def promote(self, link: Link, now: float) -> None:
        """Make the attempt the current link; the one before it, if there is one, is done with."""
        if self.current is not None:
            self.replaced(self.current, now)
        self.attempt, self.current = None, link
        if link.segment and self.segments.shown and not self._told:
            self._told = True
            self._out.notify(Narrowed(self.address, link.segment))

    def replaced(self, link: Link, now: float) -> None:
        """Close the current link, in whose place another one takes the session."""
        self._out.add(Close(link.number))
        self._judge(link, now)
        self._let_go()

    # ---- suspicion ----------------------------------------------------------------------------------

    def times(self) -> list[float]:
        """Return the times at which `check` has something to do, if nothing happens before."""
        times = [link.due_at() for link in self.all() if link.phase in (Phase.GREETING, Phase.LIVE)]
        if self.current is not None and self.attempt is None and not self._leave_alone(self.current):
            suspected = self.current.suspected_at()
            times += [] if suspected is None else [suspected]
        return times

    def check(self, now: float) -> None:
        """Ping where it is time, suspect a link that is silent, and drop one that is dead."""
        for link in self.all():
            verdict = link.check(now)
            if verdict is Verdict.DEAD:
                self.drop(link, self._silence(link, now), now, answered=False)
                continue
            if verdict is Verdict.PING:
                self._out.write(link, link.ping(now), now)
            suspected = link.suspected_at()
            if link is self.current and self.attempt is None and suspected is not None and now >= suspected:
                self._suspect(link, now)

    def _silence(self, link: Link, now: float) -> str:
        silence = f"{link.silence(now):.0f} s"
        if self.through and link.phase is Phase.GREETING:
            return f"nothing was heard for {silence} of the server behind the proxy {self.through}"
        return f"silent for {silence}"

    def _suspect(self, link: Link, now: float) -> None:
        if not link.quiet:
            self._out.notify(Quiet(self.address, link.trouble(now)))
        link.quiet = True
        self._judge(link, now)
        if not self._leave_alone(link):
            self.dial(0.0, now)

    def _leave_alone(self, link: Link) -> bool:
        """Return whether a suspected link lives until it is dead, as the ones before it helped nobody."""
        return link.quiet and self.segments.patient

    def _judge(self, link: Link, now: float) -> None:
        """Look once whether a link that is suspected, or ends, has brought nothing forward."""
        young = link.live_since is not None and now - link.live_since < YOUNG
        if not (young and (link.quiet or link.choked(now)) and self._requests.owed_on(link)):
            self.segments.served()
        elif not link.judged:
            link.judged = True
            self.segments.stalled()

    def served(self, link: Link, now: float) -> None:
        """End the suspicion of the current link, which brought something; give up an unanswered attempt.

        The hello of that attempt may arrive all the same.
        """
        if not link.quiet or link.choked(now):
            return
        link.quiet = link.judged = False
        self.segments.served()
        self._out.notify(Revived(self.address))
        if self.attempt is not None and not self.attempt.answered:
            self._out.add(Close(self.attempt.number))
            self._forget_attempt(self.attempt, now)

    def forgive(self, now: float) -> None:
        """Begin every silence anew: we were not listening."""
        for link in self.all():
            link.forgive(now)

    # ---- loss ---------------------------------------------------------------------------------------

    def drop(
        self, link: Link, reason: str, now: float, *, answered: bool = True, slot: float | None = None
    ) -> None:
        """Close ``link``, and go on as `ended` does."""
        self._out.add(Close(link.number))
        self.ended(link, reason, now, answered=answered, slot=slot)

    def ended(
        self, link: Link, reason: str, now: float, *, answered: bool, slot: float | None = None
    ) -> None:
        """Note that ``link`` ended, and dial again; ``slot`` is the wait in seconds that the server named.

        Somebody was there to end it if it was ``answered``: that says how soon another attempt is worth it.
        """
        self._out.reason = reason
        if link is self.attempt:
            self._attempt_failed(link, reason, now, answered=answered, slot=slot)
            return
        if link.live_since is not None and now - link.live_since >= STEADY:
            self._backoff.reset()
        self._judge(link, now)
        self._let_go()
        self._out.notify(Lost(self.address, reason))
        if self.attempt is None:
            self.dial(self.delay(now, answered=answered, slot=slot), now)

    def _attempt_failed(
        self, link: Link, reason: str, now: float, *, answered: bool, slot: float | None
    ) -> None:
        delay = self.delay(now, answered=answered, slot=slot)
        if self.current is None and link.mute(now) and self.segments.mute():
            delay = LEAST
        self._forget_attempt(link, now)
        if self.current is None:
            self._out.notify(CannotConnect(self.address, reason, delay))
        if self.current is None or self.current.quiet:
            self.dial(delay, now)

    def _forget_attempt(self, attempt: Link, now: float) -> None:
        self.attempt = None
        if attempt.phase is Phase.GREETING:
            self._orphaned = now

    def _let_go(self) -> None:
        self.current = None
        self._requests.unlinked()

    def delay(self, now: float, *, answered: bool = True, slot: float | None = None) -> float:
        """Return for how many seconds to wait before the next attempt."""
        if answered or slot is not None:
            return self._backoff.after_answer(now, slot)
        return self._backoff.after_silence(now)

    def orphaned_lately(self, now: float) -> bool:
        """Return whether a hello of ours that was never answered may have had its effect."""
        return self._orphaned is not None and now - self._orphaned < ORPHAN

    # ---- the end ------------------------------------------------------------------------------------

    def stop(self, why: Stopped, *, politely: bool = False) -> None:
        """Close all links, and make no other; ``politely`` lets out what was written to the current one."""
        self._out.add(*(Close(link.number, politely and link is self.current) for link in self.all()))
        self.attempt = None
        self._let_go()
        self.stopped = self.stopped or why
        self._out.add(Save(urgent=True))

    def give_up(self, code: str, text: str) -> None:
        """Stop for a reason that no further attempt can mend."""
        self._out.reason = text
        why = Stopped(code, text)
        self.stop(why)
        self._out.notify(why)
