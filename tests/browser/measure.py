"""Plays outages in real browsers, and prints the rows of docs/RELIABILITY.md.

    PYTHONPATH=. python -m tests.browser.measure [chromium|firefox-esr] [SCENE…]

As root on Linux, with the browsers, iproute2 and iptables. The scenes stand in `SCENES`; all take half an
hour. It fails where a promise is missed.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import sync_playwright

from tests.browser import moving, outages
from tests.browser.browsers import Chromium, Fox
from tests.browser.lab import FarDaemon, Lab
from tests.end_to_end.harness.chatc import Chatc

Browser = Chromium | Fox


class Scene:
    """Ada at the page, in ``browser``, and Ben beside the ``daemon``."""

    def __init__(self, stack: ExitStack, browser: str) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        self.lab = stack.enter_context(Lab(folder))
        self.daemon = FarDaemon(self.lab, folder / "daemon")
        stack.callback(self.daemon.end)
        self.daemon.start()
        self._stack, self._folder = stack, folder
        self._server = ("--server", f"unix:{self.daemon.socket}")
        self.ben = Chatc(self.daemon, folder, "ben", *self._server, "talk", outages.ROOM, "--json", fed=True)
        stack.callback(self.ben.close)
        program = self.lab.program(browser)
        if program is None:
            sys.exit(f"{browser} is not installed")
        self.browser: Any = (
            Fox(self.lab, program)
            if browser == Fox.name
            else Chromium(self.lab, stack.enter_context(sync_playwright()), program)
        )
        stack.callback(self.browser.close)
        self.ada: Any = self.browser.come()
        self.ada.enter("ada", outages.ROOM)
        outages.meet(self.ada, self.ben)

    def play(
        self, cut: Callable[[], object], heal: Callable[[], object], seconds: float, *, types: bool = True
    ) -> outages.Outcome:
        """Cut and heal; see `tests.browser.outages.play`."""
        return outages.play(self.ada, self.ben, cut, heal, seconds, types=types)

    def restart(self) -> None:
        """Start the daemon after its crash, and Ben's word for it."""
        self.daemon.start()

    def move(self) -> outages.Outcome:
        """Send a file and save one, each over a cut."""

        def start(nick: str, *words: str) -> Chatc:
            chatc = Chatc(self.daemon, self._folder, nick, *self._server, *words)
            self._stack.callback(chatc.close)
            return chatc

        back = moving.play(self.ada, start, self.lab.cut, self.lab.heal, self._folder, self.browser.downloads)
        return outages.Outcome(None, None, back, 2, 0.0)

    def close(self) -> outages.Outcome:
        """Cut, type, close the browser, heal, and open it again."""
        self.lab.cut()
        self.ada.say("ada 1", "ada 2", "ada 3")
        self.browser.close()
        self.ben.say("ben 1")
        self.lab.heal()
        self.ada = self.browser.come()
        since = time.time()
        outages.agree(self.ada, self.ben, 6, 60)
        back = time.time() - since
        said = outages.heard(self.ben)
        assert [text for text in said if text.startswith("ada")] == [f"ada {number}" for number in range(4)]
        return outages.Outcome(None, None, back, 4, 0.0)


SCENES: Final[dict[str, tuple[str, Callable[[Scene], outages.Outcome]]]] = {
    "black-hole": ("network black-holed for 15 s", lambda s: s.play(s.lab.cut, s.lab.heal, 15)),
    "long-black-hole": ("network black-holed for 130 s", lambda s: s.play(s.lab.cut, s.lab.heal, 130)),
    "killed": ("daemon killed, started after 15 s", lambda s: s.play(s.daemon.kill, s.restart, 15)),
    "long-killed": ("daemon killed, started after 130 s", lambda s: s.play(s.daemon.kill, s.restart, 130)),
    "offline": (
        "offline mode of the browser for 15 s",
        lambda s: s.play(lambda: s.browser.go_offline(True), lambda: s.browser.go_offline(False), 15),
    ),
    "frozen": (
        "page frozen for 6 minutes",
        lambda s: s.play(lambda: s.browser.freeze(s.ada), s.browser.thaw, 360, types=False),
    ),
    "files": ("files of 96 MB sent and saved, each cut for 15 s", Scene.move),
    "closed": ("cut, typed, browser closed, healed, opened again", Scene.close),
}
"""What each scene is called, and how it is played."""


@contextmanager
def scene(browser: str) -> Iterator[Scene]:
    """Set up a scene in ``browser``."""
    with ExitStack() as stack:
        found = Scene(stack, browser)
        yield found
        assert not found.daemon.faults(), found.daemon.log


def check(name: str, found: outages.Outcome) -> None:
    """Fail where a promise was missed. A frozen page says nothing."""
    if name != "frozen":
        assert not found.gap, f"for {found.gap:.1f} s it claimed to be connected"
        assert found.knows is None or found.knows < outages.KNOWS
    assert found.back < outages.BACK


def main(words: list[str]) -> None:
    """Play what ``words`` name, or everything."""
    browsers = [word for word in words if word not in SCENES] or [Chromium.name, Fox.name]
    names = [word for word in words if word in SCENES] or list(SCENES)
    print("| browser | case | suspects | knows | back | messages |\n|---|---|---|---|---|---|")  # noqa: T201
    for browser in browsers:
        for name in names:
            if browser == Fox.name and name == "offline":
                continue  # BiDi has no such mode
            with scene(browser) as playing:
                title, play = SCENES[name]
                found = play(playing)
                times = (
                    f"{at:.1f}" if at is not None else "-" for at in (found.suspects, found.knows, found.back)
                )
                version = playing.browser.version()
                print(f"| {browser} {version} | {title} | {' | '.join(times)} | {found.said} |", flush=True)  # noqa: T201
                check(name, found)


if __name__ == "__main__":
    main(sys.argv[1:])
