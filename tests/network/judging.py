"""Judging: what is measured against what is promised; every figure that is missed is one sentence."""

from collections.abc import Callable, Iterable, Iterator
from statistics import median
from typing import Final

from tests.network.cases import BY_NAME, SLACK, Case, Phase
from tests.network.measured import Measured

ATTEMPT: Final = 10.0
"""Seconds after which an attempt that reaches nobody has failed."""

START: Final = 1.0
"""Seconds that the first attempt may come after the start of the program."""

LATER: Final = 2.0
"""How many times as late as over a plain socket a message may be: each link loses other packets."""

MEDIAN: Final = 1.5
"""Seconds from the heal until service is back, in the median over the cases with a promise for that."""

ENOUGH: Final = 5
"""Cases that make a median worth its name."""


def complaints(case: Case, phase: Phase, found: Measured) -> list[str]:
    """Return what is not as promised."""
    return [*harm(case, found), *slowness(case, phase, found)]


def harm(case: Case, found: Measured) -> list[str]:
    """Return what may never be, however busy the machine is."""
    return list(_integrity(case, found))


def slowness(case: Case, phase: Phase, found: Measured) -> list[str]:
    """Return the times that are longer than promised, and the links that are lost too often."""
    looks = (_steadiness, _patience, _service, _BY_PHASE[phase])
    return [sentence for look in looks for sentence in look(case, found)]


def _integrity(case: Case, found: Measured) -> Iterator[str]:
    for what in ("missing", "doubled", "disordered"):
        if count := getattr(found, what):
            yield f"{count} messages {what} of {found.said}"
    if not found.ended_well:
        yield "the clients did not end with status 0 after all was said"
    yield from found.faults


def _steadiness(case: Case, found: Measured) -> Iterator[str]:
    if found.relapses:
        yield f"{found.relapses} links lost after service was back"
    if found.losses > case.losses:
        yield f"{found.losses} links declared lost, {case.losses} at most are expected"
    if found.reaped > case.reaped:
        yield f"{found.reaped} connections reaped, {case.reaped} at most are expected"
    if case.attempts is not None and found.accepted > case.attempts:
        yield f"{found.accepted} connections in {found.outage:g} s: a hot loop"


def _patience(case: Case, found: Measured) -> Iterator[str]:
    if found.waits and max(found.waits) > case.wait:
        yield f"the client waits {max(found.waits):g} s between attempts, {case.wait:g} s are promised"


def _service(case: Case, found: Measured) -> Iterator[str]:
    yield from _within(found, "service was back after the heal", found.back, case.back)
    yield from _within(found, "service went on after the cut", found.served, case.served)
    for what, ours, plain in zip(("mostly", "at the worst"), found.lateness, found.plain, strict=False):
        if ours > plain * LATER + SLACK:
            yield f"messages were {what} {ours:g} s late, lines over a plain socket {plain:g} s"


def _connected(case: Case, found: Measured) -> Iterator[str]:
    signs = [at for at in (found.suspected, found.noticed) if at is not None]
    yield from _within(found, "the client suspected", min(signs, default=None), case.suspect)
    yield from _within(found, "the client noticed", found.noticed, case.notice)
    yield from _within(found, "the server noticed", found.server_noticed, case.server)


def _before(case: Case, found: Measured) -> Iterator[str]:
    if case.notice is None:
        return
    yield from _within(found, "the first attempt failed", found.noticed, ATTEMPT + START)
    times = [0.0, *found.failures]
    for last, (failed, waited) in enumerate(zip(found.failures[1:], found.waits, strict=False), 1):
        yield from _within(found, f"attempt {last + 1} failed", failed - times[last] - waited, ATTEMPT)


def _within(found: Measured, what: str, seconds: float | None, limit: float | None) -> Iterator[str]:
    if limit is not None and (seconds is None or seconds > limit + SLACK + found.stall):
        taken = "never" if seconds is None else f"only after {seconds:.2f} s"
        yield f"{what} {taken}; {limit:g} s are promised"


def median_back(results: Iterable[Measured]) -> float | None:
    """Return the median of the seconds from the heal to service, None over too few cases."""
    back = [one.back for one in results if one.back is not None and BY_NAME[one.case].back is not None]
    return median(back) if len(back) >= ENOUGH else None


_BY_PHASE: Final[dict[Phase, Callable[[Case, Measured], Iterator[str]]]] = {
    Phase.BEFORE: _before,
    Phase.CONNECTED: _connected,
}
