"""The links: dialling, suspicion, loss, and coming back.

There is the current one, which was welcomed, and an attempt. While the current one is suspected an attempt is
made beside it (make before break); the one that is welcomed first, or speaks first, is kept. The server asks
such an attempt whether it is still wanted, so one that was given up takes nothing over.

An open attempt without a byte of the server may have met a path that swallows large packets, such as those of
a TLS handshake or of a long welcome. Then another one with smaller segments is made beside it, and the older
one becomes a rival: whichever is welcomed first is kept.

The machine calls these methods and nothing here calls the machine: what is to be done goes into its output.
"""

from typing import Final

from chatd.client.core.backoff import STEADY, Backoff
from chatd.client.core.effects import Close, Connect, Save
from chatd.client.core.link import GREETING, Link, Phase
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
        self.rivals: list[Link] = []
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
        return [link for link in (self.current, self.attempt, *self.rivals) if link is not None]

    def get(self, number: int) -> Link | None:
        """Return link ``number``; None if it is gone."""
        return next((link for link in self.all() if link.number == number), None)

    @property
    def contested(self) -> bool:
        """Return whether another connection of our session may live beside the newest attempt."""
        return self.current is not None or bool(self.rivals)

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
        if self.rivals and self.attempt is not None:
            self._out.add(Close(self.attempt.number))
        self.yield_rivals(now)
        self._attempt(self.segments.size, delay, now)

    def _attempt(self, segment: int, delay: float, now: float) -> Link:
        self.count += 1
        self.attempt = Link(self.count)
        self.attempt.segment = segment
        self.attempt.doubtful = self.segments.doubtful
        self.attempt.wait(now + delay)
        self._out.add(Connect(self.count, delay, segment))
        return self.attempt

    def _race(self, mute: Link, now: float) -> None:
        """Make an attempt with smaller segments beside the one that stays ``mute``."""
        size = self.segments.rival(mute.segment, mute.began is None, now)
        mute.outrun = True
        if size:
            self.rivals.append(mute)
            self._attempt(size, 0.0, now).began = mute.began or mute.opened_at

    def yield_rivals(self, now: float) -> None:
        """Give up the rivals of the newest attempt."""
        rivals, self.rivals = self.rivals, []
        for rival in rivals:
            self._out.add(Close(rival.number))
            self._orphaned = now

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
        """Make an attempt the current link; the one before it, if there is one, is done with.

        A newer one that was answered may take the session over, and is waited for.
        """
        if self.current is not None:
            self.replaced(self.current, now)
        for other in self._attempts():
            if other is not link and not (other.answered and other.number > link.number):
                self._out.add(Close(other.number))
                self._forget(other, now)
        self.current = link
        self._forget(link, now)
        if link.began is not None:
            self.segments.won(link.segment)
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
        times += [link.look_at for link in self.all() if link.phase is Phase.GREETING]
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
            if link.phase is Phase.GREETING:
                link.looked(now)
            suspected = link.suspected_at()
            if link is self.current and self.attempt is None and suspected is not None and now >= suspected:
                self._suspect(link, now)
        attempt = self.attempt
        mute = attempt is not None and attempt.phase is Phase.GREETING and now >= attempt.mute_at()
        if attempt is not None and mute and not attempt.outrun and self._may_race(now):
            self._race(attempt, now)

    def _may_race(self, now: float) -> bool:
        """Return whether there is no current link, or one that speaks while nothing of ours is taken."""
        current = self.current
        return current is None or (current.choked(now) and current.silence(now) < GREETING)

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
        owed = not link.complete or self._requests.owed_on(link)
        if not (young and (link.quiet or link.choked(now)) and owed):
            self.segments.served()
        elif not link.judged:
            link.judged = True
            self.segments.stalled()

    def served(self, link: Link, now: float) -> None:
        """End the suspicion of the current link, which brought something; give up unanswered attempts.

        Their hellos may arrive all the same.
        """
        if not link.quiet or link.choked(now):
            return
        link.quiet = link.judged = False
        self.segments.served()
        self._out.notify(Revived(self.address))
        for attempt in self._attempts():
            if not attempt.answered:
                self._out.add(Close(attempt.number))
                self._forget(attempt, now)

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
        if self.rivals and link is not self.current:  # another one is under way
            self._forget(link, now)
            return
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
        self._forget(link, now)
        if self.current is None:
            self._out.notify(CannotConnect(self.address, reason, delay))
        if self.current is None or self.current.quiet:
            self.dial(delay, now)

    def _attempts(self) -> list[Link]:
        return [link for link in self.all() if link is not self.current]

    def _forget(self, attempt: Link, now: float) -> None:
        """Let go of an attempt; the newest of those that are left takes its place."""
        if attempt is not self.attempt:
            self.rivals.remove(attempt)
        else:
            self.attempt = self.rivals.pop() if self.rivals else None
        if attempt.phase is Phase.GREETING and attempt is not self.current:
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
        self.rivals = []
        self._let_go()
        self.stopped = self.stopped or why
        self._out.add(Save(urgent=True))

    def give_up(self, code: str, text: str) -> None:
        """Stop for a reason that no further attempt can mend."""
        self._out.reason = text
        why = Stopped(code, text)
        self.stop(why)
        self._out.notify(why)
