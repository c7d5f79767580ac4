"""Keys: what a terminal's bytes mean, piece by piece as they come in.

Escape sequences are those of ECMA-48 and xterm; a lone Escape waits for the key behind it, as in readline,
so no timer decides what was typed.
"""

import codecs
import re
from typing import Final

from msgspec import Struct

MAX_PASTE: Final = 262_144
"""Characters of one paste that are kept: far more than a message may hold, and a bound."""

PASTE_BEGIN: Final = "\x1b[200~"
PASTE_END: Final = "\x1b[201~"
MAX_SEQUENCE: Final = 32
"""Characters after which what began like an escape sequence is taken for none."""


class Typed(Struct, frozen=True):
    """Characters typed, none of them a control character."""

    text: str


class Pasted(Struct, frozen=True):
    """A text pasted in one piece; its lines end in line feeds.

    Where the terminal does not mark pastes, it follows ``before``, which was taken for typed.
    """

    text: str
    before: str = ""


class Pressed(Struct, frozen=True):
    """A key that is not a character, such as ``ctrl-a``, ``alt-b``, ``left`` or ``ctrl-left``."""

    name: str


Key = Typed | Pasted | Pressed

_PLAIN: Final = {"\r": "enter", "\n": "enter", "\t": "tab", "\x7f": "backspace", "\x08": "backspace"}
_LETTERS: Final = {
    "A": "up",
    "B": "down",
    "C": "right",
    "D": "left",
    "H": "home",
    "F": "end",
    "Z": "shift-tab",
}
_NUMBERS: Final = {1: "home", 3: "delete", 4: "end", 5: "page-up", 6: "page-down", 7: "home", 8: "end"}
_MODIFIERS: Final = {3: "alt-", 5: "ctrl-", 7: "ctrl-"}
_BEGINNING: Final = re.compile(r"\x1b\x1b?(?:\[[0-?]*[ -/]*|O[0-9;]*)?\Z")
_CONTROL_SEQUENCE: Final = re.compile(r"\x1b\x1b?(?:\[([0-?]*)[ -/]*([@-~])|O([0-9;]*)([A-Za-z]))")
_UNSENDABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class KeyDecoder:
    """Turn bytes from a terminal into keys; what is incomplete waits for the rest."""

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._returned = False
        self._pasting = False
        self._pasted: list[str] = []
        self._room = MAX_PASTE

    def feed(self, data: bytes) -> list[Key]:
        """Return the keys that ``data`` completes."""
        self._rest += self._utf8.decode(data)
        keys: list[Key] = []
        while self._rest:
            key, length = self._paste() if self._pasting else self._next()
            if not length:
                break
            self._rest = self._rest[length:]
            if key is not None:
                keys.append(key)
        return keys

    def _next(self) -> tuple[Key | None, int]:
        text = self._rest
        ended, self._returned = self._returned, text[0] == "\r"
        if ended and text[0] == "\n":
            return None, 1  # the other half of a line end, as in files of Windows
        if text[0] == "\x1b":
            return self._escape(text)
        if text[0] < " " or text[0] == "\x7f":
            return Pressed(_PLAIN.get(text[0]) or f"ctrl-{chr(ord(text[0]) | 0x60)}"), 1
        end = next((i for i, char in enumerate(text) if _is_control(char)), len(text))
        return (Typed(text[:end]), end) if end else (None, 1)

    def _escape(self, text: str) -> tuple[Key | None, int]:
        if text.startswith(PASTE_BEGIN):
            self._pasting = True
            return None, len(PASTE_BEGIN)
        if _BEGINNING.match(text):
            return None, 0 if len(text) < MAX_SEQUENCE else len(text)
        found = _CONTROL_SEQUENCE.match(text)
        if found is None:
            return _alt(text[1]), 2
        parameters, final = (found[1] or "", found[2]) if found[2] else (found[3], found[4])
        return _named(parameters, final), found.end()

    def _paste(self) -> tuple[Key | None, int]:
        head, end, _ = self._rest.partition(PASTE_END)
        if end:
            self._keep(head)
            text = _cleaned("".join(self._pasted))
            self._pasted, self._pasting, self._room = [], False, MAX_PASTE
            return (Pasted(text) if text else None), len(head) + len(end)
        safe = max(len(head) - len(PASTE_END) + 1, 0)
        self._keep(head[:safe])
        return None, safe

    def _keep(self, text: str) -> None:
        self._pasted.append(text[: self._room])
        self._room -= len(self._pasted[-1])


def _is_control(char: str) -> bool:
    return char < " " or "\x7f" <= char <= "\x9f"


def _alt(char: str) -> Key | None:
    if char < " " or char == "\x7f":
        name = _PLAIN.get(char) or f"ctrl-{chr(ord(char) | 0x60)}"
        return Pressed(f"alt-{name}")
    return Pressed(f"alt-{char.lower()}") if char.isascii() else Typed(char)


def _named(parameters: str, final: str) -> Key | None:
    numbers = [int(part) if part.isascii() and part.isdecimal() else 0 for part in parameters.split(";")]
    name = _NUMBERS.get(numbers[0]) if final == "~" else _LETTERS.get(final)
    modifier = _MODIFIERS.get(numbers[1], "") if len(numbers) > 1 else ""
    return Pressed(modifier + name) if name else None


def _cleaned(text: str) -> str:
    """Return the paste with one kind of line end, none at its end, and without what no message may hold."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
    return _UNSENDABLE.sub("", lines)
