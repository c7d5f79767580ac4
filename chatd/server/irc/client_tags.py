"""The tags that clients give their messages and that chat has no word for: they are told, and not kept.

Those of the latest messages are remembered, for whoever catches up or asks for history soon.
"""

import re
from collections.abc import Mapping
from itertools import accumulate
from typing import Final

MOST_BYTES: Final = 1_048_576
"""Bytes of tags that are remembered for all messages together; the oldest go first."""


PIECES: Final = "draft/multiline-pieces"
"""What is remembered of a message of several lines as if it was a tag: how long the pieces are that came."""


class ClientTags:
    """The tags of the latest messages, by their sessions and numbers."""

    def __init__(self) -> None:
        self._tags: dict[tuple[int, int], dict[str, str]] = {}
        self._bytes = 0

    def put(self, session: int, n: int, tags: dict[str, str]) -> None:
        """Remember the ``tags`` of message ``n`` of ``session``."""
        if not tags:
            return
        self.drop(session, n)
        self._tags[session, n] = tags
        self._bytes += _size(tags)
        while self._bytes > MOST_BYTES:
            self.drop(*next(iter(self._tags)))

    def drop(self, session: int, n: int) -> None:
        """Forget those of a message that was refused."""
        self._bytes -= _size(self._tags.pop((session, n), {}))

    def of(self, session: int, n: int) -> Mapping[str, str]:
        """Return what is remembered of a message."""
        return self._tags.get((session, n), {})


def pieces_of(tags: Mapping[str, str], text: str) -> list[str]:
    """Return the pieces in which ``text`` came; those that begin a line begin with its end before."""
    lengths = [int(length) for length in tags.get(PIECES, "").split(",") if length]
    if sum(lengths) != len(text) or not lengths:
        return re.split("(?=\n)", text)
    ends = list(accumulate(lengths))
    return [text[end - length : end] for end, length in zip(ends, lengths, strict=True)]


def own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return those of ``tags`` that are a client's to give."""
    return {name: value for name, value in tags.items() if name.startswith("+") and len(name) > 1}


def _size(tags: Mapping[str, str]) -> int:
    return sum(len(name) + 4 * len(value) + 100 for name, value in tags.items())
