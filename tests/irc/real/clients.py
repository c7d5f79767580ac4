"""Real clients of IRC: how each is set up, told what to do, and read.

Each is set up as docs/IRC.md says, word for word, with what a test needs beside that: whose certificate is
trusted, and that it comes back soon.
"""

import asyncio
import os
import pty
import re
import shutil
import subprocess
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from tests.end_to_end.harness.processes import ROOT, environment
from tests.network.lab.chat import ROOM
from tests.network.lab.namespaces import Host
from tests.network.lab.programs import until

NAME: Final = "chat.example.org"
PASSWORD: Final = "correct-horse"

BACK: Final = 3
"""Seconds after which a client that can be told so tries to come back."""

_SAID: Final = re.compile(r"\b([a-z]+) (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Server:
    """Where clients go: what stands for NAME and PORT in the manual, and whom they trust."""

    ca: Path
    name: str = NAME
    port: int = 6697


def manual(heading: str, server: Server, nick: str) -> list[str]:
    """Return the lines that docs/IRC.md has users type under ``heading``, for ``nick`` at ``server``."""
    page = (ROOT / "docs" / "IRC.md").read_text()
    section = re.search(rf"(?ms)^### {re.escape(heading)}\n(.*?)(?=^##|\Z)", page)
    assert section is not None, heading
    block = re.search(r"(?ms)^```\w*\n(.*?)^```$", section[1])
    assert block is not None, heading
    text = block[1].replace(NAME, server.name).replace("6697", str(server.port))
    return text.replace("alice", nick).replace("secret", PASSWORD).replace("#tea", ROOM).splitlines()


class RealClient(ABC):
    """One client on ``host``, of the account ``nick``, whose files are in ``folder``.

    ``heading`` is where docs/IRC.md tells how it is set up, ``program`` what has to be installed.
    """

    heading: ClassVar[str]
    program: ClassVar[str]

    def __init__(self, host: Host, folder: Path, nick: str, server: Server) -> None:
        self.host = host
        self.folder = folder
        self.nick = nick
        self.server = server
        self.said: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)

    # ---- for each kind -------------------------------------------------------------------------------

    @abstractmethod
    def command(self) -> list[str]:
        """Write its files, and return the command that starts it."""

    @abstractmethod
    async def do(self, line: str) -> None:
        """Have it do a line as somebody types it in the room."""

    @abstractmethod
    def logs(self) -> list[Path]:
        """Return the files in which it keeps what it has shown of the room."""

    # ---- for all -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start it."""
        near, far = pty.openpty()
        try:
            self._process = subprocess.Popen(
                self.host.command(*self.command()),
                env=environment(HOME=str(self.folder), TERM="xterm", LANG="C.UTF-8"),
                cwd=self.folder,
                stdin=far,
                stdout=far,
                stderr=far,
                start_new_session=True,
            )
        finally:
            os.close(far)
        self._keys = near
        asyncio.get_running_loop().add_reader(near, self._read)

    def _read(self) -> None:
        """Take what it draws, so that it is not held up."""
        try:
            drawn = os.read(self._keys, 65_536)
        except OSError:
            drawn = b""
        if not drawn:
            asyncio.get_running_loop().remove_reader(self._keys)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._keys, text.encode())

    async def say(self) -> None:
        """Say the next numbered message in the room."""
        self.said.append(f"{self.nick} {len(self.said) + 1}")
        await self.do(self.said[-1])

    def shown(self) -> str:
        """Return what it has shown of the room."""
        return "\n".join(path.read_text(errors="replace") for path in self.logs() if path.exists())

    def heard(self, nick: str) -> list[int]:
        """Return the numbers of the messages of ``nick`` that it has shown, in their order."""
        return [int(number) for name, number in _SAID.findall(self.shown()) if name == nick]

    async def await_heard(self, nick: str, number: int, patience: float) -> None:
        """Wait until it has shown the message ``number`` of ``nick``."""
        found = await until(lambda: number in self.heard(nick), patience)
        assert found, (
            f"{self.nick} ({type(self).__name__}) waits for {nick} {number}:\n{self.shown()[-3000:]}"
        )

    async def end(self) -> None:
        """See to it that it is gone."""
        process = self._process
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
        asyncio.get_running_loop().remove_reader(self._keys)
        os.close(self._keys)
        self._process = None

    @classmethod
    def version(cls) -> str:
        """Return its version, "" where it is not installed."""
        if shutil.which(cls.program) is None:
            return ""
        done = subprocess.run([cls.program, "--version"], capture_output=True, text=True, check=False)
        found = re.search(r"\d+\.\d+[\w.]*", done.stdout)
        return found[0] if found else "?"


class WeeChat(RealClient):
    """WeeChat without a screen, which is told what to do by a pipe of its own."""

    heading = "WeeChat"
    program = "weechat-headless"

    def command(self) -> list[str]:
        """Return the command that types the lines of the manual."""
        lines = manual(self.heading, self.server, self.nick)
        if self.version().startswith("3."):
            lines = [line.replace(" -tls", " -ssl") for line in lines]
        lines = [line for line in lines if not line.startswith("/connect")]
        settings = {
            "weechat.network.gnutls_ca_system": "off",
            "weechat.network.gnutls_ca_user": self.server.ca,
            "irc.server.chatd.autoreconnect_delay": BACK,
            "irc.network.autoreconnect_delay_growing": 1,
            "irc.server.chatd.anti_flood_prio_high": 0,
            "logger.file.flush_delay": 0,
            "fifo.file.path": self._fifo,
        }
        lines += [f"/set {name} {value}" for name, value in settings.items()]
        lines += ["/fifo enable", "/connect chatd"]
        typed = [word for line in lines for word in ("-r", line)]
        return [self.program, "-d", str(self.folder / "weechat"), *typed]

    @property
    def _fifo(self) -> Path:
        return self.folder / "fifo"

    async def do(self, line: str) -> None:
        """Have it do a line in the room."""
        await until(self._fifo.exists, 10)
        with self._fifo.open("w") as fifo:
            fifo.write(f"irc.chatd.{ROOM} *{line}\n")

    def logs(self) -> list[Path]:
        """Return the log of the room."""
        return [self.folder / "weechat" / "logs" / f"irc.chatd.{ROOM}.weechatlog"]


_IRSSI: Final = """
settings = {{
  core = {{ server_reconnect_time = "10s"; lag_check_time = "0"; }};
  "fe-common/core" = {{ autolog = "yes"; autolog_path = "{logs}/$0.log"; }};
  "fe-text" = {{ paste_detect_time = "0"; }};
}};
"""


class Irssi(RealClient):
    """irssi on a terminal."""

    heading = "irssi"
    program = "irssi"

    def command(self) -> list[str]:
        """Return the command; what the manual has users type is done when it starts."""
        lines = manual(self.heading, self.server, self.nick)
        lines = [line.replace(" -tls ", f" -tls -tls_cafile {self.server.ca} ") for line in lines]
        home = self.folder / "irssi"
        home.mkdir()
        (home / "config").write_text(_IRSSI.format(logs=self.folder / "logs"))
        # What it does when it has started makes it connect by itself.
        typed = [line for line in lines if not line.startswith("/connect")]
        (home / "startup").write_text("".join(f"{line}\n" for line in typed))
        return [self.program, f"--home={home}"]

    async def do(self, line: str) -> None:
        """Have it do a line in the room."""
        # The first line that it is given it does not do.
        self.type("\r")
        self.type(line if line.startswith("/") else f"/msg {ROOM} {line}")
        self.type("\r")

    def logs(self) -> list[Path]:
        """Return the log of the room."""
        return [self.folder / "logs" / f"{ROOM}.log"]
