"""A client: the state of one connection that speaks IRC, and how its commands are done.

Commands of a client are done one behind the other: while one waits for answers none is taken
(`Hold.COMMAND`), save for messages, which need not wait for each other. So answers come in the order of the
commands without anybody seeing to that.
"""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred

from chatd.chat.state import Asker, Room, User
from chatd.chat.world import World
from chatd.server.connection import ChatConnection
from chatd.server.gate import Hold
from chatd.server.irc import metadata
from chatd.server.irc import numerics as n
from chatd.server.irc.cursors import Cursors
from chatd.server.irc.doubts import settle
from chatd.server.irc.network import Network
from chatd.server.irc.questions import Questions
from chatd.server.irc.rendering import prefixes_of
from chatd.server.irc.reply import Reply
from chatd.server.irc.voice import Voice
from chatd.server.states import State
from chatd.wire.errors import ProtocolError, RequestError
from chatd.wire.irc import Line, encode
from chatd.wire.messages import Error, Ok

if TYPE_CHECKING:
    from chatd.chat.state import Session
    from chatd.server.irc.commands.multiline import Gathering
    from chatd.server.irc.dialect import Dialect
    from chatd.server.irc.registration import Registration
    from chatd.server.irc.sasl import Sasl

MOST_LABEL: Final = 64
"""Bytes of a label (ircv3.net, "Labeled Responses")."""


class Client(Voice):
    """One client of ``network``, on ``connection``.

    ``questions`` are what it has asked the hub; ``registration`` is under way until it is None. ``visible``
    are the channels that it was told it is in, ``replaying`` says up to which event what is handed out of a
    channel was said before that. ``watched`` are the nicks that it watches, by their folded
    forms, ``subscriptions`` the keys of metadata of which it hears, ``modes`` its own. ``labels`` are those
    of commands that an event answers, by that, ``echoes`` those of its messages that are answered, by their
    numbers, ``sent`` the replies to those that are not; ``batched`` are the batches in which others are
    echoed, ``echoing`` is that of what is being sent. ``once`` is what it was told that other rooms tell too.
    ``doubts`` wait for a sign that it is still there (`chatd.server.irc.doubts`).
    """

    def __init__(self, connection: ChatConnection, network: Network) -> None:
        super().__init__(connection, network)
        self.modern = False
        self.dialect: Dialect
        self.registration: Registration | None = None
        self.later: Sasl | None = None
        self.realname = ""
        self.opered = False
        self.user: User | None = None
        self.modes: set[str] = set()
        self.visible: set[str] = set()
        self.replaying: dict[str, int] = {}
        self.watched: dict[str, str] = {}
        self.subscriptions: set[str] = set()
        self.labels: dict[tuple[str, int], str] = {}
        self.sent: dict[int, Reply] = {}
        self.echoes: dict[int, str] = {}
        self.batched: dict[int, str] = {}
        self.echoing = ""
        self.once: dict[tuple[str, str, int], None] = {}
        self.cursors = Cursors(self)
        self.since = self.spoke = network.server.wall()
        self.gathering: Gathering | None = None
        self.parked = False
        self.busy = False
        self.doubts: list[Deferred[None]] = []
        self.questions = Questions(connection)
        self.loose = count(1)

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
    def operates(self) -> bool:
        """Return whether it is an operator's: by its account, or by OPER."""
        return self.opered or self.me.operator

    @property
    def asker(self) -> Asker:
        """Return what decides about what it asks."""
        return self.world.asker(self.me, self.connection.peer_host)

    def prefix_of(self, room: Room, user: User) -> str:
        """Return the sign of what ``user`` is in ``room``, all of them for who wants these."""
        signs = prefixes_of(room, user)
        return signs if self.has("multi-prefix") else signs[:1]

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

    def answered(self, answer: Ok | Error) -> None:
        """Take the answer to something asked. What was parked because of it is taken up."""
        self.questions.answered(answer)
        if self.parked and not self.questions.open:
            self.connection.input.gate.lift(Hold.COMMAND)
            self.connection.input.go_on()

    def next_number(self) -> int:
        """Return the number of what is sent next; of one that had it, and was refused, nothing is left."""
        session = self.session
        number = 1 if session is None else session.last + 1
        self._forget(number)
        return number

    def unsend(self, number: int) -> None:
        """Forget what is known of a message that was refused, unless another one has its number by now."""
        if self.session is None or self.session.last < number:
            self._forget(number)

    def answered_before_its_echo(self, number: int) -> None:
        """Leave the label of a message that is answered to its echo, unless that has come."""
        reply = self.sent.pop(number, None)
        label = "" if reply is None else reply.pass_on()
        if label:
            self.echoes[number] = label

    def echo_label(self, number: int) -> str:
        """Return the label of the echo of a message that is handed out now, whether it is answered or not."""
        reply = self.sent.pop(number, None)
        return self.echoes.pop(number, "") if reply is None else reply.pass_on()

    def _forget(self, number: int) -> None:
        self.sent.pop(number, None)
        self.echoes.pop(number, None)
        self.batched.pop(number, None)
        if self.session is not None:
            self.network.tags.drop(self.session.id, number)

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
        numeric, who = (n.MONONLINE, self.network.nuh(nick)) if here else (n.MONOFFLINE, nick)
        self.write(encode(self.network.name, numeric.number, self.nick, who))
        if here:
            metadata.came(self, nick)

    def let_go(self) -> None:
        """Forget all: the connection is gone."""
        self.network.left(self)
        if self.later is not None:
            self.later.let_go()
            self.later = None
        settle(self)
        self.questions.let_go()
        self.cursors = _GONE
        self.gathering = None
        self.reply = None
        self.parked = False


_GONE: Any = None
"""What is left of the cursors of a client that is gone."""

Handle = Callable[[Client, Line], Coroutine[Any, Any, None] | None]
"""Does a command: at once, or returns what is to be waited for."""
