"""The watch: looks at each link's silence, and tells when it is suspected, mute or dead.

While the current link is suspected an attempt is made beside it. An open attempt without a byte of the server
may have met a path that swallows large packets, such as those of a TLS handshake or of a long welcome: then
another one with smaller segments is made beside it.
"""

from chatd.client.core.link import GREETING, Link, Phase
from chatd.client.core.links import Links
from chatd.client.core.notices import Quiet, Revived
from chatd.client.core.output import Output
from chatd.wire.heartbeat import Verdict


class Watch:
    """Watches all of ``links``; ``through`` is the proxy."""

    def __init__(self, links: Links, through: str, out: Output) -> None:
        self._links = links
        self._through = through
        self._out = out

    def times(self) -> list[float]:
        """Return the times at which `check` has something to do, if nothing happens before."""
        links = self._links.all()
        times = [link.due_at() for link in links if link.phase in (Phase.GREETING, Phase.LIVE)]
        times += [link.look_at for link in links if link.phase is Phase.GREETING]
        current = self._links.current
        if current is not None and self._links.attempt is None and not self._leave_alone(current):
            suspected = current.suspected_at()
            times += [] if suspected is None else [suspected]
        return times

    def check(self, now: float) -> None:
        """Ping where it is time, suspect a link that is silent, and drop one that is dead."""
        for link in self._links.all():
            verdict = link.check(now)
            if verdict is Verdict.DEAD:
                self._links.drop(link, self._silence(link, now), now, answered=False)
                continue
            if verdict is Verdict.PING:
                self._out.write(link, link.ping(now), now)
            if link.phase is Phase.GREETING:
                link.looked(now)
            suspected = link.suspected_at()
            alone = link is self._links.current and self._links.attempt is None
            if alone and suspected is not None and now >= suspected:
                self._suspect(link, now)
        attempt = self._links.attempt
        mute = attempt is not None and attempt.phase is Phase.GREETING and now >= attempt.mute_at()
        if attempt is not None and mute and not attempt.outrun and self._may_race(now):
            self._links.race(attempt, now)

    def _silence(self, link: Link, now: float) -> str:
        silence = f"{link.silence(now):.0f} s"
        if self._through and link.phase is Phase.GREETING:
            return f"nothing was heard for {silence} of the server behind the proxy {self._through}"
        return f"silent for {silence}"

    def _suspect(self, link: Link, now: float) -> None:
        if not link.quiet:
            self._out.notify(Quiet(self._links.address, link.trouble(now)))
        link.quiet = True
        self._links.judge(link, now)
        if not self._leave_alone(link):
            self._links.dial(0.0, now)

    def _leave_alone(self, link: Link) -> bool:
        """Return whether a suspected link lives until it is dead, as the ones before it helped nobody."""
        return link.quiet and self._links.segments.patient

    def _may_race(self, now: float) -> bool:
        """Return whether there is no current link, or one that speaks while nothing of ours is taken."""
        current = self._links.current
        return current is None or (current.choked(now) and current.silence(now) < GREETING)

    def served(self, link: Link, now: float) -> None:
        """End the suspicion of the current link, which brought something."""
        if not link.quiet or link.choked(now):
            return
        link.quiet = link.judged = False
        self._links.segments.served()
        self._out.notify(Revived(self._links.address))
        self._links.yield_unanswered(now)

    def forgive(self, now: float) -> None:
        """Begin every silence anew: we were not listening."""
        for link in self._links.all():
            link.forgive(now)
