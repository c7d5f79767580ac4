"""The links: dialling, loss, and coming back.

There is the current one, which was welcomed, and an attempt. While the current one is suspected an attempt is
made beside it (make before break); the one that is welcomed first, or speaks first, is kept. The server asks
such an attempt whether it is still wanted, so one that was given up takes nothing over.

If an attempt stays mute, another one with smaller segments is made beside it, and the older one becomes a
rival: whichever is welcomed first is kept. `chatd.client.core.watch` tells when a link is suspected or mute.

The machine and its parts call these methods and nothing here calls them: what is to be done goes into the
output.
"""

from typing import Final

from chatd.client.core.backoff import STEADY, Backoff
from chatd.client.core.effects import Close, Connect, Save
from chatd.client.core.link import Link, Phase
from chatd.client.core.notices import CannotConnect, LinkState, Lost, Narrowed, Stopped
from chatd.client.core.output import Output
from chatd.client.core.requests import Requests
from chatd.client.core.segments import Segments

ORPHAN: Final = 60.0
"""Seconds for which a hello that was never answered may still take our session over from us."""

YOUNG: Final = 20.0
"""Seconds after its welcome in which a link that fell silent may never have brought anything forward."""


class Links:
    """The current link, and the attempt beside or before it, to the server at ``address``.

    ``requests`` know what a link owes us, and are told when it is gone.
    """

    def __init__(
        self,
        address: str,
        requests: Requests,
        out: Output,
        backoff: Backoff,
        segments: Segments,
    ) -> None:
        self.address = address
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

    def race(self, mute: Link, now: float) -> None:
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
        self.judge(link, now)
        self._let_go()

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
        self.judge(link, now)
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

    def judge(self, link: Link, now: float) -> None:
        """Look once whether a link that is suspected, or ends, has brought nothing forward."""
        young = link.live_since is not None and now - link.live_since < YOUNG
        owed = not link.complete or self._requests.owed_on(link)
        if not (young and (link.quiet or link.choked(now)) and owed):
            self.segments.served()
        elif not link.judged:
            link.judged = True
            self.segments.stalled()

    def yield_unanswered(self, now: float) -> None:
        """Give up the attempts that nobody has answered; their hellos may arrive all the same."""
        for attempt in self._attempts():
            if not attempt.answered:
                self._out.add(Close(attempt.number))
                self._forget(attempt, now)

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
