"""Real proxies from the system's packages, and a TLS front for one that has none; all on this machine."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import Self

import pytest

from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, Deadline, free_port
from tests.end_to_end.harness.serving import Serving, abort

USER, PASSWORD = "ann", "hush-hush"


class Program:
    """A proxy that keeps its port across crashes and restarts.

    With ``named`` it wants USER and PASSWORD; a ``strict`` one lets nobody through to our ports.
    """

    name = ""
    schemes: tuple[str, ...] = ()

    def __init__(self, folder: Path, *, named: bool = False, strict: bool = False) -> None:
        found = shutil.which(self.name, path=f"{os.environ['PATH']}:/usr/sbin")
        if found is None:
            pytest.skip(f"{self.name} is not installed")
        folder.mkdir(parents=True, exist_ok=True)
        self.path = found
        self.folder = folder
        self.named = named
        self.strict = strict
        self.port = free_port()
        self.log_file = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground."""
        raise NotImplementedError

    def write(self, name: str, text: str) -> Path:
        """Write a file into its folder; return the file."""
        path = self.folder / name
        path.write_text(text)
        return path

    def passwords(self) -> Path:
        """Return a file that holds USER and PASSWORD, as web servers want it."""
        secret = subprocess.run(
            ["openssl", "passwd", "-apr1", PASSWORD], capture_output=True, text=True, check=True
        )
        return self.write("passwords", f"{USER}:{secret.stdout}")

    def url(self, scheme: str, userinfo: str | None = None) -> str:
        """Return what is given to --proxy."""
        if userinfo is None:
            userinfo = f"{USER}:{PASSWORD}@" if self.named else ""
        return f"{scheme}://{userinfo}{LOOPBACK}:{self.port}"

    def start(self) -> Self:
        """Start it and wait until it listens."""
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = Deadline(PATIENCE)
        while not self._listens():
            assert self.process.poll() is None, self.log_file.read_text()
            deadline.check(f"{self.name} to listen")
            time.sleep(0.02)
        return self

    def _listens(self) -> bool:
        try:
            socket.create_connection((LOOPBACK, self.port), 1.0).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """End it at once, as a crash does."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(PATIENCE)
            self.process = None


class Tinyproxy(Program):
    """An HTTP proxy."""

    name = "tinyproxy"
    schemes = ("http",)

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground."""
        lines = [
            f"Port {self.port}",
            f"Listen {LOOPBACK}",
            "Timeout 600",
            f"Allow {LOOPBACK}",
            "LogLevel Connect",
        ]
        if self.strict:
            lines.append("ConnectPort 443")
        if self.named:
            lines.append(f"BasicAuth {USER} {PASSWORD}")
        config = self.folder / "tinyproxy.conf"
        config.write_text("\n".join([*lines, ""]))
        return [self.path, "-d", "-c", str(config)]


class Microsocks(Program):
    """A SOCKS5 proxy."""

    name = "microsocks"
    schemes = ("socks5", "socks5h")

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground."""
        name = ["-u", USER, "-P", PASSWORD] if self.named else []
        return [self.path, "-i", LOOPBACK, "-p", str(self.port), *name]


class Pproxy(Program):
    """A SOCKS5 proxy of the Python Package Index; it says success before it has reached anybody."""

    name = "pproxy"
    schemes = ("socks5", "socks5h")

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground."""
        return [self.path, "-l", f"{self.schemes[0]}://{LOOPBACK}:{self.port}"]


class PproxyWeb(Pproxy):
    """The same as an HTTP proxy: it closes without an answer where it reaches nobody."""

    schemes = ("http",)


class Squid(Program):
    """An HTTP proxy; as packaged it lets CONNECT through to port 443 alone."""

    name = "squid"
    schemes = ("http",)

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground."""
        (self.folder / "cache.log").touch()
        shutil.chown(self.folder / "cache.log", "proxy")
        config = self.write("squid.conf", self.config())
        return [self.path, "-N", "-n", f"chatd{self.port}", "-f", str(config)]

    def kill(self) -> None:
        """End it, with the shared memory that a crash leaves behind."""
        super().kill()
        for left in Path("/dev/shm").glob(f"chatd{self.port}-*"):
            left.unlink()

    def config(self) -> str:
        """Return its configuration."""
        lines = [
            f"http_port {LOOPBACK}:{self.port}",
            "visible_hostname proxy.example",
            "pid_filename none",
            f"cache_log {self.folder}/cache.log",
            "access_log none",
            "cache deny all",
            "netdb_filename none",
            "shutdown_lifetime 0 seconds",
            "connect_timeout 3 seconds",
            "acl CONNECT method CONNECT",
        ]
        if self.strict:
            lines += ["acl SSL_ports port 443", "http_access deny CONNECT !SSL_ports"]
        if self.named:
            lines += [
                f"auth_param basic program /usr/lib/squid/basic_ncsa_auth {self.passwords()}",
                "acl known proxy_auth REQUIRED",
                "http_access deny !known",
            ]
        return "\n".join([*lines, "http_access allow all"])


class Apache(Program):
    """An HTTP proxy, by mod_proxy_connect; by itself it lets CONNECT through to 443 alone."""

    name = "apache2"
    schemes = ("http",)
    modules = (
        *("mpm_event", "authn_core", "authn_file", "auth_basic", "authz_core", "authz_user"),
        *("proxy", "proxy_connect"),
    )

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground."""
        return [self.path, "-DFOREGROUND", "-f", str(self.write("apache.conf", self.config()))]

    def config(self) -> str:
        """Return its configuration."""
        folder = "/usr/lib/apache2/modules"
        lines = [f"LoadModule {name}_module {folder}/mod_{name}.so" for name in self.modules]
        lines += [
            f"ServerRoot {self.folder}",
            "ServerName proxy.example",
            f"PidFile {self.folder}/apache.pid",
            f"ErrorLog {self.folder}/error.log",
            f"DefaultRuntimeDir {self.folder}",
            f"Listen {LOOPBACK}:{self.port}",
            "User www-data",
            "Group www-data",
            "ProxyRequests On",
            "ProxyTimeout 5",
        ]
        if not self.strict:
            lines.append("AllowCONNECT 443 1024-65535")
        lines.append("<Proxy *>")
        if self.named:
            lines += [
                "AuthType Basic",
                "AuthName proxy",
                f"AuthUserFile {self.passwords()}",
                "Require valid-user",
            ]
        else:
            lines.append("Require all granted")
        return "\n".join([*lines, "</Proxy>", ""])


class Nginx(Program):
    """A web server that is no proxy for CONNECT."""

    name = "nginx"
    schemes = ("http",)

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground."""
        config = (
            f"daemon off;\nmaster_process off;\npid {self.folder}/nginx.pid;\n"
            "error_log stderr;\nevents {}\n"
            f"http {{ access_log off; server {{ listen {LOOPBACK}:{self.port}; }} }}\n"
        )
        return [self.path, "-p", str(self.folder), "-c", str(self.write("nginx.conf", config))]


class Privoxy(Program):
    """An HTTP proxy."""

    name = "privoxy"
    schemes = ("http",)

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground."""
        self.write("only.action", "{+limit-connect{443}}\n/\n")
        lines = [f"listen-address {LOOPBACK}:{self.port}", f"confdir {self.folder}", f"logdir {self.folder}"]
        lines.append("templdir /etc/privoxy/templates")
        if self.strict:
            lines.append("actionsfile only.action")
        return [self.path, "--no-daemon", str(self.write("privoxy.conf", "\n".join([*lines, ""])))]


class HaproxyWeb(Program):
    """A load balancer for the web, which leads nowhere else; its server is away."""

    name = "haproxy"
    schemes = ("http",)

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground."""
        config = (
            "defaults\n mode http\n timeout connect 2s\n timeout client 9s\n timeout server 9s\n"
            f"listen web\n bind {LOOPBACK}:{self.port}\n server one {LOOPBACK}:1\n"
        )
        return [self.path, "-db", "-f", str(self.write("haproxy.cfg", config))]


class Dante(Program):
    """A SOCKS5 proxy; the names and passwords are those of the system."""

    name = "danted"
    schemes = ("socks5", "socks5h")

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground."""
        everybody = "from: 0.0.0.0/0 to: 0.0.0.0/0"
        lines = [
            "logoutput: stderr",
            f"internal: {LOOPBACK} port = {self.port}",
            "external: lo",
            "clientmethod: none",
            f"socksmethod: {'username' if self.named else 'none'}",
            "user.privileged: root",
            "user.unprivileged: nobody",
            f"client pass {{ {everybody} }}",
            f"socks {'block' if self.strict else 'pass'} {{ {everybody} }}",
        ]
        return [self.path, "-f", str(self.write("danted.conf", "\n".join([*lines, ""])))]


class SshTunnel(Program):
    """``ssh -D`` to an sshd of its own, which is ended with it."""

    name = "ssh"
    schemes = ("socks5", "socks5h")

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground, behind its sshd."""
        sshd = shutil.which("sshd", path="/usr/sbin")
        with contextlib.suppress(OSError):
            Path("/run/sshd").mkdir(exist_ok=True)  # as its service does
        if sshd is None or not Path("/run/sshd").is_dir():
            pytest.skip("there is no sshd, or no folder /run/sshd")
        port = free_port()
        for name in ("host", "user"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name], check=True
            )
        config = [
            f"ListenAddress {LOOPBACK}:{port}",
            f"HostKey {self.folder}/host",
            f"AuthorizedKeysFile {self.folder}/user.pub",
            f"PidFile {self.folder}/sshd.pid",
            "StrictModes no",
            "UsePAM no",
            "PermitRootLogin yes",
        ]
        if self.strict:
            config.append("PermitOpen none")
        file = self.write("sshd.conf", "\n".join([*config, ""]))
        options = ["BatchMode=yes", "StrictHostKeyChecking=no", f"UserKnownHostsFile={self.folder}/known"]
        ssh = [
            *(self.path, "-N", "-F", "none", "-i", str(self.folder / "user"), "-p", str(port)),
            *(word for option in (*options, "ConnectionAttempts=50") for word in ("-o", option)),
            *("-D", f"{LOOPBACK}:{self.port}", LOOPBACK),
        ]
        return [*("sh", "-c", '"$0" -D -e -f "$1" & shift; "$@"; kill $!', sshd, str(file)), *ssh]


class TlsFront(Serving):
    """Takes TLS on a port of its own and hands what is in it to ``target``."""

    def __init__(self, certificate: Path, key: Path, target: int) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        super().__init__(context)
        self._target = target

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        with contextlib.suppress(OSError, asyncio.CancelledError):
            there, back = await self._dial(self._target)
            ends.append(back)
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        for end in ends:
            abort(end.transport)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()
