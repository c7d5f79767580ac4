"""What a daemon inherits from the one whose place it takes: listening sockets, and two pipes."""

import os
from collections.abc import MutableMapping

import msgspec

VARIABLE = "CHATD_INHERITANCE"
"""The variable of the environment that tells a successor what it has inherited."""


class Inheritance(msgspec.Struct, frozen=True):
    """Descriptors: ``listeners`` by endpoint, ``ready`` to write to, ``go``, which ends when it may begin."""

    ready: int
    go: int
    listeners: dict[str, int]

    def told(self) -> str:
        """Return it as the value of the variable."""
        return msgspec.json.encode(self).decode()


def inherited(environment: MutableMapping[str, str] = os.environ) -> Inheritance | None:
    """Return what this process has inherited, once; None if it takes nobody's place."""
    told = environment.pop(VARIABLE, "")
    return msgspec.json.decode(told, type=Inheritance) if told else None
