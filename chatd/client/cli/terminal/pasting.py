"""Pastes that the terminal does not mark: lines that come faster than fingers are a text, and no commands.

The Linux console, serial lines and some terminals hand a paste over as if it were typed. So an Enter is held
for `QUIET` seconds. If a text comes behind it within that time, both belong to a paste: the line end becomes
part of the line, which waits for an Enter of its own, as it does behind a paste that the terminal marks.
"""

from collections.abc import Iterable
from typing import Final

from chatd.client.cli.terminal.keys import MAX_PASTE, Key, Pasted, Pressed, Typed

QUIET: Final = 0.02
"""Seconds without a key that end a burst: fingers need more from an Enter to the next letter, and a serial
line of 9600 baud brings a character each millisecond."""

_ENTER: Final = Pressed("enter")
_TAB: Final = Pressed("tab")


class Bursts:
    """Tells typed lines from pasted ones; it is told of keys, and when `QUIET` seconds brought none."""

    def __init__(self) -> None:
        self._first = ""
        self._enters = 0
        self._owed = 0
        self._pasting = False
        self._room = MAX_PASTE

    @property
    def lasting(self) -> bool:
        """Return whether `quiet` has to be called once no key comes any more."""
        return bool(self.undecided or self._first)

    @property
    def undecided(self) -> bool:
        """Return whether what comes next decides what the line is; until then it is not worth a look."""
        return bool(self._pasting or self._enters)

    def feed(self, keys: Iterable[Key]) -> list[Key]:
        """Return what is to be pressed now for ``keys``, which came at once."""
        keys = list(keys)
        lines = _are_lines(keys)
        pressed: list[Key] = []
        for key in keys:
            if key == _ENTER:
                self._enters += 1
            elif isinstance(key, Typed):
                pressed += self._text(key.text)
            elif key == _TAB and (lines or self._pasting or self._enters):
                pressed += self._text("\t")
            else:
                pressed += [*self._interrupted(), key]
        return pressed

    def quiet(self) -> list[Key]:
        """Return what is to be pressed, now that no further key has come for `QUIET` seconds.

        The line ends that a paste finishes with are owed: they are put in if it turns out to go on.
        """
        if self._pasting:
            self._owed += self._enters
            self._enters = 0
        self._pasting, self._room = False, MAX_PASTE
        return self._entered()

    def _text(self, text: str) -> list[Key]:
        breaks, self._enters, self._owed = self._enters + self._owed, 0, 0
        if not breaks and not self._pasting:
            self._first += text
            return [Typed(text)]
        kept = ("\n" * breaks + text)[: self._room]
        self._room -= len(kept)
        self._pasting = True
        return [Pasted(kept, self._first)] if kept else []

    def _interrupted(self) -> list[Key]:
        """Return the Enter that was held, now that another key than a text's comes behind it."""
        if self._pasting:
            self._enters = 0
        self._owed = 0
        return self._entered()

    def _entered(self) -> list[Key]:
        self._first = ""
        if not self._enters:
            return []
        self._enters = self._owed = 0
        return [_ENTER]


def _are_lines(keys: list[Key]) -> bool:
    """Return whether a text stands behind an Enter."""
    behind = keys[keys.index(_ENTER) :] if _ENTER in keys else []
    return any(isinstance(key, Typed) for key in behind)
