"""People at the page, in a real browser."""

import re

from playwright.sync_api import expect

from tests.browser.watching import WATCH

PATIENCE = 15_000
"""Milliseconds in which what is expected comes."""

expect.set_options(timeout=PATIENCE)


class Person:
    """Somebody at a window of their own browser; what it complains about is kept in ``troubles``."""

    def __init__(self, browser, address, **how):
        """Begin in a context of their own, made as ``how`` says, or in ``context``."""
        self.context = how.pop("context", None) or browser.new_context(**how)
        self.context.add_init_script(WATCH)
        self.address = address
        self.troubles = []
        self.window = self.open()

    def open(self):
        """Open another window of the same browser, and use it from now on."""
        self.window = self.context.new_page()
        self.window.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.window.on("console", self._told)
        self.window.on("dialog", self._asked)
        self.window.goto(self.address)
        return self.window

    def _told(self, message):
        offline = "WebSocket connection" in message.text or "net::ERR" in message.text
        if message.type == "error" and not offline:
            self.troubles.append(message.text)

    def _asked(self, dialog):
        self.troubles.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def enter(self, nick, room="#tea"):
        self.window.get_by_label("Name").fill(nick)
        self.window.get_by_role("button", name="Come in").click()
        self.join(room)
        return self

    def join(self, room):
        field = self.window.get_by_label("Enter a room, or talk with somebody")
        field.fill(room)
        field.press("Enter")
        expect(self.heading).to_have_text(room)

    @property
    def heading(self):
        return self.window.locator("main .head h1")

    @property
    def field(self):
        return self.window.locator("main .composer textarea")

    def say(self, *texts):
        for text in texts:
            self.field.fill(text)
            self.field.press("Enter")
            expect(self.field).to_have_value("")

    @property
    def texts(self):
        """Return the texts of the messages that are shown."""
        return self.window.locator("main .log .text")

    def hears(self, *texts):
        """Wait until these are the texts that are shown, in this order."""
        expect(self.texts).to_have_text([re.compile(re.escape(text)) for text in texts])

    def message(self, text):
        return self.window.locator(".message", has_text=text).first

    def act(self, text, what):
        """Do something with the message that says ``text``."""
        message = self.message(text)
        message.hover()
        message.get_by_label("more").click()
        message.locator(".menu").get_by_text(what, exact=True).click()
        if what in {"Edit", "Reply"}:
            expect(self.window.locator(".about")).to_be_visible()

    @property
    def dialog(self):
        return self.window.get_by_role("dialog")

    def answer(self, yes, **values):
        """Fill in a dialog by the names of its fields, and say ``yes``."""
        for name, value in values.items():
            field = self.dialog.locator(f"[name={name}]")
            if field.evaluate("(one) => one.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)
        self.dialog.get_by_role("button", name=yes, exact=True).click()

    def press(self, *names):
        """Press buttons, one after the other, in the dialog that is open or else on the page."""
        for name in names:
            self.window.get_by_role("button", name=name, exact=True).last.click()

    def evaluate(self, expression):
        """Return what ``expression`` comes to in the page."""
        return self.window.evaluate(expression)

    def close(self):
        self.context.close()


def talk(stranger, room, texts, at_once=200):
    """Let ``stranger``, who is in ``room``, say ``texts`` there, many at a time."""
    for begin in range(0, len(texts), at_once):
        numbers = []
        for text in texts[begin : begin + at_once]:
            numbers.append(stranger.next_id())
            stranger.last += 1
            stranger.say("send", id=numbers[-1], n=stranger.last, room=room, text=text)
        assert [stranger.answer(number)["t"] for number in numbers] == ["ok"] * len(numbers)
