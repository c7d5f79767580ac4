"""A line that is typed unseen: a password, of which nothing is painted, kept or brought back."""

from msgspec import Struct

from chatd.client.cli.terminal.keys import Key, Pasted, Pressed, Typed
from chatd.client.cli.terminal.line import Line


class Entered(Struct, frozen=True):
    """The line was finished with Enter."""

    text: str

    def __repr__(self) -> str:
        return "Entered(…)"


class Dropped(Struct, frozen=True):
    """It is not to be typed: Ctrl-C, or Ctrl-D on an empty line."""


class Hidden:
    """A line behind ``prompt`` that nobody sees, with the keys of a terminal that does not echo."""

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt
        self._line = Line()

    def press(self, key: Key) -> Entered | Dropped | None:
        """Do what ``key`` says; return what ends the line."""
        line = self._line
        if isinstance(key, Typed | Pasted):
            line.insert(key.text.rstrip("\r\n") if isinstance(key, Pasted) else key.text)
            return None
        name = key.name if isinstance(key, Pressed) else ""
        if name == "enter":
            return Entered(line.text)
        if name == "ctrl-c" or (name == "ctrl-d" and not line.cells):
            return Dropped()
        if name == "backspace":
            line.cut_to(line.left())
        elif name == "ctrl-u":
            line.cut_to(0)
        return None
