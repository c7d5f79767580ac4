"""What runs on the hosts: chatd, the clients that talk without pause, and the proxy."""

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from tests.end_to_end.harness.processes import script
from tests.network.lab.namespaces import Host
from tests.network.lab.programs import Line, Program

PORT: Final = 7411
WEB_PORT: Final = 7480
PROXY_PORT: Final = 8888
ROOM: Final = "#lab"

RATE: Final = 5.0
"""Messages that each client says in a second."""


class Daemon(Program):
    """chatd, with its log on its standard output, on a data folder that outlives it.

    ``more`` are lines of its configuration, such as further listeners.
    """

    def __init__(self, host: Host, folder: Path, more: str = "") -> None:
        folder.mkdir()
        twistd = [*script("twistd"), "-n", "--pidfile", str(folder / "pid")]
        config = folder / "chatd.toml"
        plain = f'[[listen]]\nendpoint = "tcp:{PORT}"\n'
        config.write_text(f"allow_plaintext = true\nguests = 'allowed'\n{plain}{more}")
        options = ["--config", str(config), "--data", str(folder / "data")]
        super().__init__(host, *twistd, "chatd", *options)

    async def start(self) -> None:
        """Start it and wait until it listens."""
        since = time.monotonic()
        await super().start()
        await self.await_said(self.out, " start ", since)

    def events(self, name: str, since: float = 0.0) -> list["Logged"]:
        """Return the lines of its log about the event ``name`` from ``since`` on."""
        return [
            Logged(line.at, dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line.text)))
            for line in list(self.out)
            if line.at >= since and line.text.split(" ")[2:3] == [name]
        ]

    def faults(self) -> list[str]:
        """Return what tells of a fault of the daemon itself."""
        lines = [line.text for line in (*self.out, *self.err) if "stale pidfile" not in line.text]
        return [line for line in lines if "Traceback" in line or " critical " in line[:60]]


@dataclass(frozen=True, slots=True)
class Logged:
    """One line of the daemon's log."""

    at: float
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Heard:
    """One message that came out of a client."""

    at: float
    seq: int
    by: str
    number: int


class Chatter(Program):
    """``chatc talk``, which says numbered messages all the time and hears everything."""

    def __init__(
        self, host: Host, folder: Path, nick: str, server: str, proxy: str = "", ca: Path | None = None
    ) -> None:
        state = folder / nick
        state.mkdir()
        through = ["--proxy", proxy] if proxy else []
        through += ["--ca", str(ca)] if ca else []
        options = ["--server", server, *through, "--nick", nick, "--profile", nick]
        super().__init__(
            host, *script("chatc"), *options, "talk", "-v", "--json", ROOM, XDG_STATE_HOME=str(state)
        )
        self.nick = nick
        self.said: list[float] = []
        self._saying: asyncio.Task[None] | None = None

    def talk(self, rate: float = RATE) -> None:
        """Begin to say ``rate`` messages in a second."""
        self._saying = asyncio.create_task(self._talk(1 / rate))

    async def hush(self) -> None:
        """Say nothing more."""
        if self._saying is not None:
            self._saying.cancel()
            await asyncio.gather(self._saying, return_exceptions=True)
            self._saying = None

    async def _talk(self, pause: float) -> None:
        while True:
            self.said.append(time.monotonic())
            self.write(f"{self.nick} {len(self.said)}")
            await asyncio.sleep(pause)

    async def kill(self) -> None:
        """See to it that it says nothing more and is gone."""
        await self.hush()
        await super().kill()

    def heard(self) -> list[Heard]:
        """Return the messages that it has heard, its own too, in their order."""
        return self._ear.hear(self.out)

    @cached_property
    def _ear(self) -> "_Ear":
        return _Ear()

    def connected(self, since: float = 0.0) -> list[Line]:
        """Return where it says that it is connected."""
        return self._told("chatc: connected to ", since)

    def quiet(self, since: float = 0.0) -> list[Line]:
        """Return where it says that it suspects the link."""
        return self._told("chatc: quiet ", since)

    def lost(self, since: float = 0.0) -> list[Line]:
        """Return where it says that it lost the link."""
        return self._told("chatc: lost ", since)

    def failed(self, since: float = 0.0) -> list[Line]:
        """Return where it says that an attempt failed."""
        return self._told("chatc: cannot connect to ", since)

    def _told(self, start: str, since: float) -> list[Line]:
        return [line for line in list(self.err) if line.at >= since and line.text.startswith(start)]


@dataclass(slots=True)
class _Ear:
    """Reads each line once."""

    _read: int = 0
    _heard: list[Heard] = field(default_factory=list)

    def hear(self, lines: list[Line]) -> list[Heard]:
        new = lines[self._read :]
        self._read += len(new)
        for line in new:
            event: dict[str, Any] = json.loads(line.text)
            if event["kind"] == "message":
                number = int(event["text"].split()[1])
                self._heard.append(Heard(line.at, event["seq"], event["by"], number))
        return self._heard


class Tinyproxy(Program):
    """Debian's HTTP proxy, which lets CONNECT through to ``port`` alone, by default that of chatd."""

    def __init__(self, host: Host, folder: Path, port: int = PORT) -> None:
        config = folder / "tinyproxy.conf"
        config.write_text(
            f"Port {PROXY_PORT}\nListen {host.address}\nTimeout 600\nMaxClients 100\n"
            f'ConnectPort {port}\nLogLevel Warning\nPidFile "{folder / "tinyproxy.pid"}"\n'
        )
        super().__init__(host, "tinyproxy", "-d", "-c", str(config))
