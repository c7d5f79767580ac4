"""Files in the page, in a real browser, whatever networks, daemons and strangers do."""

import base64
import os
import re
import struct
import zlib

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.end_to_end.harness.fixtures import start_chatc
from tests.end_to_end.harness.forwarder import Forwarder
from tests.end_to_end.harness.processes import PATIENCE
from tests.end_to_end.harness.stranger import Stranger, about, digest

__all__ = ["start_chatc"]

MIB = 1 << 20
CRAWL, WALK = 6e4, 8e5
"""Bytes in a second: no file comes to its end while something is done to it; it goes on."""

LONG = 60_000
"""Milliseconds within which a file comes, however busy the machine is."""


@pytest.fixture
def line(daemon):
    """Return a way to the page that can be slow, and can be cut."""
    with Forwarder(daemon.web) as line:
        yield line


def png(width, height):
    """Return a picture in one colour, of which very much is a few bytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    lines = zlib.compress((b"\0" + b"\x30\x60\xa0" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


def choose(person, path):
    with person.window.expect_file_chooser() as chooser:
        person.window.get_by_label("Send files", exact=True).click()
    chooser.value.set_files(path)


def far(person, line, least):
    """Let one file go on until so many of its bytes are safe, and crawl from then on."""
    line.rate = WALK
    person.window.wait_for_function(
        "(least) => [...document.querySelectorAll('progress')].some((one) => one.value >= least)",
        arg=least,
        timeout=LONG,
    )
    line.rate = CRAWL


def posted(daemon, room="#tea"):
    """Return the files that were posted, and what was said, in their order."""
    with Stranger(daemon.port) as judge:
        judge.enter("judge")
        events = judge.ask("history", room=room, limit=200)["events"]
    return [
        one["file"]["name"] if one["kind"] == "file" else one["text"]
        for one in events
        if one["kind"] != "join"
    ]


def fetched(daemon, start_chatc, sha256, folder):
    """Return the bytes that chatc gets."""
    came = folder / "came"
    chatc = start_chatc(daemon, "zoe", "get", "#tea", sha256, "-o", str(came))
    assert chatc.wait(PATIENCE) == 0, chatc.complaints
    return came.read_bytes()


def test_a_file_goes_on_where_the_server_has_it_whatever_ends(person, daemon, line, start_chatc, tmp_path):
    """The daemon, the window that has the connection, the page, the line; texts do not wait for it.

    It is posted once, and what it was.
    """
    large, small = tmp_path / "large.bin", tmp_path / "small.txt"
    large.write_bytes(os.urandom(6 * MIB))
    small.write_text("small")
    ada = person("ada", port=line.port)
    first = ada.window
    ada.open()
    line.rate = CRAWL
    choose(ada, [large, small])
    far(ada, line, MIB // 4)
    ada.say("before it is there")
    daemon.kill()
    ada.say("while nobody is there")
    daemon.start()
    far(ada, line, MIB // 2)
    first.close()
    far(ada, line, MIB)
    ada.window.reload()
    expect(ada.window.locator(".queued progress")).to_have_count(2)
    far(ada, line, 3 * MIB // 2)
    line.rate = None
    line.cut()
    names = [re.compile("large.bin"), re.compile("small.txt")]
    expect(ada.window.locator(".file")).to_have_text(names, timeout=LONG)
    expect(ada.window.locator("progress")).to_have_count(0)
    assert posted(daemon) == ["before it is there", "while nobody is there", "large.bin", "small.txt"]
    assert line.up <= 11 * MIB
    data = large.read_bytes()
    assert fetched(daemon, start_chatc, digest(data), tmp_path) == data


def test_what_is_chosen_without_a_connection_and_left_in_a_closed_window_arrives(person, daemon, tmp_path):
    ada = person("ada")
    daemon.kill()
    path = tmp_path / "notes.txt"
    path.write_bytes(b"some notes")
    choose(ada, path)
    expect(ada.window.locator(".queued")).to_contain_text("waiting to be sent")
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(100_000_001)
    choose(ada, large)
    expect(ada.window.locator(".note")).to_contain_text("large.bin has more than 100 MB")
    for where in ("nav", ".log"):
        more = [where, base64.b64encode(b"more").decode(), "notes.txt", "text/plain"]
        assert not ada.window.evaluate(HAND, ["drop", *more])
    expect(ada.window.locator(".queued")).to_have_count(2)
    ada.window.get_by_label("Do not send notes.txt").last.click()
    expect(ada.window.locator(".queued")).to_have_count(1)
    ada.window.close()
    daemon.start()
    ada.open()
    expect(ada.window.locator(".file")).to_have_count(1, timeout=LONG)
    assert posted(daemon) == ["notes.txt"]


HAND = """([how, where, base64, name, type]) => {
  const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0)), data = new DataTransfer();
  data.items.add(new File([bytes], name, { type }));
  const told = { bubbles: true, cancelable: true, clipboardData: data, dataTransfer: data };
  const event = how === "paste" ? new ClipboardEvent(how, told) : new DragEvent(how, told);
  return document.querySelector(where).dispatchEvent(event);
}"""
"""Pastes or drops a file; tells whether the browser would do with it what it does by itself."""


def paste(person, data, name, media):
    to = [".composer textarea", base64.b64encode(data).decode(), name, media]
    person.window.evaluate(HAND, ["paste", *to])


def test_a_pasted_picture_is_shown_small_and_everybody_can_save_it(person, tmp_path):
    ada, ben = person("ada", viewport={"width": 320, "height": 568}), person("ben")
    data = png(3000, 2000)
    ben.say("Where is it?")
    ada.act("Where is it?", "Reply")
    paste(ada, data, "a cat.png", "image/png")
    for one in (ada, ben):
        picture = one.window.get_by_role("img", name="a cat.png")
        expect(picture).to_be_visible()
        assert picture.evaluate(
            "(img) => [img.naturalWidth, img.naturalHeight, new URL(img.src).protocol]"
        ) == [
            960,
            640,
            "blob:",
        ]
    assert ada.window.evaluate("() => document.documentElement.scrollWidth") <= 320
    expect(ben.message("a cat.png").locator(".quote")).to_contain_text("ben Where is it?")
    ben.act("a cat.png", "Reply")
    ben.say("Fine!")
    expect(ada.message("Fine!").locator(".quote")).to_contain_text("ada 📎 a cat.png")
    save = ben.window.get_by_label("Save a cat.png")
    save.focus()
    with ben.window.expect_download() as saved:
        ben.window.keyboard.press("Enter")
    assert saved.value.suggested_filename == "a cat.png"
    saved.value.save_as(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == data
    assert saved.value.url.startswith("blob:")
    assert ben.window.evaluate(KEPT) == [digest(data)]
    ada.act("a cat.png", "Remove")
    ada.answer("Remove")
    expect(ben.window.locator(".message .removed")).to_have_text("removed")
    assert ben.window.evaluate(KEPT) == []


KEPT = """() => new Promise((resolve) => {
  const asked = indexedDB.open("chatd");
  asked.onsuccess = () => {
    const keys = asked.result.transaction("contents").objectStore("contents").getAllKeys();
    keys.onsuccess = () => (asked.result.close(), resolve(keys.result));
  };
})"""
"""The files that the browser keeps."""

SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script></svg>"
HTML = b"<html><body onload='alert(1)'><script>alert(1)</script></body></html>"
HUGE = png(1, 1)[:16] + struct.pack(">II", 60_000, 60_000) + png(1, 1)[24:]

HOSTILE = [
    ("<img src=x onerror=alert(1)>.svg", SVG, "image/svg+xml"),
    ('"><script>alert(1)<:script>.html', HTML, "text/html"),
    ("page.png", HTML, "image/png"),
    ("drawing.gif", SVG, "image/gif"),
    ("huge.png", HUGE, "image/png"),
    ("cut.jpg", b"\xff\xd8\xff\xe0", "image/jpeg"),
    ("$(reboot) .exe", b"MZ", "application/x-msdownload"),
]


def test_files_of_strangers_do_nothing_but_show_their_names(person, daemon):
    ada = person("ada")
    with Stranger(daemon.port) as ben:
        ben.enter_room("ben", "#tea")
        for name, data, media in HOSTILE:
            ben.upload(data)
            ben.post("#tea", file={**about(data, name), "media": media})
        good = png(20, 10)
        ben.upload(good)
        ben.post("#tea", file={**about(good, "good.png"), "media": "image/png"})
        expect(ada.window.get_by_role("img", name="good.png")).to_be_visible()
        names = [re.compile(re.escape(name)) for name, *_ in HOSTILE] + ["📎 good.png"]
        expect(ada.window.locator(".log .file p")).to_have_text([*names[:-1], re.compile("good.png")])
        expect(ada.window.locator(".picture")).to_have_count(0)
        found = ada.window.evaluate(
            "() => [...document.querySelectorAll('.log :is(script, img, svg, iframe, object, [onload], a)')]"
            ".map((one) => one.alt)"
        )
        assert found == ["good.png"]
        with ada.window.expect_download() as saved:
            ada.window.get_by_label("Save").nth(1).click()
        assert saved.value.url.startswith("blob:")
        assert len(ada.context.pages) == 1


def test_a_file_comes_over_cuts_and_it_has_no_barriers(person, daemon, line, start_chatc, tmp_path):
    path = tmp_path / "given.bin"
    path.write_bytes(os.urandom(4 * MIB))
    given = start_chatc(daemon, "eva", "put", "#tea", str(path))
    assert given.wait(PATIENCE) == 0, given.complaints
    ada = person("ada", port=line.port, bypass_csp=True)
    line.rate = CRAWL
    with ada.window.expect_download(timeout=LONG) as saved:
        ada.window.get_by_label("Save given.bin").click()
        far(ada, line, MIB // 4)
        ada.say("meanwhile")
        choose(ada, path)
        line.cut()
        found = Axe().run(ada.window).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
        line.rate = None
    saved.value.save_as(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == path.read_bytes()
    assert line.down <= 7 * MIB
    expect(ada.window.locator(".file")).to_have_count(2)
