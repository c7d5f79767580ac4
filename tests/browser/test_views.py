"""What the page offers beside the talk, in a real browser."""

import os

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
        ["Members", "Threads", "Topic…", "Invite somebody…", "Leave…"]
    )
    ben.window.keyboard.press("Escape")
    expect(ben.dialog).to_have_count(0)
    expect(ben.window.get_by_role("button", name="More of #tea")).to_be_focused()

    ada.act("rude words", "Remove")
    ada.answer("Remove", reason="rude")
    ben.hears("kind words", "mine")
    ada.act("kind words", "Pin")
    expect(ben.message("kind words").get_by_title("pinned")).to_be_visible()
    ada.press("Members", "ben", "Mute…")
    ada.answer("Mute", seconds="600", reason="enough")
    expect(ben.window.locator(".event").last).to_contain_text("ada muted ben (enough)")
    ben.say("may I?")
    expect(ben.window.locator(".failed")).to_contain_text("muted")
    ada.press("More of #tea", "Bans, mutes, invitations…")
    expect(ada.dialog.locator("li")).to_contain_text("ben muted by ada (enough)")
    ada.press("take back")
    expect(ada.dialog).to_contain_text("Nobody is banned")
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
    expect(ben.dialog.locator("li")).to_have_text(["Members", "Threads", "Invite somebody…", "Leave…"])
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
