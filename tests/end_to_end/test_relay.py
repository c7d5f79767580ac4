"""Whole daemons behind a real haproxy that speaks the PROXY protocol to them."""

import contextlib
import json
import re
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatd.ops.config import parse
from chatd.wire.messages import Error, Event, Hello, Ok
from tests.end_to_end.harness.daemon import Daemon
from tests.end_to_end.harness.haproxy import HAPROXY, Haproxy
from tests.end_to_end.harness.processes import (
    LOOPBACK,
    PATIENCE,
    ROOT,
    Deadline,
    environment,
    free_port,
    script,
)
from tests.end_to_end.harness.program import Program, run
from tests.end_to_end.harness.raw import Raw

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed")

CLIENT = "127.0.0.2"
"""Where the clients connect from; haproxy itself connects from 127.0.0.1."""

PLAIN = 'trusted = ["127.0.0.1/32", "unix"]\nproxy_protocol = true\n'
WITH_FIELDS = "send-proxy-v2 proxy-v2-options crc32c"
ELSEWHERE = 'trusted = ["10.0.0.0/8"]\nproxy_protocol = true\n'


@dataclass
class Site:
    """A daemon with a listener of each kind, and the haproxy in front of it."""

    daemon: Daemon
    haproxy: Haproxy
    folder: Path
    relayed: int
    tls: int
    untrusting: int
    unix: Path

    @property
    def plain(self) -> str:
        return f"{LOOPBACK}:{self.relayed}"

    def came(self, count: int = 1) -> list[dict[str, str]]:
        """Return the fields of the last ``count`` arrivals once they are in the log."""
        lines = self.daemon.await_said("client-in", count)[-count:]
        return [dict(re.findall(r"(\w+)=(\S+)", line)) for line in lines]


@pytest.fixture
def site(make_daemon, tmp_path, certificate):
    certificate_file, key = certificate()
    direct, relayed, tls, untrusting = (free_port() for _ in range(4))
    unix = tmp_path / "relayed.sock"
    listeners = [
        (f"tcp:{direct}:interface={LOOPBACK}", ""),
        (f"tcp:{relayed}:interface={LOOPBACK}", PLAIN),
        (
            f"tcp:{tls}:interface={LOOPBACK}",
            f"{PLAIN}certificate = '{certificate_file}'\nkey = '{key}'\n",
        ),
        (f"tcp:{untrusting}:interface={LOOPBACK}", ELSEWHERE),
        (f"unix:{unix}:lockfile=0", PLAIN),
    ]
    tables = [f"[[listen]]\nendpoint = '{endpoint}'\n{more}" for endpoint, more in listeners]
    daemon = make_daemon("[limits]\nmax_connections_per_address = 2\n" + "".join(tables))
    daemon.listen, daemon.port = (), direct
    haproxy = Haproxy(tmp_path / "haproxy")
    yield Site(daemon.start(), haproxy, tmp_path, relayed, tls, untrusting, unix)
    haproxy.kill()


@pytest.fixture
def dial():
    """Return a function that connects to a port, from `CLIENT` unless told otherwise."""
    made = []

    def dial(port, source=CLIENT, first=b""):
        connection = socket.create_connection((LOOPBACK, port), PATIENCE, (source, 0))
        made.append(connection)
        connection.sendall(first)
        return connection

    yield dial
    for connection in made:
        connection.close()


def name(connection):
    return ":".join(map(str, connection.getsockname()))


# ---- who is it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["send-proxy", "send-proxy-v2", WITH_FIELDS])
def test_the_log_shows_the_client_behind_the_relay(site, dial, option):
    port = site.haproxy.add(f"{site.plain} {option}")
    site.haproxy.start()
    connection = dial(port)
    Raw(connection).enter("ann")
    (came,) = site.came()
    assert came["peer"] == name(connection)
    assert came["relay"].startswith("127.0.0.1:")
    connection.close()
    (line,) = site.daemon.await_said("client-out")
    assert f"peer={came['peer']} " in line


def test_over_a_unix_socket(site, dial):
    port = site.haproxy.add(f"unix@{site.unix} send-proxy-v2")
    site.haproxy.start()
    connection = dial(port)
    Raw(connection).enter("ann")
    (came,) = site.came()
    assert (came["peer"], came["relay"]) == (name(connection), "unix")


@pytest.mark.parametrize("option", ["send-proxy", "send-proxy-v2"])
def test_the_header_comes_before_tls(site, dial, certificate, option):
    port = site.haproxy.add(f"{LOOPBACK}:{site.tls} {option}")
    site.haproxy.start()
    context = ssl.create_default_context(cafile=str(site.folder / "localhost.crt"))
    with context.wrap_socket(dial(port), server_hostname="localhost") as connection:
        ann = Raw(connection)
        ann.enter("ann")
        ann.join("#a")
        assert isinstance(ann.send("#a", "x" * 10_000, 1), Ok)
        (came,) = site.came()
        assert came["peer"] == name(connection)
        assert came["relay"].startswith("127.0.0.1:")


# A way that itself takes a header lets the tests come from anywhere.


@pytest.mark.parametrize("option", ["send-proxy", "send-proxy-v2"])
@pytest.mark.parametrize(
    ("header", "peer"),
    [
        (b"PROXY TCP4 192.0.2.7 192.0.2.1 50412 7411\r\n", "192.0.2.7:50412"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 50412 7411\r\n", "[2001:db8::7]:50412"),
        (b"PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 50412 7411\r\n", "192.0.2.7:50412"),
    ],
)
def test_from_far_away(site, dial, option, header, peer):
    port = site.haproxy.add(f"{site.plain} {option}", "accept-proxy")
    site.haproxy.start()
    Raw(dial(port, first=header)).enter("ann")
    assert site.came()[0]["peer"].strip("'\"") == peer


def test_the_limit_is_that_of_the_client(site, dial):
    port = site.haproxy.add(f"{site.plain} send-proxy-v2", "accept-proxy")
    site.haproxy.start()
    far = {
        host: [Raw(dial(port, first=f"PROXY TCP4 {host} 192.0.2.1 {i} 7411\r\n".encode())) for i in (1, 2)]
        for host in ("192.0.2.7", "192.0.2.8")
    }
    for host, raws in far.items():
        for index, raw in enumerate(raws):
            raw.enter(f"nick{host[-1]}{index}")
    one_more = Raw(dial(port, first=b"PROXY TCP4 192.0.2.8 192.0.2.1 3 7411\r\n"))
    one_more.say(Hello(nick="late"))
    error = one_more.hear()
    assert isinstance(error, Error)
    assert error.code == "too-many-connections"
    assert "192.0.2.8" in error.text
    assert "peer=192.0.2.8:3" in site.daemon.await_said("refused")[0]


# ---- who is refused -------------------------------------------------------------------------------------


def closed(connection):
    connection.settimeout(3)
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


def test_without_a_header_nobody_comes_in(site, dial):
    connection = dial(site.relayed, LOOPBACK)
    Raw(connection).say(Hello(nick="mallory"))
    assert closed(connection)
    (line,) = site.daemon.await_said("refused")
    assert "code=proxy-header-required" in line
    assert not site.daemon.said("client-in")


def test_chatc_says_the_same_wherever_nobody_answers(site):
    """A listener that wants a header resets, a relay whose server is away closes: that is one situation."""
    away = site.haproxy.add(f"{LOOPBACK}:{free_port()}")
    site.haproxy.start()
    for port in (site.relayed, site.untrusting, away):
        process = Program(
            [*script("chatc"), "--ephemeral", "--server", f"{LOOPBACK}:{port}", "send", "-v", "#a", "x"],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            lines = [process.stderr.readline() for _ in range(2)]
            process.kill()
        place = f"{LOOPBACK}:{port}"
        reason = f"closed without an answer; it may be starting, or want TLS (tls://{place}) or a relay's"
        assert lines[-1].startswith(f"chatc: cannot connect to {place}: {reason} PROXY header; ")


@pytest.mark.parametrize("port", ["relayed", "tls", "untrusting"])
def test_who_is_not_trusted_cannot_claim_to_be_another(site, dial, port):
    connection = dial(getattr(site, port))
    with contextlib.suppress(ConnectionError):
        connection.sendall(b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n")
        Raw(connection).say(Hello(nick="mallory"))
    assert closed(connection)
    (line,) = site.daemon.await_said("refused")
    assert "code=proxy-not-trusted" in line
    assert f"peer={CLIENT}:" in line
    assert not site.daemon.said("client-in")


@pytest.mark.parametrize("server", ["relayed", "tls"])
def test_a_relay_that_says_nothing_about_it_is_refused(site, dial, server):
    port = site.haproxy.add(f"{LOOPBACK}:{getattr(site, server)}")
    site.haproxy.start()
    connection = dial(port)
    Raw(connection).say(Hello(nick="ann"))
    assert closed(connection)
    (line,) = site.daemon.await_said("refused")
    assert "code=proxy-header-required" in line
    assert "peer=127.0.0.1:" in line


def test_health_checks_are_not_in_the_log(site, dial):
    options = ["send-proxy check check-send-proxy", "send-proxy-v2 check check-send-proxy", "check"]
    ports = [site.haproxy.add(f"{site.plain} {option} inter 20ms") for option in options]
    ports.append(site.haproxy.add(f"{LOOPBACK}:{site.tls} send-proxy-v2 check check-send-proxy inter 20ms"))
    site.haproxy.start()
    site.daemon.await_said("start")
    before = site.daemon.log
    time.sleep(1)
    assert site.daemon.log == before
    assert "DOWN" not in site.haproxy.said()
    Raw(dial(ports[1])).enter("ann")


# ---- chatc ----------------------------------------------------------------------------------------------


class Talk:
    """``chatc talk`` in #a: numbered lines in, JSON lines out."""

    def __init__(self, folder, server):
        self.heard = []
        self.process = Program(
            [*script("chatc"), "--server", server, "--nick", "ann", "talk", "--json", "#a"],
            cwd=folder,
            env=environment(XDG_STATE_HOME=str(folder / "state"), XDG_CONFIG_HOME=str(folder / "config")),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._ear = threading.Thread(target=self._listen)
        self._ear.start()

    def _listen(self):
        for line in self.process.stdout:
            self.heard.append(json.loads(line))

    def say(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def texts(self, nick):
        said = [event for event in list(self.heard) if event.get("kind") == "message"]
        return [event["text"] for event in said if event["by"] == nick]

    def end(self):
        self.process.kill()
        self.process.wait()
        self._ear.join()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def talk(site):
    made = []

    def talk(port):
        made.append(Talk(site.folder, f"{LOOPBACK}:{port}"))
        return made[-1]

    yield talk
    for one in made:
        one.end()


def test_chatc_survives_a_restart_of_the_relay_with_nothing_lost(site, connect, talk):
    port = site.haproxy.add(f"{site.plain} send-proxy-v2")
    site.haproxy.start()
    bob = connect(site.daemon)
    bob.enter("bob")
    bob.join("#a")
    ann = talk(port)
    bob.await_(Event, lambda event: event.kind == "join" and event.by == "ann")
    for n in range(1, 41):
        ann.say(f"ann {n}")
        assert isinstance(bob.send("#a", f"bob {n}", n), Ok)
        if n == 10:
            site.haproxy.kill()
        if n == 25:
            site.haproxy.start()
        time.sleep(0.02)
    deadline = Deadline()
    while len(ann.texts("ann")) < 40 or len(ann.texts("bob")) < 40:
        deadline.check(f"what is missing; there is {ann.heard[-3:]}")
        time.sleep(0.02)
    assert ann.texts("ann") == [f"ann {n}" for n in range(1, 41)]
    assert ann.texts("bob") == [f"bob {n}" for n in range(1, 41)]
    assert len(site.daemon.await_said("client-in", 3)) >= 3


# ---- the manual -----------------------------------------------------------------------------------------


def test_the_examples_of_the_manual_are_right(tmp_path):
    manual = (ROOT / "docs" / "OPERATIONS.md").read_text()
    section = manual.split("## Behind a relay or a load balancer\n", 1)[1].split("\n## ", 1)[0]
    toml, haproxy = re.findall(r"(?s)```\w*\n(.*?)```", section)
    (listener,) = parse(toml).listen
    assert listener.proxy_protocol
    file = tmp_path / "haproxy.cfg"
    file.write_text(haproxy)
    checked = run(HAPROXY, "-c", "-f", str(file), cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr
    assert listener.endpoint.split(":")[1] in haproxy
