"""What is typed unseen in a conversation: passwords, and whatever is typed while one is being checked."""

from typing import Final

from twisted.internet.defer import Deferred

from chatd.client.cli.terminal.hidden import Entered, Hidden
from chatd.client.cli.terminal.keys import Key, Pressed
from chatd.client.core.problems import ClientError

CHECKING: Final = "One moment (Ctrl-C: back to the room): "
"""Stands where a password was typed, until the next is asked for or none any more."""


class Unseen:
    """Takes the keys from the first `ask` to the `end`: no password gets to where others see it."""

    def __init__(self) -> None:
        self._line: Hidden | None = None
        self._asked: Deferred[str] | None = None
        self._early: list[Key] = []

    @property
    def prompt(self) -> str | None:
        """Return what stands before the line, None where it is none of ours."""
        return None if self._line is None else self._line.prompt

    def ask(self, prompt: str) -> Deferred[str]:
        """Return what is typed behind ``prompt``; it begins with what was typed since the last `ask`.

        It fails with `ClientError` if nothing was given.
        """
        asked: Deferred[str] = Deferred()
        self._line, self._asked = Hidden(prompt), asked
        early, self._early = self._early, []
        for key in early:
            self.press(key)
        return asked

    def end(self) -> None:
        """Take no more keys; those that nothing has asked for may be of a password, and are forgotten."""
        self._line = self._asked = None
        self._early.clear()

    def press(self, key: Key) -> None:
        """Take ``key``."""
        line, asked = self._line, self._asked
        if line is None:
            return
        if asked is None:
            if isinstance(key, Pressed) and key.name == "ctrl-c":
                self.end()
            else:
                self._early.append(key)
            return
        outcome = line.press(key)
        if isinstance(outcome, Entered):
            self._line, self._asked = Hidden(CHECKING), None
            asked.callback(outcome.text)
        elif outcome is not None:
            self.end()
            asked.errback(ClientError("no-password", "No password was given."))
