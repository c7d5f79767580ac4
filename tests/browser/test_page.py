"""The page in a real browser: what people do in it, and what networks do to it."""

import re
import signal
import time

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.people import PATIENCE, Person
from tests.end_to_end.harness.stranger import Stranger


def test_two_people_talk(person):
    ada, ben = person("ada"), person("ben")
    ada.say("Hello *there*, see https://example.org/a_(b).")
    ben.hears("Hello there, see https://example.org/a_(b).")
    expect(ben.texts.locator("strong")).to_have_text("there")
    expect(ben.texts.locator("a")).to_have_attribute("href", "https://example.org/a_(b)")
    ben.say("hi @ada")
    expect(ada.message("hi @ada")).to_have_class(re.compile("calls"))
    ada.act("hi @ada", "👍")
    expect(ben.message("hi @ada").locator(".reactions button")).to_have_text("👍 1")
    ada.act("hi @ada", "Reply")
    ada.say("quite so")
    expect(ben.message("quite so").locator(".quote")).to_contain_text("ben hi @ada")
    ada.act("Hello", "Edit")
    ada.field.fill("Hello here")
    ada.field.press("Enter")
    ben.hears("Hello here", "hi @ada", "quite so")
    ben.act("hi @ada", "Remove")
    ben.answer("Remove")
    expect(ada.window.locator(".message .removed")).to_have_text("removed")
    ada.window.reload()
    ada.hears("Hello here", "quite so")
    expect(ada.window.locator(".message .removed")).to_have_text("removed")


def test_what_is_typed_while_the_daemon_is_dead_goes_out_once_and_in_order(person, daemon):
    ada, ben = person("ada"), person("ben")
    ada.say("before")
    ben.hears("before")
    kept = "async () => Boolean((await navigator.serviceWorker.getRegistration())?.active)"
    ada.window.wait_for_function(kept, timeout=60_000)  # for ever, if it were asked whether it is ready
    daemon.kill()
    expect(ada.window.locator(".pill")).to_be_visible()
    ada.say("one", "two", "three")
    expect(ada.window.locator(".queued")).to_have_count(3)
    ada.window.reload()
    expect(ada.window.locator(".queued")).to_have_count(3)
    daemon.start()
    ben.hears("before", "one", "two", "three")
    ada.hears("before", "one", "two", "three")


def test_a_window_that_was_closed_sends_what_was_typed_when_it_is_opened_again(person, daemon):
    ada, ben = person("ada"), person("ben")
    daemon.kill()
    ada.say("one", "two")
    expect(ada.window.locator(".queued")).to_have_count(2)  # it is kept
    ada.window.close()
    daemon.start()
    ada.open()
    ben.hears("one", "two")


def test_a_server_that_freezes_is_noticed_and_nothing_is_lost(person, daemon):
    ada, ben = person("ada"), person("ben")
    daemon.signal(signal.SIGSTOP)
    ada.say("one")
    expect(ada.window.locator(".pill")).to_contain_text("quiet")
    daemon.signal(signal.SIGCONT)
    expect(ada.window.locator(".pill")).to_have_count(0)
    ben.hears("one")
    ada.hears("one")


def test_two_windows_are_one_session_whichever_is_closed(person, daemon):
    ada, ben = person("ada"), person("ben")
    first = ada.window
    ada.address += "#100%"  # which names no room
    second = ada.open()
    ada.say("from the second window")
    ben.hears("from the second window")
    expect(first.locator(".log .text")).to_have_text(["from the second window"])
    ada.field.fill("as the first one closes")
    ada.field.press("Enter")
    first.close()
    ada.say("still here")
    ben.hears("from the second window", "as the first one closes", "still here")
    second.close()
    assert len(daemon.await_said("client-in", 3)) == 3  # ada, ben, and the window that went on


DEAF = "() => Object.defineProperty(MessageEvent.prototype, 'data', { get: () => ({ kind: 'nothing' }) })"
"""Lets a window hear nothing of what others want of it."""


def test_who_comes_in_as_the_window_that_leads_is_closed_can_try_again(browser, daemon):
    ada = Person(browser, daemon.page)
    first, second = ada.window, ada.open()
    come_in = second.get_by_role("button", name="Come in")
    expect(come_in).to_be_enabled()
    first.evaluate(DEAF)
    second.get_by_label("Name").fill("ada")
    come_in.click()
    expect(come_in).to_be_disabled()
    first.close()
    expect(second.get_by_role("alert")).to_contain_text("look whether it was done")
    ada.enter("ada").say("here")
    ada.hears("here")
    assert not ada.troubles
    ada.close()


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    'javascript:alert(1) [x](javascript:alert(1)) https://x"onmouseover=alert(1)//',
    "`<b>` *<i>x</i>* _<svg onload=alert(1)>_ @<b>",
    "```\n</code></pre><script>alert(1)</script>\n```",
    "\u202egnirts desrever \u2066isolate",
    "&lt;b&gt; &#x3c;script&#x3e;",
]


def test_what_strangers_write_does_nothing_but_show(person):
    ada, ben = person("ada"), person("ben")
    ben.say(*HOSTILE)
    ben.say("/topic <img src=x onerror=alert(1)>")
    expect(ada.window.locator(".head .title p")).to_have_text("<img src=x onerror=alert(1)>")
    expect(ada.texts).to_have_count(len(HOSTILE))
    found = ada.window.evaluate(
        "() => [...document.querySelectorAll('script, img, svg, iframe, object, [onerror], [onload], a')]"
        ".map((one) => one.tagName + ' ' + (one.getAttribute('href') ?? one.getAttribute('src')))"
    )
    assert [one for one in found if not one.startswith(("SCRIPT main.js", "A https://x"))] == []


def test_history_is_loaded_as_one_scrolls_up(person, daemon):
    with Stranger(daemon.port) as ben:
        ben.enter_room("ben", "#tea")
        for number in range(150):
            ben.post("#tea", f"text {number}")
    ada = person("ada")
    expect(ada.texts.last).to_have_text("text 149")
    assert ada.texts.count() < 100
    stop = time.monotonic() + PATIENCE / 1000
    while ada.texts.count() < 150 and time.monotonic() < stop:
        ada.window.locator(".log").evaluate("(log) => { log.scrollTop = 0; }")
        ada.window.wait_for_timeout(50)
    assert ada.texts.all_inner_texts() == [f"text {number}" for number in range(150)]


def test_a_hit_of_a_search_is_shown_in_its_place_and_what_is_new_behind_it(person, daemon):
    with Stranger(daemon.port) as ben:
        ben.enter_room("ben", "#tea")
        for number in range(150):
            ben.post("#tea", "the needle" if number == 5 else f"text {number}")
        ada = person("ada")
        expect(ada.texts.last).to_have_text("text 149")
        find = ada.window.get_by_label("Search in all rooms")
        hit = ada.window.locator("aside li button")
        while not hit.count():  # the index is a moment behind
            find.fill("needle")
            find.press("Enter")
            ada.window.wait_for_timeout(200)
        expect(hit).to_contain_text("ben the needle")
        hit.first.click()
        expect(ada.message("the needle")).to_be_in_viewport()
        ben.post("#tea", "one more")
        ada.window.get_by_role("button", name="Newest messages").click()
        expect(ada.texts.last).to_have_text("one more")


def test_the_line_above_what_is_new_stands_below_what_was_seen_just_before_another_room(person, daemon):
    with Stranger(daemon.port) as ben:
        ben.enter_room("ben", "#tea")
        ada = person("ada")
        expect(ada.window.get_by_label("Messages in #tea")).to_be_visible()
        ben.post("#tea", "seen")
        expect(ada.texts.last).to_have_text("seen")
        ada.say("said by herself")
        expect(ada.texts.last).to_have_text("said by herself")
        ada.join("#cake")
        ben.post("#tea", "new")
        expect(ada.window.locator("nav .badge").first).to_be_visible()
        ada.window.get_by_role("button", name="#tea").click()
        expect(ada.texts.last).to_have_text("new")
        expect(ada.window.locator("[role=log] > .new + .message .text")).to_have_text(["new"])


def test_it_fits_a_small_phone(person):
    ada = person("ada", viewport={"width": 320, "height": 568})
    ada.say("w" * 400, "```\n" + "x" * 300 + "\n```")
    expect(ada.texts).to_have_count(2)
    wide = ada.window.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= 320


def test_it_has_no_barriers(person):
    """Of what axe finds: contrast, roles, labels, order, and what else can be seen by a program."""
    ada = person("ada", bypass_csp=True)
    ada.say("Hello *there* `code` https://example.org", "```\nblock\n```")
    ada.act("Hello", "👍")
    ada.act("Hello", "Reply")
    ada.say("to me: @ada")
    ada.window.get_by_role("button", name="Members").click()
    expect(ada.window.locator("aside li")).to_have_count(1)
    ada.message("Hello").hover()
    ada.message("Hello").get_by_label("more").click()
    for scheme in ("light", "dark"):
        ada.window.emulate_media(color_scheme=scheme)
        found = Axe().run(ada.window).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
