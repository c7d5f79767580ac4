"""Takes the pictures of the page that docs/USERGUIDE.md shows: ``PYTHONPATH=. python tools/screenshots.py``.

It needs chromium and playwright. A daemon of its own is started and ended.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.browser.people import Person
from tests.end_to_end.harness.processes import LOOPBACK, free_port
from tests.end_to_end.test_succession import Standing

IMAGES = Path(__file__).parents[1] / "docs" / "images"


def main() -> None:
    """Take them."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("chromium is not installed: apt-get install chromium")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as player:
        daemon = Standing(Path(folder))
        port = free_port()
        web = f'[[listen]]\nendpoint = "tcp:{port}:interface={LOOPBACK}"\nprotocol = "web"\n'
        daemon.write(f"tcp:{daemon.port}:interface={LOOPBACK}", web)
        daemon.start()
        try:
            browser = player.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            take(lambda **how: Person(browser, f"http://{LOOPBACK}:{port}/", **how), daemon)
            browser.close()
        finally:
            daemon.end()


def take(come: Callable[..., Person], daemon: Standing) -> None:
    """Play a scene, and take pictures of it."""
    ann = come(viewport={"width": 1000, "height": 640}).enter("ann", "#kitchen")
    ben = come(viewport={"width": 360, "height": 640}, color_scheme="dark").enter("ben", "#kitchen")
    ann.say("/topic Lunch at noon", "Hello Ben, lunch at *noon*?")
    ben.say("Yes, but the oven is broken @ann")
    ann.act("oven", "Reply")
    ann.say("Then bring the cake, see https://example.org/cake")
    ben.act("cake", "🎉")
    ben.say("```\nflour 200 g\nsugar 150 g\n```")
    expect(ann.texts).to_have_count(4)
    ann.join("#garden")
    ben.say("No oven today, so I bring bread, @ann")
    expect(ann.window.locator("nav .badge")).to_have_count(1)
    ann.window.get_by_role("button", name="#kitchen").click()
    ann.window.mouse.move(500, 620)
    expect(ann.texts).to_have_count(5)
    ann.window.screenshot(path=IMAGES / "page.png")
    ben.window.screenshot(path=IMAGES / "page-phone.png")
    daemon.kill()
    expect(ann.window.locator(".pill")).to_be_visible()
    ann.say("I am in the tunnel")
    expect(ann.window.locator(".queued")).to_have_count(1)
    ann.window.mouse.move(500, 620)
    ann.window.screenshot(path=IMAGES / "page-offline.png")


if __name__ == "__main__":
    main()
