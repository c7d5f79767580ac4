"""The line editor: keys go in, the line changes, actions come out. No terminal, no clock."""

from collections.abc import Callable, Iterator
from enum import Enum
from itertools import cycle
from typing import Final

from msgspec import Struct

from chatd.client.cli.terminal.completing import Offer
from chatd.client.cli.terminal.keys import Key, Pasted, Pressed, Typed
from chatd.client.cli.terminal.line import Line

MAX_HISTORY: Final = 500
"""Lines that the arrow keys bring back."""


class Wish(Enum):
    """What a key asks of the editor's surroundings."""

    END = "end of input"
    INTERRUPT = "interrupt"
    SUSPEND = "suspend"
    REDRAW = "redraw"


class Submit(Struct, frozen=True):
    """The line was finished with Enter."""

    text: str


class Switch(Struct, frozen=True):
    """Alt and a digit: the room of that ``number``, from 1 on."""

    number: int


Action = Submit | Switch | Wish

Completer = Callable[[str], Offer]
"""Offers what the line in front of the cursor may end with."""


class History:
    """The lines entered so far, and where in them the arrow keys stand."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._place = 0
        self._draft = ""

    def add(self, text: str) -> None:
        """Keep ``text`` as the newest line."""
        if text and self._lines[-1:] != [text]:
            self._lines.append(text)
            del self._lines[:-MAX_HISTORY]
        self._place = len(self._lines)

    def older(self, now: str) -> str | None:
        """Return the line before the present one, which is ``now``; None at the oldest."""
        return self._go(self._place - 1, now)

    def newer(self, now: str) -> str | None:
        """Return the line behind the present one, at last the draft; None beyond it."""
        return self._go(self._place + 1, now)

    def _go(self, place: int, now: str) -> str | None:
        if not 0 <= place <= len(self._lines):
            return None
        if self._place == len(self._lines):
            self._draft = now
        self._place = place
        return self._draft if place == len(self._lines) else self._lines[place]


class Editor:
    """One line of text under the keys of Emacs and readline."""

    def __init__(self, complete: Completer = lambda _: Offer("", [])) -> None:
        self.line = Line()
        self.history = History()
        self._completer = complete
        self._cycle: Iterator[str] | None = None
        self._offered = ""
        self._killed = ""
        self._killing = False

    @property
    def text(self) -> str:
        """Return the text typed so far."""
        return self.line.text

    def press(self, key: Key) -> Action | None:
        """Do what ``key`` says; return what is left to others."""
        name = key.name if isinstance(key, Pressed) else ""
        if name != "tab":
            self._cycle = None
        if name not in _KILLS:
            self._killing = False
        if isinstance(key, Typed | Pasted):
            if isinstance(key, Pasted) and self._looks_like_a_command(key):
                self.line = Line("/" + self.text)
            self.line.insert(key.text)
            return None
        if name.startswith("alt-") and name[4:].isdecimal():
            return Switch(int(name[4:]) or 10)
        command = _COMMANDS.get(name)
        return command(self) if command is not None else None

    def replace(self, text: str) -> None:
        """Put ``text`` in the place of the line."""
        self.line = Line(text)

    def _looks_like_a_command(self, pasted: Pasted) -> bool:
        """Return whether the line is several pasted ones that begin with a slash, which is then doubled.

        They are a text. Who types a command and pastes what it takes has a line that began otherwise.
        """
        lines = pasted.before + pasted.text
        return self.text == pasted.before and lines.startswith("/") and "\n" in lines

    # ---- what keys do -------------------------------------------------------------------------------

    def _enter(self) -> Action | None:
        text = self.text
        self.history.add(text)
        self.line = Line()
        return Submit(text)

    def _cancel(self) -> Action | None:
        if not self.line.cells:
            return Wish.INTERRUPT
        self.history.add(self.text)
        self.line = Line()
        return None

    def _end_or_delete(self) -> Action | None:
        if not self.line.cells:
            return Wish.END
        self.line.cut_to(self.line.right())
        return None

    def _break(self) -> None:
        self.line.insert("\n")

    def _yank(self) -> None:
        self.line.insert(self._killed)

    def _recall(self, text: str | None) -> None:
        if text is not None:
            self.replace(text)

    def _kill(self, place: int) -> None:
        forward = place > self.line.cursor
        taken = self.line.cut_to(place)
        before = self._killed if self._killing else ""
        self._killed = before + taken if forward else taken + before
        self._killing = True

    def _tab(self) -> None:
        if self._cycle is None:
            self._complete_line()
        else:
            self._offer(next(self._cycle))

    def _complete_line(self) -> None:
        """Offer the first choice; Tab goes on to the others, or into the folder that is the only one."""
        self._offered, choices = self._completer(self.line.before)
        if len(choices) == 1 and not choices[0].endswith(" "):
            self._offer(choices[0])
        elif choices:
            self._cycle = cycle([*choices, self._offered] if len(choices) > 1 else choices)
            self._offer(next(self._cycle))

    def _offer(self, choice: str) -> None:
        line = self.line
        before = line.before.removesuffix(self._offered) + choice
        behind = line.text[len(line.before) :]
        cursor = Line(before).cursor
        self.line = Line(before + behind)
        self.line.cursor = min(cursor, len(self.line.cells))
        self._offered = choice


def _move(place: Callable[[Line], int]) -> Callable[[Editor], None]:
    def command(editor: Editor) -> None:
        editor.line.cursor = place(editor.line)

    return command


def _delete(place: Callable[[Line], int]) -> Callable[[Editor], None]:
    def command(editor: Editor) -> None:
        editor.line.cut_to(place(editor.line))

    return command


def _kill(place: Callable[[Line], int]) -> Callable[[Editor], None]:
    def command(editor: Editor) -> None:
        editor._kill(place(editor.line))  # noqa: SLF001 - its own table

    return command


def _older(editor: Editor) -> None:
    editor._recall(editor.history.older(editor.text))  # noqa: SLF001 - its own table


def _newer(editor: Editor) -> None:
    editor._recall(editor.history.newer(editor.text))  # noqa: SLF001 - its own table


def _begin(_: Line) -> int:
    return 0


def _end(line: Line) -> int:
    return len(line.cells)


_KILLS: Final[dict[str, Callable[[Editor], Action | None]]] = {
    "ctrl-k": _kill(_end),
    "ctrl-u": _kill(_begin),
    "ctrl-w": _kill(Line.blank_left),
    "alt-d": _kill(Line.word_right),
    "alt-backspace": _kill(Line.word_left),
    "ctrl-delete": _kill(Line.word_right),
}

_COMMANDS: Final[dict[str, Callable[[Editor], Action | None]]] = {
    **_KILLS,
    **dict.fromkeys(("left", "ctrl-b"), _move(Line.left)),
    **dict.fromkeys(("right", "ctrl-f"), _move(Line.right)),
    **dict.fromkeys(("home", "ctrl-a"), _move(_begin)),
    **dict.fromkeys(("end", "ctrl-e"), _move(_end)),
    **dict.fromkeys(("ctrl-left", "alt-left", "alt-b"), _move(Line.word_left)),
    **dict.fromkeys(("ctrl-right", "alt-right", "alt-f"), _move(Line.word_right)),
    **dict.fromkeys(("up", "ctrl-p"), _older),
    **dict.fromkeys(("down", "ctrl-n"), _newer),
    "backspace": _delete(Line.left),
    "delete": _delete(Line.right),
    "ctrl-y": Editor._yank,  # noqa: SLF001 - its own table
    "ctrl-t": lambda editor: editor.line.swap(),
    "tab": Editor._tab,  # noqa: SLF001 - its own table
    "enter": Editor._enter,  # noqa: SLF001 - its own table
    "alt-enter": Editor._break,  # noqa: SLF001 - its own table
    "ctrl-c": Editor._cancel,  # noqa: SLF001 - its own table
    "ctrl-d": Editor._end_or_delete,  # noqa: SLF001 - its own table
    "ctrl-l": lambda _: Wish.REDRAW,
    "ctrl-z": lambda _: Wish.SUSPEND,
}
