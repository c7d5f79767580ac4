"""A command of a conversation: what its table says of it."""

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from msgspec import Struct
from twisted.internet.defer import Deferred

from chatd.client.core.problems import ClientError

T_contra = TypeVar("T_contra", contravariant=True)

Do = Callable[[T_contra, str], Coroutine[Deferred[Any], Any, None]]
"""Does a command in a talk, with what was written behind it."""


class Command(Struct, Generic[T_contra], frozen=True):
    """One command: how it is used, what it is for, and what does it in a talk that offers what that needs.

    ``changes`` says that it takes effect behind all that was entered before it, ``hint`` what may be written
    where that is not in the usage.
    """

    usage: str
    summary: str
    do: Do[T_contra]
    changes: bool = False
    hint: str = ""

    @property
    def explained(self) -> str:
        """Return what is told of it alone."""
        return f"{self.usage}: {self.summary}" + (f". {self.hint}" if self.hint else "")

    def misused(self) -> ClientError:
        """Return what is said where it was written in another way."""
        return ClientError("usage", f"Write {self.usage}" + (f". {self.hint}" if self.hint else ""))
