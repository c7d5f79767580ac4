"""Requests that wait for their answers: asked again on the next link where asking twice does no harm."""

from dataclasses import dataclass
from typing import Final

import msgspec

from chatd.wire.messages import (
    History,
    Join,
    Leave,
    ListRooms,
    Members,
    Nick,
    Read,
    Request,
)

REPEATABLE: Final = (Join, Leave, Nick, Read, ListRooms, Members, History)
"""Requests whose repetition has no second effect."""


@dataclass(slots=True)
class Asked:
    """A request without its answer; ``wanted`` marks a join that the machine itself asked for."""

    message: Request
    written: bool = False
    again: bool = False
    wanted: str = ""


class Asking:
    """All requests without an answer, in the order they were asked, by id."""

    __slots__ = ("_next", "asked")

    def __init__(self) -> None:
        self.asked: dict[int, Asked] = {}
        self._next = 1

    def number(self) -> int:
        """Return an unused request id."""
        number = self._next
        self._next += 1
        return number

    def add(self, message: Request, wanted: str = "") -> int:
        """Give ``message`` its id, and remember it as not yet written."""
        number = self.number()
        self.asked[number] = Asked(msgspec.structs.replace(message, id=number), wanted=wanted)
        return number

    def unwritten(self) -> list[Asked]:
        """Return what was not written to the present link, and take it as written."""
        found = [asked for asked in self.asked.values() if not asked.written]
        for asked in found:
            asked.written = True
        return found

    def answered(self, number: int) -> Asked | None:
        """Take out the request that ``number`` names."""
        return self.asked.pop(number, None)

    def cancel(self, number: int) -> None:
        """Ask for ``number`` no more; an answer on its way is not waited for."""
        self.asked.pop(number, None)

    def restart(self) -> list[int]:
        """Note that the link is gone; return, and forget, what cannot be asked again."""
        lost = []
        for number, asked in list(self.asked.items()):
            if asked.wanted or (asked.written and not isinstance(asked.message, REPEATABLE)):
                del self.asked[number]
                if not asked.wanted:
                    lost.append(number)
            elif asked.written:
                asked.written, asked.again = False, True
        return lost
