"""Later: what most users, sessions and rooms never need is made when it is first asked for."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar


def each(names: str, make: Callable[[], object]) -> dict[str, Callable[[Any], object]]:
    """Return that what is called by any of ``names``, with blanks between them, is made by ``make``."""
    return dict.fromkeys(names.split(), lambda _: make())


class Later:
    """Has slots that are empty until somebody reads them; ``LATER`` says how what is in them is made.

    One that is filled costs nothing more than any other.
    """

    __slots__ = ()

    LATER: ClassVar[Mapping[str, Callable[[Any], object]]]

    if not TYPE_CHECKING:  # a name that is not there stays a mistake

        def __getattr__(self, name: str) -> object:
            """Make what is asked for and was not yet. Raises `AttributeError` for anything else."""
            make = self.LATER.get(name)
            if make is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            made = make(self)
            setattr(self, name, made)
            return made

    def has(self, name: str) -> bool:
        """Return whether what is called ``name`` was made, and there is something in it."""
        try:
            return bool(object.__getattribute__(self, name))
        except AttributeError:
            return False
