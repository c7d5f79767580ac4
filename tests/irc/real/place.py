"""Where real clients are tried: a daemon, somebody beside it who talks, and two hosts that can be cut off."""

import asyncio
import json
import signal
import sqlite3
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from typing import Final

from chatd.store.folder import FILE_NAME
from tests.end_to_end.harness.certificates import make_certificate
from tests.end_to_end.harness.processes import environment
from tests.end_to_end.harness.program import finished
from tests.irc.real.clients import NAME, PASSWORD, RealClient, Server
from tests.network.lab.chat import PORT, Chatter, Daemon
from tests.network.lab.namespaces import Host, Network
from tests.network.lab.programs import Program, until
from tests.network.lab.setup import Setup

SECURE: Final = 6697
BEHIND: Final = 6699
PLAIN: Final = 6667

_CONFIG: Final = f"""
[[listen]]
endpoint = "tcp:{{port}}"
protocol = "irc"
certificate = "{{certificate}}"
key = "{{key}}"
[[listen]]
endpoint = "tcp:{PLAIN}:interface=127.0.0.1"
protocol = "irc"
[accounts]
registration = "open"
"""

_REGISTER: Final = """
import sys
from chatd.chatctl import main
data, secret, *nicks = sys.argv[1:]
for nick in nicks:
    sys.argv = ["chatctl", "user", "add", data, nick, "--password-file", secret]
    try:
        main()
    except SystemExit as end:
        assert not end.code, end
"""

PATIENCE: Final = 40.0
"""Seconds in which everything has come: a client waits ten before it comes back; the machine may be busy."""


class Place(Setup):
    """A daemon, ``near``, which talks beside it by chatd's own protocol, and the hosts of clients.

    ``nicks`` are those of accounts. ``recorded`` puts a recorder before the daemon.
    """

    def __init__(self, tag: str, *nicks: str, recorded: bool = False) -> None:
        super().__init__(Network(tag), "irc")
        self._nicks = nicks
        self._records = recorded
        self._recorder: Program | None = None
        self.clients: list[RealClient] = []

    async def _set_up(self) -> None:
        network = self.network
        for host in network.hosts:
            host.etc.mkdir(parents=True, exist_ok=True)
            address = "127.0.0.1" if host is network.server else network.server.address
            (host.etc / "hosts").write_text(f"127.0.0.1 localhost\n{address} {NAME}\n")
        certificate, key = make_certificate(self.folder, NAME)
        self.server = Server(certificate)
        port = BEHIND if self._records else SECURE
        config = _CONFIG.format(certificate=certificate, key=key, port=port)
        self.daemon = Daemon(network.server, self.folder / "daemon", config)
        self.near = Chatter(network.server, self.folder, "near", f"127.0.0.1:{PORT}")
        self._register(self._nicks)
        for program in (self.daemon, self.near):
            self._stack.push_async_callback(program.kill)
            await program.start()
        await self.near.await_said(self.near.err, "connected to")
        if self._records:
            record = (sys.executable, "-m", "tests.irc.real.recorder", str(certificate), str(key))
            self._recorder = Program(network.server, *record, str(SECURE), str(PLAIN))
            self._stack.push_async_callback(self._recorder.kill)
            await self._recorder.start()
            await self._recorder.await_said(self._recorder.out, "ready")

    def recorded(self) -> list[str]:
        """Return the lines that clients have said to the recorder."""
        return [] if self._recorder is None else [line.text for line in self._recorder.out[1:]]

    def _register(self, nicks: Iterable[str]) -> None:
        """Make accounts of ``nicks``, before there is a daemon."""
        data, secret = self.folder / "daemon" / "data", self.folder / "password"
        data.mkdir(parents=True)
        secret.write_text(PASSWORD)
        done = finished(
            [sys.executable, "-c", _REGISTER, str(data), str(secret), *nicks],
            env=environment(),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    # ---- clients -------------------------------------------------------------------------------------

    async def add(self, kind: type[RealClient], host: Host, nick: str) -> RealClient:
        """Start a client of some ``kind``, of the account ``nick``."""
        client = kind(host, self.folder / nick, nick, self.server)
        self._stack.push_async_callback(client.end)
        self.clients.append(client)
        client.start()
        return client

    async def come_in(self, client: RealClient) -> None:
        """Wait until ``client`` is in the room."""
        assert await until(lambda: client.nick in self.joined(), PATIENCE), self.daemon.out

    def joined(self) -> set[str]:
        """Return who has come into the room."""
        events = [json.loads(line.text) for line in list(self.near.out)]
        return {event["by"] for event in events if event["kind"] == "join"}

    # ---- talking -------------------------------------------------------------------------------------

    async def talk(self, near: int = 1, clients: Iterable[RealClient] = (), pause: float = 0.0) -> None:
        """Have ``near`` say so many messages, ``pause`` seconds apart, and each of ``clients`` as many."""
        some = list(clients)
        for _ in range(near):
            self.near.said.append(time.monotonic())
            self.near.write(f"near {len(self.near.said)}")
            for client in some:
                await client.say()
            await asyncio.sleep(pause)

    async def settle(self) -> None:
        """Have everybody say something once they have shown what ``near`` said last; wait for all of it."""
        for client in self.clients:
            await client.await_heard("near", len(self.near.said), PATIENCE)
        await self.talk(clients=self.clients)
        for client in self.clients:
            last = len(client.said)
            said = await until(lambda nick=client.nick, last=last: last in self.spoken(nick), PATIENCE)
            assert said, f"nobody has heard {client.said[-1]}:\n{client.shown()}"
        for client in self.clients:
            for other in self.clients:
                await client.await_heard(other.nick, len(other.said), PATIENCE)

    async def rest(self) -> None:
        """Wait until it is known of all clients that they have all that was said."""
        head = json.loads(self.near.out[-1].text)["seq"]
        found = await until(lambda: self._having(head) == len(self.clients), PATIENCE)
        assert found, f"{self._having(head)} have everything"

    def _having(self, seq: int) -> int:
        """Return of how many clients it is on the disk that they have event ``seq``."""
        file = self.folder / "daemon" / "data" / FILE_NAME
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            (count,) = database.execute("SELECT count(*) FROM cursors WHERE seq >= ?", (seq,)).fetchone()
            return int(count)

    def spoken(self, nick: str) -> list[int]:
        """Return the numbers of the messages of ``nick`` that the server has, in their order."""
        return [one.number for one in self.near.heard() if one.by == nick]

    async def restart(self, away: float, *, kills: bool) -> None:
        """Kill or stop the daemon, and start it again after ``away`` seconds."""
        if not kills:
            self.daemon.signal(signal.SIGTERM)
            await self.daemon.finish()
        await self.daemon.kill()
        await asyncio.sleep(away)
        await self.daemon.start()
