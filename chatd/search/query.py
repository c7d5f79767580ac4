"""Queries: what somebody looks for, as they write it (docs/PROTOCOL.md, "Search").

Words, each of which has to be there; phrases between quotation marks; and filters such as ``from:ann``,
``in:#hall``, ``before:2026-11-30``, ``after:2026-11`` and ``has:file``. A word with a colon that is no filter
is a word.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from chatd.search.moments import moment
from chatd.search.words import Words
from chatd.wire.limits import MAX_QUERY, MAX_QUERY_WORDS

FILE: Final = "file"
LINK: Final = "link"

_QUOTES: Final = str.maketrans(dict.fromkeys("“”„‟«»", '"'))
_PIECE: Final = re.compile(
    r'(from|in|before|after|has):(?:"([^"]*)"|([^\s"]*))|"([^"]*)"|([^\s"]+)', re.IGNORECASE
)
"""A filter with its value, a phrase, or a word."""


class QueryError(ValueError):
    """A query that cannot be answered; the text is one sentence that says why, and what to do."""


class Phrase:
    """Words that have to stand side by side: one word, mostly."""

    def __init__(self, words: Words) -> None:
        melted = words.melt()
        self.forms = (words,) if melted is None else (words, melted)

    def needed(self) -> list[set[str]]:
        """Return, for each form that it may have, terms that a text with it has."""
        return [form.needed() for form in self.forms]

    def is_in(self, text: Words) -> bool:
        """Return whether ``text`` has it."""
        return any(text.has(form) for form in self.forms)


@dataclass(slots=True)
class Query:
    """What is looked for: all ``phrases``, said by one of ``senders`` in one of ``rooms``, if any are named.

    It was said at ``after`` or later and earlier than ``before``, in milliseconds since 1970. ``has`` holds
    `FILE` and `LINK` where these are wanted.
    """

    phrases: list[Phrase] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    rooms: list[str] = field(default_factory=list)
    before: int | None = None
    after: int = 0
    has: set[str] = field(default_factory=set)


def parse(text: str) -> Query:
    """Return what the query ``text`` asks for. Raises `QueryError`."""
    if len(text) > MAX_QUERY:
        raise QueryError(f"The query is too long: {MAX_QUERY} characters are the limit; use fewer words.")
    text = text.translate(_QUOTES)
    if text.count('"') % 2:
        raise QueryError('A quotation mark is missing in the query; write "…" around the words of a phrase.')
    query = Query()
    for name, *values in (found.groups("") for found in _PIECE.finditer(text)):
        value = "".join(values)
        if name:
            _FILTERS[name.lower()](query, value.strip())
        elif (words := Words(value)).parts:
            query.phrases.append(Phrase(words))
    _check(query)
    return query


def _check(query: Query) -> None:
    if sum(len(phrase.forms[0].parts) for phrase in query.phrases) > MAX_QUERY_WORDS:
        raise QueryError(f"The query has too many words: {MAX_QUERY_WORDS} are the limit; use fewer.")
    if not (query.phrases or query.senders or query.has):
        raise QueryError("The query names nothing to look for; give a word, from:NICK, has:file or has:link.")
    if query.before is not None and query.before <= query.after:
        raise QueryError("Nothing is both before: and after: those times; exchange them.")


def _from(query: Query, value: str) -> None:
    nick = value.removeprefix("@")
    if not nick:
        raise QueryError("from: needs the nick of who said it, such as from:ann.")
    query.senders.append(nick)


def _in(query: Query, value: str) -> None:
    if not value.strip("#@"):
        raise QueryError("in: needs a room or a person, such as in:#hall or in:@ann.")
    query.rooms.append(value if value[0] in "#@" else f"#{value}")


def _time(name: str, value: str) -> int:
    found = moment(value)
    if found is None:
        raise QueryError(f"{name}: needs a date, such as {name}:2026-11-30 or {name}:2026-11-30T13:20+01:00.")
    return found


def _before(query: Query, value: str) -> None:
    found = _time("before", value)
    query.before = found if query.before is None else min(query.before, found)


def _after(query: Query, value: str) -> None:
    query.after = max(query.after, _time("after", value))


def _has(query: Query, value: str) -> None:
    what = value.lower().removesuffix("s")
    if what not in (FILE, LINK):
        raise QueryError("has: is followed by file or link, such as has:file.")
    query.has.add(what)


_FILTERS: Final[dict[str, Callable[[Query, str], None]]] = {
    "from": _from,
    "in": _in,
    "before": _before,
    "after": _after,
    "has": _has,
}
