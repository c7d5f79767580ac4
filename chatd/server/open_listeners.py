"""The open listeners: opened at the start, rearranged by a reload all together or not at all."""

import os
import select
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from twisted.internet import tcp
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.python.failure import Failure

from chatd.ops.log import Log
from chatd.ops.settings import Config, ListenConfig
from chatd.server.announcing import Open
from chatd.server.doorway import Doorway, inside
from chatd.server.eager import send_eagerly
from chatd.server.factory import ChatFactory
from chatd.server.listener_rules import ListenerRules
from chatd.server.listeners import ListenError, adopt, can_reopen, explain, listen
from chatd.server.server import Server
from chatd.server.tls_options import Material, material_of
from chatd.tcp import limit_segments

log = Log(__name__)

ROUNDS: Final = 100
"""Times that those who have come are let in before a listener is closed; each time they are some dozens."""


class Setting(NamedTuple):
    """What a listener is to do: its configuration, with its files as they were read and all made of them."""

    config: ListenConfig
    material: Material
    rules: ListenerRules
    inside: IProtocolFactory


class Listener:
    """An open listener, as ``config`` says within the whole configuration ``of``. Raises `ListenError`.

    All its connections are made by ``chat``. ``inherited`` is its listening socket, if it has one already.
    """

    def __init__(
        self, reactor: object, config: ListenConfig, of: Config, inherited: int | None = None
    ) -> None:
        self._reactor = reactor
        self._eager = of.eager_send
        self.chat = ChatFactory(config.speaks)
        self.setting = setting = self.prepare(config, of)
        self._doorway = Doorway(setting.inside)
        self.port = self._open(inherited)
        self.chat.rules = setting.rules

    def prepare(self, config: ListenConfig, of: Config) -> Setting:
        """Return what ``config`` makes of this listener, and change nothing. Raises `ListenError`."""
        try:
            material = material_of(config)
            made = inside(config, material, self.chat)
        except (OSError, ValueError) as error:
            raise ListenError(explain(config, error)) from None
        except Exception as error:
            raise ListenError(explain(config, error)) from error
        return Setting(config, material, ListenerRules.of(config, of.guests), made)

    def use(self, setting: Setting) -> None:
        """Accept as ``setting`` says from now on. Those who are in stay, under the new rules for guests."""
        before, self.setting = self.setting, setting
        self.chat.rules = setting.rules
        if (before.config, before.material) == (setting.config, setting.material):
            return  # TLS stays the same, so that its tickets remain good
        self.chat.speak(setting.config.speaks)
        self._doorway.inside = setting.inside
        if before.config.backlog != setting.config.backlog and "backlog=" not in setting.config.endpoint:
            self.port.socket.listen(setting.config.backlog)  # type: ignore[attr-defined]
        if before.config.max_segment != setting.config.max_segment:
            limit_segments(self.port, setting.config.max_segment)

    def _open(self, inherited: int | None = None) -> IListeningPort:
        if inherited is None:
            port = listen(self._reactor, self.setting.config, self._doorway)
        else:
            port = adopt(self._reactor, self.setting.config, self._doorway, inherited)
        if self._eager:
            send_eagerly(port)
        if self.setting.config.max_segment:
            limit_segments(port, self.setting.config.max_segment)
        return port

    @property
    def can_reopen(self) -> bool:
        """Return whether `reopen` is likely to do."""
        return can_reopen(self.setting.config.endpoint, self.port)

    def reopen(self) -> None:
        """Listen again after `close`. Raises `ListenError`."""
        self.port = self._open()

    def release(self) -> None:
        """Listen no longer; whoever has inherited the socket goes on, and lets in those who have come."""
        port: Any = self.port
        if not port.connected:
            return
        port._shouldShutdown = False  # noqa: SLF001 - that would end the socket for its heir, too
        if getattr(port, "lockFile", None) is not None:
            port.lockFile.unlock()
        tcp.Port.connectionLost(port, Failure(ConnectionDone()))  # a UNIX socket keeps its file

    def close(self) -> None:
        """Listen no longer, after letting in those who have come. The connections stay."""
        port: Any = self.port
        if not isinstance(port, tcp.Port):
            port.stopListening()
            return
        if not port.connected:
            return
        waiting, done = select.poll(), Failure(ConnectionDone())
        waiting.register(port.fileno(), select.POLLIN)
        for _ in range(ROUNDS):
            if not waiting.poll(0):
                break
            port.doRead()
        try:
            port.connectionLost(done)  # at once: stopListening does it in the next turn
        except OSError:  # the UNIX socket was removed already, or may not be removed any more
            if port.connected:
                lock = getattr(port, "lockFile", None)
                if lock is not None:
                    with suppress(OSError, ValueError):
                        lock.unlock()
                tcp.Port.connectionLost(port, done)


class Rearrangement:
    """What a reload does to ``listeners``; nothing is changed yet for anybody until `commit`.

    ``changed`` are those that stay, each with its new setting; ``added`` are open but accept nobody.
    """

    def __init__(
        self,
        listeners: "Listeners",
        changed: list[tuple[Listener, Setting]],
        added: list[Listener],
        removed: list[Listener],
    ) -> None:
        self._listeners = listeners
        self._changed = changed
        self._added = added
        self._removed = removed

    @property
    def renewed(self) -> dict[str, list[str]]:
        """Return the fields of which the files hold something else by now, by endpoint."""
        return {
            setting.config.endpoint: [
                field
                for field in Material._fields
                if getattr(listener.setting.material, field) != getattr(setting.material, field)
            ]
            for listener, setting in self._changed
        }

    def commit(self) -> None:
        """Do it."""
        for listener, setting in self._changed:
            listener.use(setting)
        for listener in self._removed:
            listener.close()
        self._listeners.set([*(listener for listener, _ in self._changed), *self._added])


class Listeners:
    """The listeners that are open, by endpoint. They accept nobody before they have a ``server``."""

    def __init__(self, reactor: object) -> None:
        self._reactor = reactor
        self._open: dict[str, Listener] = {}
        self._server: Server | None = None

    def __bool__(self) -> bool:
        return bool(self._open)

    def __contains__(self, endpoint: str) -> bool:
        return endpoint in self._open

    @property
    def ports(self) -> list[IListeningPort]:
        """Return the ports."""
        return [listener.port for listener in self._open.values()]

    @property
    def for_tcp(self) -> list[Open]:
        """Return those for TCP, as others might reach them."""
        return [
            Open(
                config.protocol,
                config.tls or config.endpoint.startswith("ssl:"),
                address.host,
                address.port,
                config.proxy_protocol or config.endpoint.startswith("haproxy:"),
            )
            for listener in self._open.values()
            for config, address in ((listener.setting.config, listener.port.getHost()),)
            if isinstance(address, IPv4Address | IPv6Address)
        ]

    def set(self, listeners: Iterable[Listener]) -> None:
        """Let ``listeners`` be those that are open."""
        self._open = {listener.setting.config.endpoint: listener for listener in listeners}
        for listener in self._open.values():
            listener.chat.server = self._server

    def open(self, config: Config, inherited: Mapping[str, int] | None = None) -> None:
        """Open all of ``config``, of which some may have been ``inherited``, by endpoint.

        Raises `ListenError`; those that could be opened stay so.
        """
        sockets = dict(inherited or {})
        for listener in config.listen:
            number = sockets.pop(listener.endpoint, None)
            self._open[listener.endpoint] = Listener(self._reactor, listener, config, number)
        for number in sockets.values():
            os.close(number)

    def accept(self, accept: bool) -> None:
        """Accept nobody for a while, or go on."""
        for port in self.ports:
            (port.startReading if accept else port.stopReading)()  # type: ignore[attr-defined]

    def sockets(self) -> dict[str, int]:
        """Return the listening sockets, by endpoint. Raises `ListenError` if one cannot be handed over."""
        for endpoint, listener in self._open.items():
            if endpoint.startswith("haproxy:ssl:") or not isinstance(listener.port, tcp.Port):
                raise ListenError(f"The listener {endpoint} cannot be handed over; restart the daemon.")
        return {endpoint: listener.port.fileno() for endpoint, listener in self._open.items()}  # type: ignore[attr-defined]

    def release(self) -> None:
        """Listen no longer; whoever has inherited the sockets goes on."""
        for listener in self._open.values():
            listener.release()
        self._open = {}

    def serve(self, server: Server) -> None:
        """Begin to accept for ``server``."""
        self._server = server
        self.set(self._open.values())

    @property
    def outdated(self) -> bool:
        """Return whether the files of some listener hold something else by now, if they can be read."""
        for listener in self._open.values():
            with suppress(OSError, ValueError):
                if material_of(listener.setting.config) != listener.setting.material:
                    return True
        return False

    def prepare(self, config: Config) -> Rearrangement:
        """Open what ``config`` adds and check the rest, so that `Rearrangement.commit` cannot fail.

        Raises `ListenError`; then all is as it was, but for a listener of which `listener-lost` was logged.
        """
        wanted = {listener.endpoint: listener for listener in config.listen}
        changed = [
            (self._open[endpoint], self._open[endpoint].prepare(listener, config))
            for endpoint, listener in wanted.items()
            if endpoint in self._open
        ]
        new = [listener for endpoint, listener in wanted.items() if endpoint not in self._open]
        removed = [listener for endpoint, listener in self._open.items() if endpoint not in wanted]
        try:
            return Rearrangement(self, changed, self._add(new, config), removed)
        except ListenError as error:
            if not removed or not error.in_use or not all(listener.can_reopen for listener in removed):
                raise
        # One of those that go may hold the address that a new one wants.
        for listener in removed:
            listener.close()
        try:
            return Rearrangement(self, changed, self._add(new, config), [])
        except ListenError:
            for listener in removed:
                self._reopen(listener)
            raise

    def _reopen(self, listener: Listener) -> None:
        """Open ``listener`` again; where that fails, it is open no longer."""
        try:
            listener.reopen()
        except ListenError as error:
            endpoint = listener.setting.config.endpoint
            del self._open[endpoint]
            log.error("listener-lost", str(error), listen=endpoint)

    def _add(self, new: list[ListenConfig], config: Config) -> list[Listener]:
        """Open all of ``new``, or none. Raises `ListenError`."""
        added: list[Listener] = []
        try:
            for listener in new:
                added.append(Listener(self._reactor, listener, config))  # noqa: PERF401 - it is closed below
        except ListenError:
            for listener_ in added:
                listener_.close()
            raise
        return added

    def close(self) -> None:
        """Listen no longer."""
        for listener in self._open.values():
            listener.close()
        self._open = {}
