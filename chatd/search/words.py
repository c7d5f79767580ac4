"""Words: what a text is made of when it is searched, and the terms by which an index finds it.

A text is a row of parts: a word with its signs (``c++``, ``#42``, ``@ann``), one character of a script
without blanks, or one symbol. Between two parts is what stood there: nothing, one sign that joins them
(``node.js``, ``foo_bar``), or a gap. Words that hyphens or apostrophes join are also found as one word.

A term has no signs: an index that finds ``c`` for ``c++`` finds a few texts more, which the check sorts out.
So most texts can be handed to the index as they are, which takes them apart faster than anything here.
"""

import re
import unicodedata
from functools import cached_property
from typing import Final

from chatd.search.letters import RUN, classes, normal, spaced

RULES: Final = f"2/{unicodedata.unidata_version}"
"""The version of these rules and of Unicode's tables: an index made by other ones has to be made anew."""

GAP: Final = " "
"""What is between two parts that nothing joins."""

MELTING: Final = frozenset("-'")
"""Signs without which the joined words are one: e-mail and email, don't and dont."""

_JOINING: Final = frozenset([*MELTING, ".", "_"])

_PART: Final = re.compile(r"(?:(?<![wr])[@#])?w+(?:\+\+(?!\+)|[+#](?![wr+#]))?|[rs]")
"""A part, in the classes of characters."""

_TERM: Final = re.compile("[a-z0-9\u0080-\U0010ffff]+")
"""A term in what is handed to an index, without case; SQLite's tokenizer ``ascii`` has the same rule."""

_MELTING: Final = re.compile(
    "[a-z0-9\u0080-\U0010ffff]+(?:[-'][a-z0-9\u0080-\U0010ffff]+)+", re.IGNORECASE | re.ASCII
)
"""Words that hyphens or apostrophes join, in a text of which nothing but words is beyond ASCII."""


def indexed(text: str) -> str:
    """Return what is handed to an index for ``text``: a string that has its terms (`terms_in`)."""
    if not text.isascii():
        form = normal(text)
        text = spaced(form)
        if len(text) != len(form):  # there are runs or symbols
            return " ".join(Words(form).terms())
    if "-" in text or "'" in text:
        rows = _MELTING.findall(text)
        return " ".join([text, *(row.replace("-", "").replace("'", "") for row in rows)])
    return text


def terms_in(text: str) -> set[str]:
    """Return the terms that an index makes of ``text``, which `indexed` has returned."""
    return set(_TERM.findall("".join(char.lower() if char.isascii() else char for char in text)))


class Words:
    """The parts of ``text``, with what is between each and the one before, and the words that melt."""

    __slots__ = ("__dict__", "joints", "parts", "runs")

    def __init__(self, text: str) -> None:
        form = normal(text)
        kinds = classes(form)
        self.parts: list[str] = []
        self.joints: list[str] = []
        self.runs: list[bool] = []
        end = 0
        for found in _PART.finditer(kinds):
            begin = found.start()
            between = form[end:begin]
            if len(between) > 1 and not between.strip("_"):
                between = "_"
            self.joints.append(between if not between or between in _JOINING else GAP)
            end = found.end()
            self.parts.append(form[begin:end])
            self.runs.append(kinds[begin] == RUN)

    @cached_property
    def melted(self) -> list[tuple[int, int, str]]:
        """Return each row of parts that hyphens or apostrophes join: first part, part behind it, one word."""
        rows = []
        begin = 0
        for place in range(1, len(self.parts) + 1):
            if place < len(self.parts) and self.joints[place] in MELTING:
                continue
            if place - begin > 1:
                rows.append((begin, place, "".join(self.parts[begin:place])))
            begin = place
        return rows

    def terms(self) -> set[str]:
        """Return all terms of the text."""
        words = " ".join([*self.parts, *(word for _, _, word in self.melted)])
        return {*_TERM.findall(words), *self._pairs()}

    def needed(self) -> set[str]:
        """Return terms that every text has which has this one as a phrase: as few as serve.

        A character within a pair adds nothing to it. Words that melt do so only within one of `melt`.
        """
        pairs = self._pairs()
        covered = {char for pair in pairs for char in pair}
        parts = zip(self.parts, self.runs, strict=True)
        return pairs.union(
            _TERM.findall(" ".join(part for part, run in parts if not (run and part in covered)))
        )

    def _pairs(self) -> set[str]:
        """Return the pairs of characters that stand side by side where no blanks are put."""
        runs, parts = self.runs, self.parts
        if True not in runs:
            return set()
        return {
            parts[place - 1] + parts[place]
            for place in range(1, len(parts))
            if runs[place] and runs[place - 1] and not self.joints[place]
        }

    def melt(self) -> "Words | None":
        """Return the same with the joined words as one, None if there are none."""
        if not self.melted:
            return None
        melted = Words("")
        place = 0
        for begin, end, word in [*self.melted, (len(self.parts), len(self.parts) + 1, "")]:
            melted.parts += self.parts[place:begin]
            melted.joints += self.joints[place:begin]
            melted.runs += self.runs[place:begin]
            if begin < len(self.parts):
                melted.parts.append(word)
                melted.joints.append(self.joints[begin])
                melted.runs.append(False)
            place = end
        return melted

    def has(self, phrase: "Words") -> bool:
        """Return whether the parts of ``phrase`` stand in this text side by side, joined as they are there.

        A gap in ``phrase`` stands for anything between two parts.
        """
        return any(self._follow(place, phrase) for place in self._arcs.get(phrase.parts[0], ()))

    @cached_property
    def _arcs(self) -> dict[str, list[int]]:
        """Return behind which parts each word ends, melted ones too, by the word."""
        arcs: dict[str, list[int]] = {}
        for place, part in enumerate(self.parts, 1):
            arcs.setdefault(part, []).append(place)
        for _, end, word in self.melted:
            arcs.setdefault(word, []).append(end)
        return arcs

    @cached_property
    def _melted_at(self) -> dict[int, tuple[int, str]]:
        return {begin: (end, word) for begin, end, word in self.melted}

    def _follow(self, place: int, phrase: "Words") -> bool:
        """Return whether the rest of ``phrase`` stands behind its first part, which ends at ``place``."""
        places = {place}
        for part, joint in zip(phrase.parts[1:], phrase.joints[1:], strict=True):
            after = set()
            for one in places:
                if one >= len(self.parts) or joint not in (GAP, self.joints[one]):
                    continue
                if self.parts[one] == part:
                    after.add(one + 1)
                end, word = self._melted_at.get(one, (0, ""))
                if word == part:
                    after.add(end)
            if not after:
                return False
            places = after
        return True
