"""Measures the page in chromium: ``PYTHONPATH=. python tools/page_figures.py [ROUNDS]``.

How many bytes its first load takes, when it is first painted, and how late what is typed is on the screen
while 60 messages a second arrive. It needs chromium and playwright. A daemon of its own is started and ended.
"""

import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.browser.near import CHROMIUM, MISSING, NearDaemon
from tests.browser.people import Person
from tests.end_to_end.harness.stranger import Stranger

RATE = 60
"""Messages a second."""

KEYS = 60
"""Keys that are typed."""

WATCH = """() => {
    const field = document.querySelector(".composer textarea"), late = (window.late = []);
    field.addEventListener("input", (event) => requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => late.push(performance.now() - event.timeStamp);
        port2.postMessage(null);
    }));
}"""
"""Keeps in ``late`` the milliseconds from a key to the end of the frame that shows it."""


def load(browser: Browser, address: str) -> tuple[int, float, float]:
    """Return the bytes of a first load, and the milliseconds until it is painted, and one can sign in."""
    context = browser.new_context()
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    came: list[int] = []
    session.on("Network.loadingFinished", lambda event: came.append(int(event["encodedDataLength"])))
    page.goto(address)
    page.get_by_label("Name").wait_for()
    ready = page.evaluate("performance.now()")
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    context.close()
    return sum(came), painted, ready


def talk(port: int, room: str, over: threading.Event, said: list[float]) -> None:
    """Say `RATE` messages a second until it is ``over``."""
    with Stranger(port) as ben:
        ben.enter_room(f"ben{room[1:]}", room)
        since = time.monotonic()
        while not over.is_set():
            ben.post(
                "#tea", f"message {len(said)} with some words, and a link https://example.org/{len(said)}"
            )
            said.append(time.monotonic())
            time.sleep(max(0.0, since + len(said) / RATE - time.monotonic()))


def type_beside(browser: Browser, address: str, port: int, room: str) -> tuple[list[float], float]:
    """Return how late each key was, in milliseconds, and how many messages came in a second."""
    ada: Any = Person(browser, address).enter(f"ada{room[1:]}", room)
    over, said = threading.Event(), []
    talker = threading.Thread(target=talk, args=(port, room, over, said))
    talker.start()
    ada.window.wait_for_timeout(1500)
    ada.window.evaluate(WATCH)
    ada.field.focus()
    begun, before = time.monotonic(), len(said)
    ada.window.keyboard.type("x" * KEYS, delay=50)
    rate = (len(said) - before) / (time.monotonic() - begun)
    ada.window.wait_for_function(f"window.late.length === {KEYS}")
    late = ada.evaluate("window.late")
    over.set()
    talker.join()
    ada.close()
    return sorted(late), rate


def main(rounds: int) -> None:
    """Measure, and print the rows."""
    if CHROMIUM is None:
        sys.exit(MISSING)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as player:
        daemon = NearDaemon(Path(folder))
        daemon.start()
        try:
            browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            loads = [load(browser, daemon.page) for _ in range(rounds)]
            typed = [type_beside(browser, daemon.page, daemon.port, f"#{number}") for number in range(rounds)]
            browser.close()
        finally:
            daemon.end()
    sizes, paints, readies = zip(*loads, strict=True)
    size, paint = median(sizes) / 1000, median(paints)
    print(f"first load: {size:.0f} kB, painted after {paint:.0f} ms, ready after {median(readies):.0f} ms")
    for late, rate in typed:
        worst = late[len(late) * 95 // 100]
        print(f"typing beside {rate:.0f} messages/s: median {median(late):.0f} ms, p95 {worst:.0f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
