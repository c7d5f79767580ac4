"""Takes the pictures of the page that docs/USERGUIDE.md shows: ``PYTHONPATH=. python tools/screenshots.py``.

It needs chromium and playwright. A daemon of its own is started and ended.
"""

import struct
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import expect, sync_playwright

from tests.browser.near import CHROMIUM, MISSING, NearDaemon
from tests.browser.people import Person

IMAGES = Path(__file__).parents[1] / "docs" / "images"


def main() -> None:
    """Take them."""
    if CHROMIUM is None:
        sys.exit(MISSING)
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as player:
        daemon = NearDaemon(Path(folder))
        daemon.start()
        try:
            browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

            def come(**how: Any) -> Person:
                return Person(browser, daemon.page, **how)

            take(come, daemon)
            daemon.start()
            take_files(come, daemon, Path(folder))
            browser.close()
        finally:
            daemon.end()


def take(come: Callable[..., Person], daemon: NearDaemon) -> None:
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
    ann.act("oven", "Thread")
    thread = ann.window.get_by_role("complementary", name="Thread")
    expect(thread.locator(".text")).to_have_count(2)
    field = thread.get_by_label("Reply in the thread")
    field.fill("And who brings plates?")
    field.press("Enter")
    expect(thread.locator(".text")).to_have_count(3)
    ann.window.mouse.move(500, 620)
    ann.window.screenshot(path=IMAGES / "page-thread.png")
    ben.say("/away lunch for 1h")
    ann.press("More of #kitchen", "Members")
    expect(ann.window.locator("aside .standing")).to_have_text("away: lunch")
    ann.window.get_by_role("complementary", name="Members").get_by_role("button", name="ben").click()
    expect(ann.dialog).to_be_visible()
    ann.press("Close")
    ann.window.get_by_role("complementary", name="Members").get_by_role("button", name="Close").click()
    ben.window.get_by_role("button", name="Rooms").click()
    ben.press("Settings")
    expect(ben.dialog.locator("li", has_text="this browser")).to_be_visible()
    ben.window.screenshot(path=IMAGES / "page-settings.png")
    daemon.kill()
    expect(ann.window.locator(".pill")).to_be_visible()
    ann.say("I am in the tunnel")
    expect(ann.window.locator(".queued")).to_have_count(1)
    ann.window.mouse.move(500, 620)
    ann.window.screenshot(path=IMAGES / "page-offline.png")


def take_files(come: Callable[..., Person], daemon: NearDaemon, folder: Path) -> None:
    """Play a scene with files, the last of which goes on when there is a connection again."""
    sunset, plan, photos = (folder / name for name in ("sunset.png", "plan.pdf", "holiday photos.zip"))
    sunset.write_bytes(picture(640, 360))
    plan.write_bytes(bytes(84_000))
    eva = come(viewport={"width": 760, "height": 640}).enter("eva", "#garden")
    field = eva.window.get_by_label("Files to send", exact=True)
    eva.say("Last evening:")
    field.set_input_files([sunset, plan])
    expect(eva.window.locator(".file")).to_have_count(2)
    expect(eva.window.get_by_role("img", name="sunset.png")).to_be_visible()
    daemon.kill()
    expect(eva.window.locator(".pill")).to_be_visible()
    photos.write_bytes(bytes(6_000_000))
    field.set_input_files(photos)
    expect(eva.window.locator(".queued")).to_have_count(1)
    eva.window.mouse.move(500, 620)
    eva.window.screenshot(path=IMAGES / "page-files.png")


def picture(width: int, height: int) -> bytes:
    """Return a sunset, as PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = []
    for y in range(height):
        sky = y / height
        line = bytearray(b"\0")
        for x in range(width):
            sun = (x - width * 0.7) ** 2 + (y - height * 0.6) ** 2 < (height / 9) ** 2
            line += bytes(
                (255, 210, 120) if sun else (int(40 + 200 * sky), int(60 + 70 * sky), int(140 - 60 * sky))
            )
        lines.append(bytes(line))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"".join(lines))) + chunk(b"IEND", b"")


if __name__ == "__main__":
    main()
