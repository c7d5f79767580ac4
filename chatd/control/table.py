"""The one table of what can be asked over the control socket: who may, and what answers it."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from chatd.control import looking
from chatd.control.access import Role
from chatd.control.context import Context
from chatd.control.messages import AskRooms, AskStatus, AskWho
from chatd.control.stream import Stream

Answerer = Callable[[Context, Stream, Any], Awaitable[str | None]]
"""Hands rows to the stream; what it returns is the sentence about what was done."""


class Handling(NamedTuple):
    """What answers a request, and the least role that may ask it."""

    role: Role
    answer: Answerer


REQUESTS: Final[dict[type, Handling]] = {
    AskStatus: Handling(Role.LOOK, looking.status),
    AskWho: Handling(Role.LOOK, looking.who),
    AskRooms: Handling(Role.LOOK, looking.rooms),
}
