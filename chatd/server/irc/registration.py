"""Registration: what comes before 001. One table maps its commands; the rest is refused with 451.

It ends when there is a nick and a USER, and neither a negotiation of capabilities nor SASL is under way. Then
its hello goes the way of all others (`chatd.server.admission`), but a nick that is taken is only told.
"""

from contextlib import suppress
from hmac import compare_digest
from typing import Any, Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from chatd.chat.arrival import Arrival
from chatd.chat.names import check_nick
from chatd.ops.log import Log
from chatd.server.gate import Hold
from chatd.server.irc import doubts, metadata
from chatd.server.irc import numerics as n
from chatd.server.irc.client import Client
from chatd.server.irc.names import fold, shown, user_named
from chatd.server.irc.sasl import PULSE, Sasl
from chatd.server.irc.welcoming import enter, label_of
from chatd.server.states import State
from chatd.wire.errors import ChatdError, CloseReason, Code, RequestError
from chatd.wire.heartbeat import Heartbeat
from chatd.wire.irc import Line
from chatd.wire.messages import Hello

log = Log(__name__)

_GONE: Any = None
"""What is left of a client that is gone."""

MOST_PASSWORDS: Final = 2
"""Passwords of PASS that are looked at: that of the listener, and that of an account."""

SAY_IT_FIRST: Final = "Say the password of this server first: PASS, before NICK and USER."

_RENAMES: Final = frozenset({Code.NICK_TAKEN, Code.BAD_NICK})


class Registration:
    """The registration of ``client``."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.wish = self.refused = self._declined = ""
        self.named = False
        self.negotiating = False
        self.passwords: list[str] = []
        self.said: dict[str, str] = {}
        self._welcome = self._guessed = False
        self.sasl = Sasl(client, lambda: self.wish, self.go_on)

    # ---- who one is ---------------------------------------------------------------------------------

    def nick(self, line: Line) -> None:
        """Wish for a nick."""
        client = self._client
        wish = line.params[0] if line.params else ""
        if not wish:
            client.numeric(n.NONICKNAMEGIVEN)
            return
        if not self._is_free(wish):
            self.refused = wish
            return
        self.wish = wish
        client.network.unregistered.add(client)
        self.go_on()

    def _is_free(self, wish: str) -> bool:
        client = self._client
        world = client.world
        try:
            key = check_nick(wish)[1]
        except RequestError as error:
            client.numeric(n.ERRONEUSNICKNAME, shown(wish), text=error.text)
            return False
        owner = world.nicks.get(key)
        if owner is not None and owner.account is not None and not owner.deleted:
            return True  # whoever logs in may be that account
        try:
            world.free_nick(wish)
        except RequestError as error:
            client.numeric(n.NICKNAMEINUSE, wish, text=error.text)
            return False
        return True

    def named_by(self, line: Line) -> None:
        """Say what one is called otherwise (USER)."""
        client = self._client
        if len(line.params) < 4 or not line.params[3]:  # noqa: PLR2004 - user, mode, unused, realname
            client.numeric(n.NEEDMOREPARAMS, "USER")
            return
        client.realname = line.params[3]
        client.username = user_named(line.params[0])
        self.named = True
        self.go_on()

    def show(self, password: str) -> None:
        """Show a password (PASS): that of the listener or that of an account; the last two are looked at."""
        self.passwords = [*self.passwords, password][-MOST_PASSWORDS:]

    async def register(self, nick: str, password: str) -> ChatdError | None:
        """Make an account, by which the client will come in; return the refusal if there is one."""
        connection = self._client.connection
        hello = Hello(nick=nick, password=password, register=True, heartbeat=PULSE)
        self.sasl.checking = True
        made: Deferred[Any] = maybeDeferred(connection.server.admission.login, connection, hello)
        try:
            self.sasl.arrival = await made
        except ChatdError as error:
            return error
        finally:
            self.sasl.checking = False
        if connection.state is State.CLOSING:
            self.sasl.let_go()
        return None

    def go_on(self) -> None:
        """Let the client in, if nothing is missing any more."""
        ready = self.wish and self.named and not (self.negotiating or self.sasl.active)
        if ready and self._client.connection.state is State.OPENED:
            self._enter()

    # ---- coming in ----------------------------------------------------------------------------------

    def _enter(self) -> None:
        client = self._client
        connection, arrival = client.connection, self.sasl.arrival
        if arrival is None:
            try:
                welcome = self._knows_password()
            except RequestError as error:
                self._refuse(error.text)
                return
            if self.passwords:
                name, _, secret = self.passwords.pop().rpartition(":")
                self.sasl.log_in(name or self.wish, secret)
                return
            if not welcome:
                self._refuse(SAY_IT_FIRST)
                return
        connection.state = State.WELCOMING
        connection.input.gate.hold(Hold.LOGIN)
        hello = Hello(nick=self.wish, heartbeat=PULSE, software="IRC")
        login: Deferred[Any]
        if arrival is not None:
            login = maybeDeferred(lambda: arrival)
        else:
            login = maybeDeferred(connection.server.admission.login, connection, hello)
        login.addCallback(self._doubt)
        login.addCallback(lambda arrival: self._arrive(arrival, hello))
        login.addErrback(self._turned_away)

    def _doubt(self, arrival: Arrival) -> Arrival | Deferred[Arrival]:
        """Wait until it is clear whether another connection of the same device is still there."""
        old = doubts.doubtful(self._client.network, arrival.session.user, label_of(self.sasl.device))
        return arrival if old is None else doubts.ask(old).addCallback(lambda _: arrival)

    def _refuse(self, text: str) -> None:
        self._client.numeric(n.PASSWDMISMATCH, text=text)
        self._client.connection.close(CloseReason.REFUSED, text)

    def _knows_password(self) -> bool:
        """Return whether the password of the listener was shown, if it has one; look at it no more.

        What was no password of it may have been a guess, unless it opens an account. Raises `RequestError`
        ``too-fast``.
        """
        connection = self._client.connection
        wanted = connection.listener.rules.password
        if not self._welcome and wanted and self.passwords:
            gatekeeper, host = connection.server.doors.gatekeeper, connection.peer_host
            gatekeeper.guess(host)
            right = [one for one in self.passwords if compare_digest(one.encode(), wanted.encode())]
            self.passwords = [one for one in self.passwords if one not in right]
            self._welcome, self._guessed = bool(right), not right
            if right:
                gatekeeper.right(host)
        return self._welcome or not wanted

    def _arrive(self, arrival: Arrival, hello: Hello) -> None:
        client = self._client
        connection = client.connection
        if connection.state is not State.WELCOMING:
            if arrival.session.peer is None:
                connection.server.hub.abandon(arrival.session, connection.server.wall())
            return
        self.sasl.arrival = None
        self._be_called(arrival)
        metadata.begin(client, arrival.session.user, self.said)
        arrival = enter(client, arrival, hello, self.sasl.device)
        self.sasl.let_go()
        if self._guessed:
            connection.server.doors.gatekeeper.right(connection.peer_host)
        connection.state = State.LIVE
        client.registration = None
        gate, server = connection.input.gate, connection.server
        gate.allowance = server.allowance(arrival.session, connection.peer_host)
        gate.volume = server.volume(arrival.session, connection.peer_host)
        gate.lift(Hold.LOGIN)
        pulse = arrival.pulse
        connection.liveness.heartbeat = Heartbeat(pulse.interval, pulse.misses, server.clock.seconds())
        if self.said:
            Deferred.fromCoroutine(metadata.announce(client, self.said))
        connection.input.go_on()

    def _be_called(self, arrival: Arrival) -> None:
        """Have an account called as NICK wishes, unless another device of it is here or that cannot be.

        Who wished for its own nick before the login, and was told that it belongs to an account, has it now.
        """
        user, server = arrival.session.user, self._client.connection.server
        here = any(session.peer is not None for session in user.sessions)
        own = fold(user.nick) in {fold(self.wish), fold(self._declined)}
        if user.account is not None and not here and not own:
            with suppress(RequestError):
                server.hub.rename(arrival.session, self.wish, server.wall())

    def _turned_away(self, failure: Failure) -> None:
        """Tell that the nick is taken, so that another may be wished for; end because of all else."""
        client, error = self._client, failure.value
        connection = client.connection
        if connection.state is State.CLOSING:
            return
        connection.input.gate.lift(Hold.LOGIN)
        if isinstance(error, ChatdError) and error.code in _RENAMES:
            connection.state = State.OPENED
            taken = n.NICKNAMEINUSE if error.code is Code.NICK_TAKEN else n.ERRONEUSNICKNAME
            client.numeric(taken, shown(self.wish), text=error.text)
            self._declined, self.wish = self.wish, ""
            connection.input.go_on()
        elif isinstance(error, ChatdError):
            connection.fail(error, CloseReason.REFUSED)
        else:
            log.failure("login-fault", failure, peer=connection.address)
            connection.close(CloseReason.FAULT)
        failure.cleanFailure()

    def let_go(self) -> None:
        """End the session that was logged in to, if nobody came in by it."""
        self.sasl.let_go()
        if self._client.connection.state is not State.WELCOMING:
            self._client = _GONE
