"""A client: the state of one connection that speaks IRC, how it asks the hub, and how it says lines.

Commands of a client are done one behind the other: while one waits for answers none is taken
(`Hold.COMMAND`), save for messages, which need not wait for each other. So answers come in the order of the
commands without anybody seeing to that.
"""

from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred

from chatd.chat.state import Asker, Room, User
from chatd.chat.world import World
from chatd.server import dialogue
from chatd.server.connection import ChatConnection
from chatd.server.gate import Hold
from chatd.server.irc import numerics as n
from chatd.server.irc.cursors import Cursors
from chatd.server.irc.names import nuh
from chatd.server.irc.network import Network
from chatd.server.irc.reply import Reply
from chatd.server.states import State
from chatd.wire.errors import ProtocolError, RequestError
from chatd.wire.irc import Line, encode
from chatd.wire.messages import Error, Message, Ok, Request
from chatd.wire.stored import known_time_of

if TYPE_CHECKING:
    from chatd.chat.state import Session
    from chatd.server.irc.commands.multiline import Gathering
    from chatd.server.irc.dialect import Dialect
    from chatd.server.irc.registration import Registration

MOST_LABEL: Final = 64
"""Bytes of a label (ircv3.net, "Labeled Responses")."""

REMEMBERED: Final = 64
"""Changes of nicks, and farewells, of which it is known that the client was told, though other rooms tell."""


class RefusedError(RequestError):
    """A request was refused; its ``answer`` says why."""

    def __init__(self, answer: Error) -> None:
        super().__init__(answer.code, answer.text)  # type: ignore[arg-type]
        self.answer = answer


class Client:
    """One client of ``network``, on ``connection``.

    ``capabilities`` are those that it has asked for; ``registration`` is under way until it is None.
    ``nick`` is what it was told that it is called, ``visible`` are the channels that it was told it is in,
    ``replaying`` says up to which event what is handed out of a channel was said before that. ``watched``
    are the nicks that it watches, by their folded forms, ``modes`` its own. ``labels`` are those of commands
    that an event answers, by that, ``sent`` those of its messages, by their numbers.
    """

    def __init__(self, connection: ChatConnection, network: Network) -> None:
        self.connection = connection
        self.network = network
        self.capabilities: set[str] = set()
        self.modern = False
        self.dialect: Dialect
        self.registration: Registration | None = None
        self.nick = "*"
        self.realname = ""
        self.user: User | None = None
        self.modes: set[str] = set()
        self.visible: set[str] = set()
        self.replaying: dict[str, int] = {}
        self.watched: dict[str, str] = {}
        self.labels: dict[tuple[str, int], str] = {}
        self.sent: dict[int, str] = {}
        self.once: deque[tuple[str, str, int]] = deque(maxlen=REMEMBERED)
        self.cursors = Cursors(self)
        self.since = self.spoke = network.server.wall()
        self.reply: Reply | None = None
        self.gathering: Gathering | None = None
        self.parked = False
        self.busy = False
        self._pending: dict[int, Callable[[Ok | Error], None]] = {}
        self._serial = count(1)
        self.loose = count(1)
        self._batches = count(1)

    # ---- what it says -------------------------------------------------------------------------------

    def write(self, line: bytes) -> None:
        """Say ``line``, which answers nothing."""
        self.connection.output.write(line)

    def say(self, line: bytes) -> None:
        """Say ``line``, as a part of the answer to the present command if there is one."""
        if self.reply is None:
            self.write(line)
        else:
            self.reply.add(line)

    def say_within(self, line: bytes) -> None:
        """Say ``line``, which stands in a batch of its own already."""
        if self.reply is None:
            self.write(line)
        else:
            self.reply.add(line, within=True)

    def tell(self, command: str, *params: str) -> None:
        """Say what the server itself says."""
        self.say(encode(self.network.name, command, *params))

    def numeric(self, numeric: n.Numeric, *params: str, text: str | None = None) -> None:
        """Say a numeric, with its own words unless there is a ``text``."""
        words = numeric.text if text is None else text
        last = () if words is None else (words,)
        self.tell(numeric.number, self.nick, *params, *last)

    def fail(self, command: str, code: str, *context: str, text: str) -> None:
        """Say that a command failed (ircv3.net, "Standard Replies")."""
        self.tell("FAIL", command, code, *context, text)

    def own(self, command: str, *params: str) -> None:
        """Say what the client itself does, as others see it."""
        self.say(encode(nuh(self.nick), command, *params))

    def new_batch(self) -> str:
        """Return what another batch is called."""
        return f"b{next(self._batches)}"

    def has(self, capability: str) -> bool:
        """Return whether the client has asked for ``capability``."""
        return capability in self.capabilities

    # ---- who it is ----------------------------------------------------------------------------------

    @property
    def world(self) -> World:
        """Return the world."""
        return self.network.world

    @property
    def session(self) -> "Session | None":
        """Return its session, once it is registered."""
        return self.connection.session

    @property
    def me(self) -> User:
        """Return its user. Ask only once it is registered."""
        if self.user is None:
            raise RuntimeError("Nobody is registered here yet.")
        return self.user

    @property
    def asker(self) -> Asker:
        """Return what decides about what it asks."""
        return self.world.asker(self.me, self.connection.peer_host)

    def room(self, name: str) -> Room | None:
        """Return the room that it means by ``name``, which may be a nick; None if there is none for it."""
        try:
            return self.world.find_room(self.asker, name if name.startswith("#") else f"@{name}")
        except RequestError:
            return None

    # ---- its commands -------------------------------------------------------------------------------

    def begin(self, label: str, handle: "Handle", line: Line) -> None:
        """Do a command; none other is taken until it is done."""
        self.reply = Reply(self.network.name, label, self.write, iter(self.new_batch, ""))
        work = handle(self, line)
        if work is None:
            self.finish()
            return
        self.busy = True
        self.connection.input.gate.hold(Hold.COMMAND)
        done = Deferred.fromCoroutine(work)
        done.addBoth(self._done)

    def detach(self) -> Reply:
        """Return the reply to the present command, which will be ended later."""
        reply, self.reply = self.reply, None
        if reply is None:
            raise RuntimeError("There is no command.")
        return reply

    @contextmanager
    def resume(self, reply: Reply) -> Iterator[None]:
        """Say within what is left of a ``reply`` that was detached, and end it."""
        before, self.reply = self.reply, reply
        yield
        self.finish()
        self.reply = before

    def finish(self) -> None:
        """End the reply to the present command."""
        reply, self.reply = self.reply, None
        if reply is not None:
            reply.end()

    def _done(self, outcome: Any) -> None:
        self.busy = False
        gate = self.connection.input.gate
        gate.lift(Hold.COMMAND)
        if self.connection.state is State.CLOSING:
            return
        error = getattr(outcome, "value", None)
        if isinstance(error, ProtocolError):
            self.connection.fail(error)
        elif error is not None:
            try:
                outcome.raiseException()
            except Exception:  # noqa: BLE001 - a fault costs this connection alone and is logged (P8)
                self.connection.fault()
        else:
            self.finish()
            self.connection.input.go_on()

    # ---- what it asks -------------------------------------------------------------------------------

    @property
    def waits(self) -> bool:
        """Return whether something that it has asked has no answer yet."""
        return bool(self._pending)

    def ask_then(self, make: Callable[[int], Request], size: int, then: Callable[[Ok | Error], None]) -> None:
        """Ask what ``make`` makes of an id; ``then`` is called with the answer."""
        number = next(self._serial)
        self._pending[number] = then
        dialogue.decide(self.connection, make(number), size)

    async def ask(
        self, make: Callable[[int], Request], at_once: Callable[[Ok], None] | None = None, size: int = 64
    ) -> Ok:
        """Return the answer to what ``make`` makes of an id. Raises `RefusedError`.

        ``at_once`` is called when it is granted, before others are told.
        """
        answered: Deferred[Any] = Deferred()

        def then(answer: Ok | Error) -> None:
            if at_once is not None and isinstance(answer, Ok):
                at_once(answer)
            self._later(answered, answer)

        self.ask_then(make, size, then)
        answer = await answered
        if isinstance(answer, Error):
            raise RefusedError(answer)
        if not isinstance(answer, Ok):
            raise TypeError(answer)
        return answer

    async def settle(self) -> None:
        """Wait until all that was decided is on the disk, and was handed out."""
        settled: Deferred[Any] = Deferred()

        def later() -> Sequence[Message]:
            self._later(settled, None)
            return ()

        self.world.batch.tell(self.connection, later)
        self.network.server.hub.call()
        await settled

    async def event_time(self, room: Room, seq: int) -> int:
        """Return when event ``seq`` of ``room`` was, in milliseconds since 1970; 0 if that cannot be read."""
        read: Deferred[Any] = Deferred()
        self.network.server.reads.read(room.log, seq, seq, 1, False, lambda events: self._later(read, events))
        events = await read
        return known_time_of(events[0]) if events else 0

    async def rest(self) -> None:
        """Let everything else have its turn."""
        rested: Deferred[Any] = Deferred()
        self._later(rested, None)
        await rested

    def _later(self, deferred: "Deferred[Any]", value: object) -> None:
        """Go on in the next turn: now everybody is being told of a batch."""
        self.network.server.clock.callLater(0, self._wake, deferred, value)

    def _wake(self, deferred: "Deferred[Any]", value: object) -> None:
        if self.connection.state is not State.CLOSING:
            deferred.callback(value)

    def answered(self, answer: Ok | Error) -> None:
        """Take the answer to something asked. What was parked because of it is taken up."""
        number = answer.id
        then = None if number is None else self._pending.pop(number, None)
        if then is not None:
            then(answer)
        if self.parked and not self._pending:
            self.connection.input.gate.lift(Hold.COMMAND)
            self.connection.input.go_on()

    def pass_label(self, ok: Ok) -> None:
        """Let the event that ``ok`` names be the answer to the present command, as the client will see it."""
        room, seq = ok.room, ok.seq
        if self.reply is not None and seq is not None and (room in self.visible or room.startswith("@")):
            label = self.reply.pass_on()
            if label:
                self.labels[room, seq] = label

    # ---- what it watches ----------------------------------------------------------------------------

    def seen(self, nick: str, *, here: bool) -> None:
        """Be told that ``nick``, which is watched, has come or gone."""
        numeric, who = (n.MONONLINE, nuh(nick)) if here else (n.MONOFFLINE, nick)
        self.write(encode(self.network.name, numeric.number, self.nick, who))

    def let_go(self) -> None:
        """Forget all: the connection is gone."""
        self.network.left(self)
        self._pending.clear()
        self.cursors = _GONE
        self.gathering = None
        self.reply = None
        self.parked = False


_GONE: Any = None
"""What is left of the cursors of a client that is gone."""

Handle = Callable[[Client, Line], Coroutine[Any, Any, None] | None]
"""Does a command: at once, or returns what is to be waited for."""
