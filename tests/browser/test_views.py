"""What the page offers beside the talk, in a real browser."""

import json
import os

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.people import talk
from tests.end_to_end.harness.stranger import Stranger

EVENTS = int(os.environ.get("CHATD_EVENTS", "900"))
"""Messages of a long room."""

LOOK = """async (upwards) => {
  const log = document.querySelector(".log"), seen = new Set(), until = Date.now() + 120000;
  const number = (text) => Number(text.textContent.split(" ")[1]);
  const numbers = () => [...log.querySelectorAll(".text")].map(number);
  let most = 0, last = "";
  for (let same = 0; same < 40 && Date.now() < until; ) {
    const now = numbers();
    if (!now.every((one, at) => at === 0 || one === now[at - 1] + 1)) return `not in order: ${now}`;
    for (const one of now) seen.add(one);
    most = Math.max(most, document.querySelectorAll("*").length);
    log.scrollTop = upwards ? 0 : log.scrollHeight;
    await new Promise((resolve) => setTimeout(resolve, 10));
    const is = `${now[0]} ${now.at(-1)}`;
    same = is === last ? same + 1 : 0;
    last = is;
  }
  return { seen: seen.size, most, last };
}"""
"""Looks through a log as far as it goes; returns how many messages were seen, and the most elements."""


def test_a_long_room_is_looked_through_in_both_directions_and_little_is_held(person, daemon):
    with Stranger(daemon.port) as ben:
        ben.enter_room("ben", "#tea")
        talk(ben, "#tea", [f"text {number}" for number in range(EVENTS)])
    ada = person("ada")
    expect(ada.texts.last).to_have_text(f"text {EVENTS - 1}")
    up = ada.window.evaluate(LOOK, True)
    assert up["seen"] == EVENTS, up
    with Stranger(daemon.port) as eve:
        eve.enter_room("eve", "#tea")
        eve.post("#tea", f"text {EVENTS}")
    down = ada.window.evaluate(LOOK, False)
    assert down["seen"] == EVENTS + 1, down
    assert max(up["most"], down["most"]) < 2500, (up, down)
    ada.window.locator(".log").evaluate("(log) => { log.scrollTop = 0; }")
    ada.window.get_by_role("button", name="Newest messages").click()
    expect(ada.texts.last).to_be_in_viewport()


def test_order_is_kept_by_who_may_and_nothing_else_is_offered(person):
    ada, ben = person("ada"), person("ben")
    ben.say("rude words", "kind words")
    ada.hears("rude words", "kind words")
    ada.say("mine")
    ben.message("mine").get_by_label("more").click()
    expect(ben.message("mine").locator(".menu button").last).to_have_text("Thread")
    ben.window.keyboard.press("Escape")
    expect(ben.window.locator(".actions .menu")).to_have_count(0)
    ben.press("More of #tea")
    expect(ben.dialog.locator("li")).to_have_text(
        ["Members", "Threads", "Pinned messages", "Topic…", "Invite somebody…", "Leave…"]
    )
    ben.window.keyboard.press("Escape")
    expect(ben.dialog).to_have_count(0)
    expect(ben.window.get_by_role("button", name="More of #tea")).to_be_focused()

    ada.act("rude words", "Remove")
    ada.answer("Remove", reason="rude")
    ben.hears("kind words", "mine")
    ada.act("kind words", "Pin")
    ben.press("More of #tea", "Pinned messages")
    expect(ben.window.locator("aside li")).to_contain_text("ben kind words")
    ada.press("Members", "ben", "Mute…")
    ada.answer("Mute", seconds="600", reason="enough")
    expect(ben.window.locator(".event").last).to_contain_text("ada muted ben (enough)")
    ben.say("may I?")
    expect(ben.window.locator(".failed")).to_contain_text("muted")
    ada.press("More of #tea", "Bans, mutes, invitations…")
    expect(ada.dialog.locator("li", has_text="ben muted by ada (enough)")).to_be_visible()
    ada.press("take back")
    ada.press("Close", "More of #tea", "Invite somebody…")
    ada.answer("Invite", whom="no such nick")
    expect(ada.dialog.get_by_role("alert")).not_to_be_empty()
    ada.press("Cancel", "More of #tea", "Topic…")
    ada.answer("Set", text="<b>tea</b> & cake")
    expect(ben.window.locator(".head .title p")).to_have_text("<b>tea</b> & cake")
    ada.press("More of #tea", "Rules…")
    ada.answer("Set", kind="read-only", slow="5")
    expect(ben.window.locator(".event").last).to_contain_text("slow 5")
    ben.press("More of #tea")
    expect(ben.dialog.locator("li")).to_have_text(
        ["Members", "Threads", "Pinned messages", "Invite somebody…", "Leave…"]
    )
    ben.press("Close")
    ada.press("ben", "Make a moderator")
    expect(ada.window.locator("aside li", has_text="ben")).to_contain_text("moderator")
    ada.press("ben", "Hand the room over…")
    ada.answer("Hand over")
    expect(ada.window.locator("aside li", has_text="ben")).to_contain_text("owner")
    ada.press("ben")
    expect(ada.dialog.locator("li").first).to_have_text("Write to them")
    expect(ada.dialog.get_by_text("Ban…")).to_have_count(0)
    ben.press("Members", "ada", "Remove from the room…")
    ben.answer("Remove", reason="bye")
    expect(ada.window.locator("nav .room")).to_have_count(0)


def test_others_see_who_is_away_and_who_types(person):
    ada, ben = person("ada"), person("ben")
    ada.press("Members")
    expect(ada.window.locator("aside li")).to_have_count(2)
    ben.say("/away lunch for 1h")
    expect(ada.window.locator("aside li", has_text="ben")).to_contain_text("away: lunch")
    expect(ben.window.locator("nav header")).to_contain_text("away: lunch")
    ben.window.reload()
    expect(ben.window.locator("nav header")).to_contain_text("away: lunch")
    ben.press("ben: status")
    ben.answer("Say so", state="busy", text="", seconds="1800")
    expect(ada.window.locator("aside li", has_text="ben")).to_contain_text("busy")
    ben.say("/back")
    expect(ada.window.locator("aside .standing")).to_have_count(0)
    ben.field.press_sequentially("he")
    expect(ada.window.locator(".typing")).to_have_text("ben types…")


def test_a_thread_is_read_and_answered_beside_the_room_and_followed(person):
    ada, ben = person("ada"), person("ben")
    ada.say("one cup?", "and sugar?")
    ben.act("one cup?", "Thread")
    beside = ben.window.get_by_role("complementary", name="Thread")
    expect(beside.locator(".text")).to_have_text(["one cup?"])
    field = beside.get_by_label("Reply in the thread")
    field.fill("two")
    field.press("Enter")
    expect(beside.locator(".text")).to_have_text(["one cup?", "two"])
    expect(beside.get_by_role("button", name="Following")).to_be_visible()
    expect(ada.message("one cup?").get_by_role("button", name="1 reply")).to_be_visible()
    expect(ada.message("two").locator(".quote")).to_contain_text("ada one cup?")
    ada.join("#garden")
    field.fill("or three")
    field.press("Enter")
    expect(beside.locator(".text")).to_have_text(["one cup?", "two", "or three"])
    ben.say("not of the thread")
    expect(ada.window.get_by_label("1 in threads that you follow")).to_be_visible()
    ada.window.get_by_role("button", name="#tea").click()
    expect(ada.window.locator("nav .badge")).to_have_count(0)
    ada.press("Threads")
    threads = ada.window.get_by_role("complementary", name="Threads")
    expect(threads.locator("li")).to_have_text(["ada one cup? 2 replies"])
    threads.locator("li button").click()
    beside = ada.window.get_by_role("complementary", name="Thread")
    expect(beside.locator(".text")).to_have_text(["one cup?", "two", "or three"])
    ada.act("one cup?", "Edit")
    ada.field.fill("a cup?")
    ada.field.press("Enter")
    expect(beside.locator(".text").first).to_have_text("a cup? edited")
    beside.get_by_role("button", name="Following").click()
    expect(beside.get_by_role("button", name="Follow", exact=True)).to_be_visible()
    beside.get_by_label("Reply in the thread").press("Escape")
    expect(beside).to_have_count(0)


SHOWN = """async () => {
  const registration = await navigator.serviceWorker.ready;
  return (await registration.getNotifications()).map(({ title, body, tag }) => [title, body, tag]);
}"""


def hide(window, hidden):
    """Let a window believe that nobody looks at it, or that somebody does again."""
    window.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def await_shown(window, *wanted):
    """Wait until these notifications are there, each with its title and body."""
    window.wait_for_function(
        f"async (wanted) => JSON.stringify((await ({SHOWN})()).map((one) => one.slice(0, 2))) === wanted",
        arg=json.dumps([list(one) for one in wanted], separators=(",", ":")),
    )


def test_what_one_does_not_look_at_is_told_once_if_it_is_wanted(person):
    ada, ben = person("ada"), person("ben")
    ada.context.grant_permissions(["notifications"], origin=ada.address)
    first = ada.window
    second = ada.open()
    expect(ada.heading).to_have_text("#tea")
    first.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    ben.say("@ada while you look")
    ada.hears("@ada while you look")
    hide(first, True)
    hide(second, True)
    ben.say("not for you", "@ada <b>look</b> here")
    await_shown(first, ["ben in #tea", "@ada <b>look</b> here"])
    expect(first).to_have_title("(1!) #tea")
    ben.join("@ada")
    ben.say("psst")
    await_shown(first, ["ben in #tea", "@ada <b>look</b> here"], ["ben", "psst"])
    hide(second, False)
    await_shown(first, ["ben", "psst"])
    second.get_by_role("button", name="Settings").click()
    second.get_by_role("dialog").get_by_label("direct messages").uncheck()
    ben.say("psst again")
    expect(second.get_by_label("2 for you")).to_be_visible()
    await_shown(first, ["ben", "psst"])


def test_settings_are_kept_and_the_same_in_all_windows(person):
    ada = person("ada")
    first = ada.window
    second = ada.open()
    expect(ada.heading).to_have_text("#tea")
    ada.press("Settings")
    for label, choice in (("Colours", "dark"), ("Size of text", "large"), ("Send with", "Ctrl and Enter")):
        ada.dialog.get_by_label(label).select_option(label=choice)
    expect(first.locator("html")).to_have_attribute("data-theme", "dark")
    assert first.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(21, 23, 28)"
    ada.press("Close")
    expect(ada.dialog).to_have_count(0)
    ada.field.fill("two")
    ada.field.press("Enter")
    ada.field.press_sequentially("lines")
    ada.field.press("Control+Enter")
    ada.hears("two\nlines")
    second.reload()
    expect(second.locator("html")).to_have_attribute("data-size", "large")

    ada.press("Settings")
    expect(ada.dialog.locator("li", has_text="this browser")).to_have_count(1)
    ada.press("Keep this name as an account…")
    ada.answer("Make the account", password="correct horse")
    expect(ada.dialog).to_have_count(0)
    ada.field.fill("an account now")
    ada.field.press("Control+Enter")
    ada.hears("two\nlines", "an account now")
    ada.press("Settings", "Change the password…")
    ada.answer("Change", old="wrong horse", password="battery staple", same="battery staple")
    expect(ada.dialog.get_by_role("alert")).to_contain_text("password")
    ada.answer("Change", old="correct horse")
    expect(ada.dialog).to_have_count(0)
    ada.press("Settings", "Invite somebody to register…")
    ada.answer("Make an invitation", uses="2")
    expect(ada.dialog.get_by_role("alert")).to_contain_text("does not take invitations from its users")
    ada.press("Cancel", "Settings", "Sign out everywhere…")
    ada.answer("Sign out everywhere")
    expect(first.get_by_role("button", name="Come in")).to_be_visible()
    expect(second.get_by_role("button", name="Come in")).to_be_visible()


def test_whoever_comes_in_next_sees_nothing_of_who_was_there_before(person, daemon):
    ada = person("ada")
    find = ada.window.get_by_label("Search in all rooms")
    find.fill("secret")
    find.press("Enter")
    expect(ada.window.locator("aside h2")).to_have_text("secret")
    ada.press("Log out")
    ada.answer("Log out")
    ada.enter("bea", "#cake")
    expect(ada.window.locator("aside")).to_have_count(0)
    ada.press("Settings", "Keep this name as an account…")
    ada.answer("Make the account", password="correct horse")
    expect(ada.dialog).to_have_count(0)
    with Stranger(daemon.port) as elsewhere:
        elsewhere.enter("bea", password="correct horse")
        elsewhere.ask("logout", everywhere=True)
        expect(ada.window.get_by_role("alert")).to_be_visible()
    ada.enter("eva", "#tea")
    expect(ada.window.locator("nav .room")).to_have_text(["#tea"])


def look(window, name):
    """Look for what axe finds, light and here and there dark, and for what does not fit a phone."""
    dark = [("dark", {"runOnly": ["color-contrast"]})] if name in {"Members", "Settings", "thread"} else []
    for scheme, options in [("light", {}), *dark]:
        window.emulate_media(color_scheme=scheme)
        found = Axe().run(window, options=options).response["violations"]
        assert [(name, one["id"], one["nodes"][0]["html"]) for one in found] == []
    window.set_viewport_size({"width": 320, "height": 568})
    wide = window.evaluate(
        "() => [document, ...document.querySelectorAll('dialog, aside, main')]"
        ".map((one) => one.documentElement ?? one).filter((one) => one.scrollWidth > 320).length"
    )
    assert wide == 0, name
    window.set_viewport_size({"width": 1280, "height": 720})


def test_every_view_has_no_barriers_and_fits_a_phone(person):
    ada, ben = person("ada", bypass_csp=True), person("ben", room="#tea")
    ada.say("a question", "/topic \u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd")
    ben.say("\u0645\u0631\u062d\u0628\u0627 @ada")
    ben.act("a question", "Thread")
    ben.say("/away lunch")
    window = ada.window
    expect(ada.texts).to_have_count(2)

    for opening in ("Members", "Threads"):
        ada.press(opening)
        expect(window.locator("aside li, aside p").first).to_be_visible()
        look(window, opening)
    for opening in ("More of #tea", "Settings"):
        ada.press(opening)
        expect(ada.dialog).to_be_visible()
        look(window, opening)
        window.keyboard.press("Escape")
        expect(ada.dialog).to_have_count(0)
    ada.press("More of #tea", "Rules…")
    expect(ada.dialog.get_by_label("Kind")).to_be_visible()
    look(window, "rules")
    ada.press("Cancel", "Members", "ben")
    expect(ada.dialog.get_by_text("Mute…")).to_be_visible()
    look(window, "member")
    ada.press("Mute…")
    ada.answer("Mute", seconds="600", reason="enough")
    expect(ada.dialog).to_have_count(0)
    ada.press("More of #tea", "Bans, mutes, invitations…")
    expect(ada.dialog.locator("li", has_text="ben muted by ada")).to_be_visible()
    look(window, "acts")
    ada.press("Close")
    ada.act("a question", "Pin")
    ada.press("More of #tea", "Pinned messages")
    expect(window.get_by_role("complementary", name="Pinned").locator("li")).to_contain_text("ada a question")
    look(window, "pins")
    ada.act("a question", "Thread")
    expect(window.locator("aside .text")).to_have_count(1)
    look(window, "thread")
    right = window.locator(".text", has_text="\u0645").first.evaluate(
        "(one) => getComputedStyle(one).direction"
    )
    assert right == "rtl"


def test_keys_alone_reach_everything(person):
    ada = person("ada", bypass_csp=True)
    ada.say("a question", "an answer")
    ada.act("a question", "Thread")
    window = ada.window
    expect(window.locator("aside .text")).to_have_count(1)
    window.locator("main .log").focus()
    window.keyboard.press("ArrowUp")
    window.keyboard.press("ArrowUp")
    expect(ada.message("a question")).to_be_focused()
    window.keyboard.press("Enter")
    expect(window.locator(".actions .menu button").first).to_be_focused()
    window.keyboard.press("ArrowDown")
    window.keyboard.press("Enter")
    expect(ada.message("a question").locator(".reactions button")).to_have_text("❤️ 1")
    window.locator("main .log").focus()
    window.keyboard.press("?")
    expect(ada.dialog.get_by_role("heading", name="Keys")).to_be_visible()
    look(window, "keys")
    window.keyboard.press("Escape")
    expect(ada.dialog).to_have_count(0)
    window.keyboard.press("Escape")
    expect(window.locator("aside")).to_have_count(0)
    expect(ada.field).to_be_focused()
    window.keyboard.press("Control+k")
    window.keyboard.type("#garden")
    window.keyboard.press("Enter")
    expect(ada.heading).to_have_text("#garden")
    window.keyboard.press("Alt+ArrowDown")
    expect(ada.heading).to_have_text("#tea")
