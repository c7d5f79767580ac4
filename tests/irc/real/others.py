"""Clients that are tried by hand (`tests.irc.real.measure`): a bouncer, a window, and bots."""

import os
import shlex
import subprocess
from pathlib import Path
from typing import Final

from tests.end_to_end.harness.processes import ROOT
from tests.irc.real.clients import BACK, PASSWORD, RealClient, WeeChat, manual
from tests.network.lab.chat import ROOM
from tests.network.lab.programs import until

BOTS: Final = os.environ.get("CHATD_IRC_BOTS", "")
"""The folder of the programs of an environment with limnoria and irc (`python -m venv` and pip)."""

_SOMEBODY: Final = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
"""How a program is run that does not want to be root's: it sees another user."""

_RECONNECT: Final = f"""
AnonIPLimit = 100
ConnectDelay = {BACK}
"""


class Znc(WeeChat):
    """ZNC, with a WeeChat behind it on the same host, which is never cut off from it."""

    heading = "ZNC"
    program = "znc"

    def command(self) -> list[str]:
        """Return the command that starts both."""
        home = self.folder / "znc"
        (home / "configs").mkdir(parents=True)
        text = "\n".join(manual(self.heading, self.server, self.nick)) + "\n"
        (home / "configs" / "znc.conf").write_text(_RECONNECT + text)
        typed = [
            "/server add chatd 127.0.0.1/6668",
            f"/set irc.server.chatd.password {self.nick}/chatd:{PASSWORD}",
            f"/set irc.server.chatd.nicks {self.nick}",
            "/set irc.server.chatd.anti_flood_prio_high 0",
            "/set logger.file.flush_delay 0",
            f"/set fifo.file.path {self._fifo}",
            "/fifo enable",
            f"/set irc.server.chatd.autoreconnect_delay {BACK}",
            "/set irc.network.autoreconnect_delay_growing 1",
            "/connect chatd",
        ]
        words = [word for line in typed for word in ("-r", line)]
        weechat = shlex.join(["weechat-headless", "-d", str(self.folder / "weechat"), *words])
        trusted = f"SSL_CERT_FILE={shlex.quote(str(self.server.ca))}"
        znc = (
            f"{trusted} {shlex.join(_SOMEBODY)} znc --foreground --datadir {home} >{self.folder}/znc.log 2>&1"
        )
        return ["sh", "-c", f"{znc} & sleep 3; exec {weechat}"]


_HEXCHAT: Final = """\
version = 2.16.1
gui_slist_skip = 1
irc_logging = 1
irc_logmask = %c.log
irc_nick1 = {nick}
irc_user_name = {nick}
net_reconnect_delay = {back}
"""

_SERVERS: Final = """\
v=2.16.1

N=chatd
L=6
E=UTF-8
F=28
D=0
I={nick}
U={nick}
P={password}
S={name}/{port}
J={room}

"""


_LUA: Final = """
hexchat.register("pipe", "1", "does what is written to a file")
hexchat.hook_timer(100, function()
  local room = hexchat.find_context(nil, "{room}")
  local lines = room and io.open("{lines}")
  if lines then
    os.remove("{lines}")
    for line in lines:lines() do room:command(line) end
    lines:close()
  end
  return true
end)
"""


class HexChat(RealClient):
    """HexChat on a screen that nobody sees, with a script by which it is told what to do (hexchat-lua)."""

    heading = "HexChat"
    program = "hexchat"

    def command(self) -> list[str]:
        """Write what its windows write, and return the command."""
        config = self.folder / "hexchat"
        (config / "addons").mkdir(parents=True)
        (config / "addons" / "pipe.lua").write_text(_LUA.format(room=ROOM, lines=self._lines))
        (config / "hexchat.conf").write_text(_HEXCHAT.format(nick=self.nick, back=BACK))
        (config / "servlist.conf").write_text(
            _SERVERS.format(
                nick=self.nick,
                password=PASSWORD,
                name=self.server.name,
                port=self.server.port,
                room=ROOM,
            )
        )
        number = 100 + sum(self.nick.encode()) % 400
        script = f"""
        Xvfb :{number} -nolisten tcp >/dev/null 2>&1 &
        sleep 2
        export DISPLAY=:{number} SSL_CERT_FILE={self.server.ca}
        exec {shlex.join(_SOMEBODY)} hexchat --cfgdir={config} >{self.folder}/hexchat.log 2>&1
        """
        return ["bash", "-c", script]

    @property
    def _lines(self) -> Path:
        return self.folder / "lines"

    async def do(self, line: str) -> None:
        """Have it do a line in the room."""
        await until(lambda: not self._lines.exists(), 10)
        new = self.folder / "new"
        new.write_text(f"{line.removeprefix('/') if line.startswith('/') else f'say {line}'}\n")
        new.rename(self._lines)

    def logs(self) -> list[Path]:
        """Return the log of the room."""
        return [self.folder / "hexchat" / "logs" / f"{ROOM}.log"]


class _Bot(RealClient):
    """A program of an environment of its own."""

    def logs(self) -> list[Path]:
        """Return what it has printed."""
        return [self.folder / "heard"]

    async def do(self, line: str) -> None:
        """Have it say a line."""
        fifo = self.folder / "fifo"
        await until(fifo.exists, 10)
        with fifo.open("w") as pipe:
            pipe.write(f"{line}\n")

    @classmethod
    def version(cls) -> str:
        """Return its version, "" where it is not installed."""
        pip = Path(BOTS) / "pip"
        if not BOTS or not pip.exists():
            return ""
        done = subprocess.run([pip, "show", cls.program], capture_output=True, text=True, check=False)
        lines = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
        return lines.get("Version", "")


class IrcBot(_Bot):
    """A bot of the Python library ``irc``."""

    heading = "Python bots"
    program = "irc"

    def command(self) -> list[str]:
        """Return the command."""
        where = (self.server.name, str(self.server.port), str(self.server.ca))
        bot = ROOT / "tests" / "irc" / "real" / "bots" / f"with_{self.program}.py"
        return [f"{BOTS}/python", str(bot), *where, self.nick, PASSWORD, ROOM, str(self.folder)]


class Limnoria(_Bot):
    """Limnoria, with a plugin by which it is told what to say."""

    heading = "Limnoria"
    program = "limnoria"

    def command(self) -> list[str]:
        """Return the command."""
        lines = manual(self.heading, self.server, self.nick)
        settings = {
            "supybot.networks.chatd.ssl.authorityCertificate": self.server.ca,
            "supybot.log.stdout": False,
            "supybot.directories.log": self.folder / "logs",
            "supybot.directories.plugins": self.folder / "plugins",
            "supybot.plugins": "Pipe ChannelLogger",
            "supybot.plugins.Pipe": True,
            "supybot.plugins.ChannelLogger": True,
            "supybot.plugins.ChannelLogger.flushImmediately": True,
            "supybot.drivers.maxReconnectWait": BACK,
            "supybot.protocols.irc.throttleTime": 0,
        }
        lines += [f"{name}: {value}" for name, value in settings.items()]
        (self.folder / "bot.conf").write_text("".join(f"{line}\n" for line in lines))
        plugin = self.folder / "plugins" / "Pipe"
        plugin.mkdir(parents=True)
        (plugin / "__init__.py").write_text("from . import plugin\nClass = plugin.Class\n")
        (plugin / "config.py").write_text(_PIPE_CONFIG)
        (plugin / "plugin.py").write_text(_PIPE.format(fifo=self.folder / "fifo", room=ROOM))
        return [f"{BOTS}/limnoria", "--allow-root", str(self.folder / "bot.conf")]

    def logs(self) -> list[Path]:
        """Return the logs of the room."""
        return sorted((self.folder / "logs").glob(f"ChannelLogger/**/*{ROOM.removeprefix('#')}*.log"))


_PIPE_CONFIG: Final = """
from supybot import conf
def configure(advanced):
    conf.registerPlugin("Pipe", True)
conf.registerPlugin("Pipe")
"""

_PIPE: Final = """
import os, threading
from supybot import callbacks, ircmsgs, world
class Pipe(callbacks.Plugin):
    "Says what comes by a pipe."
    def __init__(self, irc):
        super().__init__(irc)
        threading.Thread(target=self.listen, daemon=True).start()
    def listen(self):
        os.mkfifo("{fifo}")
        while True:
            for line in open("{fifo}"):
                text = line.rstrip("\\n")
                for irc in world.ircs:
                    if text.startswith("/"):
                        irc.queueMsg(ircmsgs.IrcMsg(text[1:]))
                    else:
                        irc.queueMsg(ircmsgs.privmsg("{room}", text))
Class = Pipe
"""

OTHERS: Final = (Znc, HexChat, Limnoria, IrcBot)
