"""Twins: names that can be taken for each other, and who has them."""

from typing import Generic, TypeVar

from chatd.chat.unicode.skeleton import skeleton

Holder = TypeVar("Holder")


class Twins(Generic[Holder]):
    """The holders of names, by what the names look like.

    A holder may have several names, and the same one for several reasons; each is dropped by itself. Names of
    an older data folder may be twins of each other.
    """

    def __init__(self) -> None:
        self._holders: dict[str, tuple[Holder, ...]] = {}

    def add(self, name: str, holder: Holder, times: int = 1) -> None:
        """Note that ``holder`` has ``name``, for so many reasons."""
        looks = skeleton(name)
        self._holders[looks] = self._holders.get(looks, ()) + (holder,) * times

    def drop(self, name: str, holder: Holder) -> None:
        """Forget one of the reasons why ``holder`` has ``name``."""
        looks = skeleton(name)
        left = list(self._holders[looks])
        left.remove(holder)
        if left:
            self._holders[looks] = tuple(left)
        else:
            del self._holders[looks]

    def has(self, name: str, but: Holder | None = None) -> bool:
        """Return whether somebody else than ``but`` has a name that looks like ``name``."""
        return any(holder != but for holder in self._holders.get(skeleton(name), ()))

    def __len__(self) -> int:
        return len(self._holders)
