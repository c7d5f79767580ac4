"""The console: what an operator at the control socket is to the hub, and how the commit is waited for.

It is a `chatd.chat.state.Peer` of no session. What it asks is decided as if an operator of the server had
asked, who stands above everybody; events call it by the name of the server itself.
"""

from typing import Any, Final

from twisted.internet.defer import Deferred

from chatd.chat.changes.rows import OPERATOR, PutAccount
from chatd.chat.state import CONSOLE, Room, Session, User
from chatd.clock import Clock
from chatd.control.messages import RefusedError
from chatd.server.addresses import LOCAL_HOST
from chatd.server.server import Server
from chatd.server.silent_peer import SilentPeer
from chatd.wire.errors import Code
from chatd.wire.messages import Error, Message, Ok, Request
from chatd.wire.names import SERVER

_BROKEN: Final = "The server cannot write to its disk now, so that nothing was changed; try again later."

_FAULT: Final = Error(code="fault", text="The daemon could not do that, by a fault of its own.")


class Console:
    """One operator's hold on ``server``, which decides and makes durable what is asked."""

    def __init__(self, server: Server, clock: Clock) -> None:
        self._server = server
        self._clock = clock

    async def request(self, request: Request) -> Ok:
        """Return the answer to ``request``, once it is durable. Raises `RefusedError`."""
        answer: Deferred[Any] = Deferred()

        def answered(message: Message | None) -> None:
            self._clock.callLater(0, answer.callback, message or _FAULT)

        peer = SilentPeer(LOCAL_HOST, answered)
        hub = self._server.hub
        hub.decide(peer, Session(CONSOLE, console_user(), b""), request, self._server.wall())
        hub.call()
        message = await answer
        if isinstance(message, Error):
            raise RefusedError(str(message.code), message.text)
        ok: Ok = message
        return ok

    async def durable(self) -> None:
        """Wait until what was changed in the open batch is on disk. Raises `RefusedError`."""
        hub = self._server.hub
        batch = hub.world.batch
        told: Deferred[bool] = Deferred()

        def tell() -> list[Message]:
            self._clock.callLater(0, told.callback, batch.undone)
            return []

        batch.tell(SilentPeer(LOCAL_HOST, _ignore), tell)
        hub.call()
        if await told:
            raise RefusedError(str(Code.STORAGE_UNAVAILABLE), _BROKEN)


def _ignore(_: Message | None) -> None:
    """Do nothing: whoever waits for a commit is told by it."""


def need_room(server: Server, name: str) -> Room:
    """Return the room called ``name``. Raises `RefusedError`, with a hint where there is none."""
    if not name:
        raise RefusedError("no-such-room", "Name a room with --room.")
    world = server.hub.world
    room = world.find_room(world.asker(console_user()), name)
    if room is None:
        raise RefusedError("no-such-room", f"There is no room {name}; chatctl rooms lists them.")
    return room


def console_user() -> User:
    """Return the operator at the console, whom no user is."""
    return User(CONSOLE, SERVER, None, PutAccount(CONSOLE, "", flags=OPERATOR))
