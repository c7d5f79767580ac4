"""What a daemon inherits from the one whose place it takes: listening sockets, and two pipes."""

import os
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Final

import msgspec

VARIABLE = "CHATD_INHERITANCE"
"""The variable of the environment that tells a successor what it has inherited."""

MAX_WHY: Final = 4096
"""Bytes of what a successor says of why it ends: a pipe takes so many at once."""


class Inheritance(msgspec.Struct, frozen=True):
    """Descriptors: ``listeners`` by endpoint, ``ready`` to write to, ``go``, which ends when it may begin.

    ``words`` is whether the other end of ``ready`` takes a sentence there as well.
    """

    ready: int
    go: int
    listeners: dict[str, int]
    words: bool = False

    def told(self) -> str:
        """Return it as the value of the variable."""
        return msgspec.json.encode(self).decode()

    def explain(self, why: str) -> None:
        """Say in one line why this process ends before it is ready, to the one whose place it was to take."""
        if self.words:
            with suppress(OSError):  # nobody is there any more
                os.write(self.ready, " ".join(why.split()).encode(errors="replace")[:MAX_WHY])


def look(environment: Mapping[str, str] = os.environ) -> Inheritance | None:
    """Return what this process has inherited; None if it takes nobody's place, or has begun to."""
    told = environment.get(VARIABLE, "")
    return msgspec.json.decode(told, type=Inheritance) if told else None


def inherited(environment: MutableMapping[str, str] = os.environ) -> Inheritance | None:
    """Return what this process has inherited, once; None if it takes nobody's place."""
    found = look(environment)
    environment.pop(VARIABLE, None)
    return found
