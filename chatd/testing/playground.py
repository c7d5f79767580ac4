"""The playground: the real daemon's protocol behind an in-memory network, under a fake clock."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from argon2 import PasswordHasher
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol

from chatd.build import Daemon, FileKeeping
from chatd.chat import storage
from chatd.ops.settings import Config
from chatd.server.factory import IRC, IRC_WEBSOCKET, WEB, ChatFactory, factories
from chatd.server.passwords import Passwords
from chatd.server.server import Server
from chatd.testing.clock import QuickClock
from chatd.testing.files import ClockWorkers, MortalBlobStore
from chatd.testing.network import MemoryEndpoint, MemoryTransport, Network
from chatd.testing.store import MemoryStore
from chatd.webhooks.seams import Sender

START_OF_TIME: Final = 1_700_000_000_000
"""Milliseconds since 1970 at which the wall clock of a playground begins."""


PORTS: Final = {"native": 7411, "json-lines": 7412, "web": 7480, "irc": 6667, "irc-websocket": 8097}
"""The daemon's ports in the network, by protocol."""


class _Grip:
    """A daemon's hold on the store. Once it is cut, nothing that the dead daemon does reaches the disk."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._cut = False

    def cut(self) -> None:
        """End with the daemon."""
        self._cut = True

    def append(self, changes: storage.Changes, done: Callable[[Exception | None], None]) -> None:
        """Hand on a commit, unless the daemon is dead."""
        if not self._cut:
            self._store.append(changes, done)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class _Late(Factory):
    """Makes connections to ``server`` of a kind that is not loaded before somebody comes."""

    def __init__(self, protocol: str, server: Server) -> None:
        self._protocol = protocol
        self._server = server

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Return the protocol of a new connection."""
        return self._factory.buildProtocol(addr)

    @cached_property
    def _factory(self) -> ChatFactory:
        return ChatFactory(self._protocol, self._server)


class _Ports:
    """An IAgentEndpointFactory over the network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def endpointForURI(self, uri: Any) -> MemoryEndpoint:
        """Return the endpoint for ``uri``."""
        return MemoryEndpoint(self._network, uri.port)


class Playground:
    """A fake clock, an in-memory network and, once started, the real daemon behind it.

    With a ``folder`` the daemon takes files and keeps them there.
    """

    def __init__(self, config: Config | None = None, store: Any = None, folder: Path | None = None) -> None:
        self.clock = QuickClock()
        self.network = Network(self.clock)
        self.store = MemoryStore() if store is None else store
        self.config = config or Config()
        self.folder = folder
        self.server: Server | None = None

    def wall(self) -> int:
        """Return the time of day in milliseconds since 1970."""
        return START_OF_TIME + round(self.clock.seconds() * 1000)

    def start_server(self) -> Server:
        """Start the daemon on the content of the store."""
        self._grip = _Grip(self.store)
        keeping = None
        if self.folder is not None:
            self.workers = ClockWorkers(self.clock)
            self.blobs = MortalBlobStore(self.folder)
            keeping = FileKeeping(self.blobs, self.workers, self.workers)
        self._daemon = daemon = Daemon(
            self.config,
            self.store.load(),
            self._grip,
            self.clock,
            self.wall,
            keeping,
            self._passwords(),
            self._sender,
        )
        self.committer = daemon.committer
        self.server = daemon.server
        daemon.start()
        for protocol, factory in factories(daemon.server).items():
            self.network.listen(factory, PORTS[protocol])
        for protocol in (WEB, IRC, IRC_WEBSOCKET):
            self.network.listen(_Late(protocol, daemon.server), PORTS[protocol])
        return daemon.server

    def _passwords(self) -> Passwords:
        """Return what hashes passwords as time goes on, as cheaply as argon2id can be."""
        self.hashing = ClockWorkers(self.clock)
        return Passwords(self.hashing, self.clock, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))

    def _sender(self) -> Sender:
        """Return what posts to other servers in the network, whatever they are called, by their ports."""
        from chatd.webhooks.sender import HttpSender  # noqa: PLC0415 - it brings HTTP, which few tests want

        return HttpSender(self.clock, _Ports(self.network))

    def crash_server(self) -> None:
        """Lose the daemon as by SIGKILL. Only the data that the store committed is left."""
        self._grip.cut()
        for port in PORTS.values():
            self.network.listen(None, port)
        self._daemon.stop()
        self.hashing.die()
        if self.folder is not None:
            self.workers.die()
            self.blobs.die()
        if self.server is not None:
            for connection in self.server.swept():
                connection.transport.abortConnection()  # type: ignore[attr-defined]
        self.server = None

    def connect(self, protocol: Protocol, speaks: str = "native") -> MemoryTransport:
        """Connect ``protocol`` to the daemon's listener for the protocol ``speaks``.

        Raises ConnectionRefusedError.
        """
        return self.network.connect(protocol, PORTS[speaks])

    def endpoint(self, speaks: str = "native") -> MemoryEndpoint:
        """Return a client endpoint to the daemon's listener for the protocol ``speaks``."""
        return MemoryEndpoint(self.network, PORTS[speaks])

    def advance(self, seconds: float = 0.0, step: float = 0.05) -> None:
        """Let ``seconds`` go by in steps of ``step``."""
        for _ in range(3):
            self.clock.advance(0)
        while seconds > 0:
            self.clock.advance(min(step, seconds))
            seconds -= step
        for _ in range(3):
            self.clock.advance(0)
