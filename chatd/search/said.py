"""What was said: the terms of a message for an index, and whether a query means it.

Who said it and what it has are terms as well, which no word can be.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from chatd.search.query import FILE, LINK, Query
from chatd.search.words import Words, indexed, terms_in
from chatd.wire.names import fold

_MARK: Final = "\ue000"
"""What such a term begins with: it is in no class of which words are made."""

_SIGN: Final = re.compile("[^a-z0-9\u0080-\U0010ffff]")
"""What no term has."""

_LINK: Final = re.compile(r"\b(?:https?|ftp)://\w|\bwww\.\w", re.IGNORECASE)


class Said(NamedTuple):
    """A message: the nick of who said it, when, in milliseconds since 1970, its text, and its file's name."""

    by: str
    ts: int
    text: str
    file: str | None = None

    @property
    def searched(self) -> str:
        """Return the text that is searched: with the file's name."""
        return self.text if self.file is None else f"{self.text}\n{self.file}"

    @property
    def marks(self) -> set[str]:
        """Return the terms that are no words."""
        marks = {mark_of(self.by)}
        if self.file is not None:
            marks.add(_MARK + FILE + _MARK)
        if _may_link(self.text) and _LINK.search(self.text):
            marks.add(_MARK + LINK + _MARK)
        return marks

    @property
    def indexed(self) -> str:
        """Return what is handed to an index for it: a string that has its terms."""
        if self.file is None and not _may_link(self.text):
            return f"{indexed(self.text)} {mark_of(self.by)}"
        return " ".join([indexed(self.searched), *self.marks])

    def terms(self) -> set[str]:
        """Return all terms by which an index finds it."""
        return terms_in(self.indexed)


class Edit(NamedTuple):
    """From now on event ``ref`` of the same log says ``text``."""

    ref: int
    text: str


class _File(msgspec.Struct):
    name: str


class _Event(msgspec.Struct):
    kind: str
    by: str
    ts: int
    text: str = ""
    file: _File | None = None
    ref: int = 0


_event = msgspec.json.Decoder(_Event)

KINDS: Final = ("message", "file")
"""The kinds of events that say something."""

EDIT: Final = "edit"
"""The kind of events by which an earlier one says something else."""


def said_in(event: bytes | memoryview) -> Said | Edit | None:
    """Return what the event says whose JSON this is, None if it says nothing."""
    try:
        found = _event.decode(event)
    except ValueError:
        return None
    return _said(found)


def said_in_lines(events: str) -> list[Said | Edit | None]:
    """Return what each of ``events``, one in a line, says. Raises ValueError if one is no event."""
    return [_said(one) for one in _event.decode_lines(events)]


def said_in_all(events: Sequence[memoryview]) -> list[Said | Edit | None]:
    """Return what each of ``events`` says, as `said_in` does."""
    try:
        return [_said(one) for one in _event.decode_lines(b"\n".join(events))]
    except ValueError:
        return [said_in(one) for one in events]


def _said(event: _Event) -> Said | Edit | None:
    if event.kind == EDIT:
        return Edit(event.ref, event.text)
    if event.kind not in KINDS:
        return None
    return Said(event.by, event.ts, event.text, None if event.file is None else event.file.name)


def _may_link(text: str) -> bool:
    """Return at once whether there is a point in looking for a link."""
    return "://" in text or ("." in text and "www." in text.lower())


@lru_cache(maxsize=4096)
def mark_of(nick: str) -> str:
    """Return the term of what ``nick`` says, which may be that of a nick with other signs."""
    return _MARK + _SIGN.sub(_MARK, fold(nick))


Clauses = list[list[set[str]]]
"""What the index is asked for: one of the sets of each list, with all of its terms."""


def wanted(query: Query) -> tuple[Clauses, Clauses]:
    """Return what the index is asked for: words, and terms that are none."""
    marks = [[{_MARK + what + _MARK}] for what in sorted(query.has)]
    if query.senders:
        marks.append([{mark_of(nick)} for nick in query.senders])
    return [phrase.needed() for phrase in query.phrases], marks


def holds(terms: Iterable[str], query: Query) -> bool:
    """Return whether ``terms`` are those that the index would find for all that ``query`` wants."""
    there = set(terms)
    return all(any(needed <= there for needed in clause) for clauses in wanted(query) for clause in clauses)


def means(query: Query, said: Said) -> bool:
    """Return whether ``query`` means ``said``, in whatever room: the rule that the index only approaches."""
    if said.ts < query.after or (query.before is not None and said.ts >= query.before):
        return False
    if query.senders and fold(said.by) not in map(fold, query.senders):
        return False
    if any(_MARK + what + _MARK not in said.marks for what in query.has):
        return False
    words = Words(said.searched)
    return all(phrase.is_in(words) for phrase in query.phrases)
