"""Outages: somebody at the page is cut off while both sides go on talking, and what is measured then."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tests.end_to_end.harness.chatc import Chatc
from tests.end_to_end.harness.processes import Deadline

SUSPECTS: Final = 7.5
"""Seconds in which the page says that the server is quiet: two of its heartbeats, and a look."""

KNOWS: Final = 13.5
"""Seconds in which it says that there is no connection: after four of them."""

BACK: Final = 3.0
"""Seconds from the heal until everything has come through, as on the command line."""

SLACK: Final = 2.0
"""Seconds that a busy machine may add: a browser is some processes, and CI runs others beside it."""

ROOM: Final = "#tea"
_LOOK: Final = 0.05
_PAUSE: Final = 0.7
_MOST: Final = 25
"""Seconds between what each side says; in a long outage it says so many things."""


class Window(Protocol):
    """Somebody at the page, in whatever browser."""

    def say(self, *texts: str) -> None:
        """Type each of ``texts``, and send it."""

    def evaluate(self, expression: str, /) -> Any:
        """Return what ``expression`` comes to in the page."""


@dataclass(slots=True)
class Outcome:
    """Seconds from the cut until the page suspected and knew, and from the heal until all had come through.

    ``said`` are the messages of both sides in that time. ``gap`` are the seconds, from `KNOWS` on, for which
    the page claimed to be connected though it was not.
    """

    suspects: float | None
    knows: float | None
    back: float
    said: int
    gap: float


def heard(ben: Chatc) -> list[str]:
    """Return the messages that ``ben`` has heard, those that he said too, in the order of the room."""
    return [line["text"] for line in ben.lines() if line["kind"] == "message"]


def texts(ada: Window) -> list[str]:
    """Return the messages that a window shows, the waiting ones last."""
    found: list[str] = ada.evaluate(
        "[...document.querySelectorAll('.log .text')].map((one) => one.textContent)"
    )
    return found


def meet(ada: Window, ben: Chatc) -> None:
    """Let both say something, and wait until both have heard it."""
    ben.say("ben 0")
    ada.say("ada 0")
    agree(ada, ben, 2, 30)


def play(
    ada: Window,
    ben: Chatc,
    cut: Callable[[], object],
    heal: Callable[[], object],
    seconds: float,
    *,
    types: bool = True,
) -> Outcome:
    """Cut ``ada`` off for so many ``seconds``, check that nothing is lost, and return what was measured.

    She ``types`` meanwhile unless her page stands.
    """
    before = len(heard(ben))
    since = time.time()
    cut()
    pause, number = max(_PAUSE, seconds / _MOST), 0
    while time.time() < since + seconds:
        number += 1
        ben.say(f"ben {number}")
        if types:
            ada.say(f"ada {number}")
        time.sleep(max(0.0, min(since + number * pause, since + seconds) - time.time()))
    healing = time.time()  # a browser may be connected again before it has said that it heals
    heal()
    healed = time.time()
    number += 1
    ada.say(f"ada {number}")
    ben.say(f"ben {number}")
    said = 2 * number if types else number + 1
    agree(ada, ben, before + said, BACK + 60)
    back = time.time() - healed
    new = heard(ben)[before:]
    own = range(1, number + 1) if types else [number]
    assert [text for text in new if text.startswith("ada")] == [f"ada {one}" for one in own]
    assert [text for text in new if text.startswith("ben")] == [f"ben {one}" for one in range(1, number + 1)]
    states = [(at - since, said) for at, said in ada.evaluate("window.shown") if at >= since]
    return Outcome(
        suspects=next((at for at, said in states if said), None),
        knows=next((at for at, said in states if said and "quiet" not in said), None),
        back=back,
        said=said,
        gap=_claimed(states, KNOWS, healing - since),
    )


def _claimed(states: list[tuple[float, str]], begin: float, end: float) -> float:
    """Return for how long between two times the page claimed to be connected."""
    claimed, since, now = 0.0, 0.0, ""
    for at, said in [*states, (end, "-")]:
        if not now:
            claimed += max(0.0, min(at, end) - max(since, begin))
        since, now = at, said
    return claimed


def agree(ada: Window, ben: Chatc, count: int, patience: float) -> None:
    """Wait until both have the same ``count`` messages, and the page says that it is connected."""
    deadline = Deadline(patience)
    while True:
        order, shown = heard(ben), texts(ada)
        if (
            len(order) >= count
            and shown
            and shown == order[-len(shown) :]
            and not ada.evaluate("window.shown.at(-1)[1]")
        ):
            return
        deadline.check(
            f"{count} messages: {order} of the room, {shown} in the page, {ada.evaluate('window.shown')}"
        )
        time.sleep(_LOOK)
