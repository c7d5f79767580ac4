"""The network: what all IRC connections of a server share."""

from collections import deque
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from chatd.chat.state import Room, User
from chatd.ops.settings import IrcConfig
from chatd.server.irc.asking import Asking
from chatd.server.irc.capabilities import RENDERING
from chatd.server.irc.client_tags import ClientTags
from chatd.server.irc.clients import Clients
from chatd.server.irc.marks import Marks
from chatd.server.irc.names import HOST, USER, fold, nuh
from chatd.server.irc.rendering import Renderer, account_name
from chatd.server.irc.watchers import Watchers
from chatd.server.server import Server
from chatd.wire import names
from chatd.wire.irc import encode
from chatd.wire.messages import Event

if TYPE_CHECKING:
    from chatd.server.irc.client import Client

MOST_PAST: Final = 1000
"""Those who have gone that WHOWAS knows of, the latest."""

MOST_NAMED: Final = 20_000
"""Nicks of which it is remembered what was said in USER, the latest; of others nothing is known."""

LATELY: Final = 10_000
"""Milliseconds within which it is told by presence that somebody has come."""

OTHERS_PER_UNIT: Final = 100
"""Clients that are told of what is no message which cost as much as one."""

MOST_TITLED: Final = 1000
"""Rooms of which it is remembered who has set the topic, those where that was the latest."""


class Past(NamedTuple):
    """Somebody who has gone, or is called otherwise now, at ``ts`` in milliseconds since 1970."""

    nick: str
    username: str
    realname: str
    ts: int


class Network(Clients):
    """The renderers by their capabilities, the clients by their users, who watches whom, and who has gone.

    ``opening`` are the clients that are not registered; of these, ``unregistered`` have said a nick.
    """

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server
        self.world = server.hub.world
        self.began = server.wall()
        self.opening: set[Client] = set()
        self.unregistered: set[Client] = set()
        self.invisible: set[Client] = set()
        self.operators: set[Client] = set()
        self._bots: set[Client] = set()
        self.most = 0
        self.past: deque[Past] = deque(maxlen=MOST_PAST)
        self.watchers = Watchers(self.is_here)
        self.titled: dict[str, tuple[str, int]] = {}
        self.marks = Marks()
        self.tags = ClientTags()
        self.asking = Asking(server.clock)
        self._renderers: dict[frozenset[str], Renderer] = {}
        self._usernames: dict[str, str] = {}
        self.proven: dict[User, str] = {}
        self.act_times: dict[tuple[int, str, str], int] = {}
        self._operators = {one.session.user for one in server.connections if one.session is not None}
        self._operators = {user for user in self._operators if user.operator}
        server.hub.presence.watch = self.moved
        self.world.tell_renamed = self.renamed

    @classmethod
    def of(cls, server: Server) -> "Network":
        """Return the network of ``server``."""
        network: Network | None = server.kinds.get("irc")
        if network is None:
            network = server.kinds["irc"] = cls(server)
        return network

    @property
    def config(self) -> IrcConfig:
        """Return what the configuration in force says."""
        return self.server.current.config.irc

    @property
    def name(self) -> str:
        """Return what the server is called."""
        return self.config.name

    def renderer(self, capabilities: set[str]) -> Renderer:
        """Return what renders for clients with ``capabilities``."""
        key = frozenset(capabilities & RENDERING)
        if "batch" not in capabilities:
            key -= {"draft/multiline"}
        renderer = self._renderers.get(key)
        if renderer is None:
            renderer = self._renderers[key] = Renderer(self, key)
        return renderer

    def is_bot(self, nick: str) -> bool:
        """Return whether whoever is called ``nick`` is a bot."""
        return bool(self._bots) and any(fold(client.nick) == fold(nick) for client in self._bots)

    def is_new(self, event: Event) -> bool:
        """Return whether ``event`` was only just: the board of presence has told nothing since."""
        return self.server.wall() - event.ts < LATELY

    def note_modes(self, client: "Client") -> None:
        """Note what modes ``client`` has."""
        for mode, some in (("i", self.invisible), ("B", self._bots)):
            (some.add if mode in client.modes else some.discard)(client)

    def realname_of(self, nick: str) -> str:
        """Return what whoever is called ``nick`` says of themselves."""
        user = self.user_called(nick)
        return nick if user is None else self.realname(user)

    def account(self, user: User | None) -> str:
        """Return the account of ``user``, also that to which a guest has logged in; nothing of others."""
        return account_name(user) or ("" if user is None else self.proven.get(user, ""))

    def account_of(self, event: Event) -> str:
        """Return the account that has caused ``event``; nothing for a guest's, whoever has that nick now."""
        user = self.world.nicks.get(names.fold(event.by))
        since = 0 if user is None or user.account is None else user.account.created
        return self.account(user) if since <= event.ts else ""

    def tell_account(self, client: "Client") -> None:
        """Tell the others that ``client`` has an account now."""
        line = encode(self.nuh(client.nick), "ACCOUNT", self.account(client.me))
        self.tell_peers(client.me, "account-notify", line)
        self.watchers.tell(client.me, "account-notify", line)

    def username(self, nick: str) -> str:
        """Return what whoever is, or was, called ``nick`` has said in USER."""
        return self._usernames.get(fold(nick), USER)

    def nuh(self, nick: str) -> str:
        """Return who ``nick`` is, as the source of a line."""
        return nuh(nick, self.username(nick))

    def _note_username(self, nick: str, username: str) -> None:
        """Note what was said in USER, also for what is told of somebody who has gone."""
        key = fold(nick)
        self._usernames.pop(key, None)
        self._usernames[key] = username
        if len(self._usernames) > MOST_NAMED:
            del self._usernames[next(iter(self._usernames))]

    @property
    def operating(self) -> int:
        """Return how many operators of the server are here, in whatever they speak."""
        shown = {client.user for client in self.operators if client.operates}
        return len(shown | {user for user in self._operators if user.operator and user.connected})

    # ---- coming and going ---------------------------------------------------------------------------

    def entered(self, client: "Client") -> None:
        """Note that ``client`` is registered."""
        self.opening.discard(client)
        self.unregistered.discard(client)
        self._clients.setdefault(client.me, {})[client] = None
        if client.me.account is not None:
            self.asking.add(client)
        if client.operates:
            self.operators.add(client)
        self.most = max(self.most, self.users)
        before = self._usernames.get(fold(client.nick), client.username)
        self._note_username(client.nick, client.username)
        client.me.ident = client.username
        if before != client.username:
            line = encode(nuh(client.nick, before), "CHGHOST", client.username, HOST)
            self.tell_peers(client.me, "chghost", line)
            self.watchers.tell(client.me, "chghost", line)

    def left(self, client: "Client") -> None:
        """Forget ``client``, whose connection ends."""
        for some in (self.opening, self.unregistered, self.invisible, self.operators, self._bots):
            some.discard(client)
        self.asking.remove(client)
        user = client.user
        clients = {} if user is None else self._clients.get(user, {})
        if user is not None and client in clients:
            del clients[client]
            if not clients:
                del self._clients[user]
                self.proven.pop(user, None)
                if user.account is None:
                    self.marks.forget(user)
            self.past.appendleft(Past(client.nick, client.username, client.realname, self.server.wall()))
        for key in client.watched:
            self.watchers.drop(client, key)

    def renamed(self, user: User, old: str, new: str) -> None:
        """Note that ``user`` was called ``old``, whatever their client speaks."""
        clients, username = self.clients_of(user), self.username(old)
        if clients:
            self._note_username(new, username)
        realname = clients[0].realname if clients else old
        self.past.appendleft(Past(old, username, realname, self.server.wall()))
        if fold(old) != fold(new):
            self.watchers.look(old)
            self.watchers.look(new)

    def topic_set(self, event: Event) -> None:
        """Note who has set a topic, unless it is an older one that somebody is told of who was away."""
        known = self.titled.pop(event.room, ("", 0))
        self.titled[event.room] = max((event.by, event.ts), known, key=itemgetter(1))
        if len(self.titled) > MOST_TITLED:
            del self.titled[next(iter(self.titled))]

    def acted(self, room: Room, act: tuple[str, str], *, on: bool) -> None:
        """Note when a mask was put on a list of ``room``, or forget it."""
        key = (room.log.id, *act)
        self.act_times.pop(key, None)
        if on:
            self.act_times[key] = self.server.wall()
        if len(self.act_times) > MOST_TITLED:
            del self.act_times[next(iter(self.act_times))]

    @property
    def users(self) -> int:
        """Return how many connections there are, in whatever they speak."""
        return len(self.server.connections) - len(self.opening)

    def moved(self, user: User) -> None:
        """Note that a connection of ``user`` has come or gone; whoever watches is told in the next turn."""
        if user.operator and user.connected:
            self._operators.add(user)
        elif self._operators:
            self._operators.discard(user)
        if user.nick in self.watchers:
            self.server.clock.callLater(0, self.watchers.look, user.nick)

    def is_here(self, nick: str) -> bool:
        """Return whether somebody called ``nick`` is connected."""
        user = self.user_called(nick)
        return user is not None and user.connected

    def user_called(self, nick: str) -> User | None:
        """Return who is called ``nick`` now."""
        key = names.fold(nick)
        user = self.world.nicks.get(key)
        return None if user is None or user.deleted or user.key != key else user
