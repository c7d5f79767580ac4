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
        ben.post("#tea", f"text {EVENTS}")
        down = ada.window.evaluate(LOOK, False)
        assert down["seen"] == EVENTS + 1, down
        assert max(up["most"], down["most"]) < 2500, (up, down)
        ada.window.locator(".log").evaluate("(log) => { log.scrollTop = 0; }")
        ada.window.get_by_role("button", name="Newest messages").click()
        expect(ada.texts.last).to_be_in_viewport()
