"""The relays that etc/ shows, for real: people talk through them under their own addresses."""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from contextlib import suppress

import pytest

from chatd.ops.config import parse
from chatd.ops.settings import Config
from chatd.wire.messages import Event, Ok, Pulse
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, ROOT, Deadline, free_port
from tests.end_to_end.harness.raw import Raw
from tests.end_to_end.test_backups import right

ETC = ROOT / "etc"
COMMANDS = {
    "haproxy.cfg": ["haproxy", "-db", "-f"],
    "nginx.conf": ["nginx", "-g", "daemon off;", "-c"],
    "stunnel.conf": ["stunnel"],
}
"""How each file of etc/ is run in the foreground."""

WAITS = {
    "haproxy.cfg": r"timeout (?:client|server) +(11m)$",
    "nginx.conf": r"proxy_timeout +(11m);$",
    "stunnel.conf": r"TIMEOUTidle = (660)$",
}
"""Where each says for how long it keeps a connection on which nothing moves."""

every_relay = pytest.mark.parametrize("name", COMMANDS)


def listener_of(name):
    """Return the listener that the comment at the head of the file asks for, as it stands there."""
    head = re.search(r"(?s)\n. *(\[\[listen\]\].*?)(?=\n. [A-Z]|\n.?\n)", (ETC / name).read_text())[1]
    return "\n".join(line.strip("#; ") for line in head.splitlines()) + "\n"


def relay_command(name, folder, text, ports, certificate):
    """Return the command that runs ``text``, a file of etc/, with ports and paths of the test."""
    shown = "/etc/letsencrypt/live/chat.example.org"
    paths = {
        f"{shown}/fullchain.pem": certificate[0],
        f"{shown}/privkey.pem": certificate[1],
        "/run/nginx.pid": folder / "nginx.pid",
        "/var/log/nginx/error.log": folder / "error.log",
    }
    for there, here in {**{f":{port}": f":{new}" for port, new in ports.items()}, **paths}.items():
        assert there in text or there in paths
        text = text.replace(there, str(here))
    file = folder / name
    file.write_text(text)
    program, *words = COMMANDS[name.replace("-web", "")]
    path = shutil.which(program, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if path is None:
        pytest.skip(f"needs {program}")
    return [path, *words, str(file)]


class Relay:
    """The relay of a file in ``etc/``, between clients and a daemon that has the listener of its comment."""

    def __init__(self, name, folder, certificate):
        folder.mkdir()
        self.name, self.folder, self.certificate = name, folder, certificate
        self.inner, self.outer = free_port(), free_port()
        self.listener = listener_of(name).replace(":7414:", f":{self.inner}:")
        for key, file in zip(("certificate", "key"), certificate, strict=True):
            self.listener = self.listener.replace(f'{key} = "…"', f'{key} = "{file}"')
        self.process, self.dialled = None, []

    def start(self, change):
        ports = {7412: self.outer, 7414: self.inner}
        text = change((ETC / self.name).read_text())
        command = relay_command(self.name, self.folder, text, ports, self.certificate)
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def dial(self, source):
        context = ssl.create_default_context(cafile=str(self.certificate[0]))
        context.set_alpn_protocols(["chatd/1"])
        deadline = Deadline()
        while True:  # until it listens, and has found that the daemon does
            try:
                plain = socket.create_connection((LOOPBACK, self.outer), PATIENCE, (source, 0))
                self.dialled.append(context.wrap_socket(plain, server_hostname="localhost"))
            except (ConnectionError, ssl.SSLError):
                said = (self.folder / "log").read_text()
                assert self.process.poll() is None, said
                deadline.check(f"{self.name}: {said}")
                time.sleep(0.05)
            else:
                return Raw(self.dialled[-1])

    def end(self):
        for connection in self.dialled:
            connection.close()
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE)


@pytest.fixture
def site(make_daemon, certificate, tmp_path):
    """Return a function that starts a daemon with relays in front of it."""
    if os.geteuid() != 0:
        pytest.skip("the relays want root, to become users of their own")
    files = certificate()
    relays = []

    def site(*names, change=lambda text: text):
        relays.extend(Relay(name, tmp_path / name.partition(".")[0], files) for name in names)
        daemon = make_daemon()
        own = f'[[listen]]\nendpoint = "tcp:{daemon.port}:interface={LOOPBACK}"\n'
        daemon._config.write_text(own + "".join(relay.listener for relay in relays))
        daemon.listen = ()
        daemon.start()
        for relay in relays:
            relay.start(change)
        return daemon, *relays

    yield site
    for relay in relays:
        relay.end()


@every_relay
def test_two_people_talk_each_with_an_address_of_their_own(site, name):
    daemon, relay = site(name)
    ann, ben = relay.dial("127.0.0.2"), relay.dial("127.0.0.3")
    for raw, nick in ((ann, "ann"), (ben, "ben")):
        raw.enter(nick)
        raw.join("#tea")
    assert isinstance(ann.send("#tea", "x" * 10_000, 1), Ok)
    assert ben.await_(Event, lambda event: event.kind == "message").text == "x" * 10_000
    assert isinstance(ben.send("#tea", "I hear you", 1), Ok)
    assert ann.await_(Event, lambda event: event.by == "ben" and event.kind == "message").text == "I hear you"
    rows = [json.loads(line) for line in right("who", "--json", "--data", daemon.data).splitlines()]
    assert {row["nick"]: row["address"] for row in rows} == {
        nick: ":".join(map(str, raw.socket.getsockname())) for nick, raw in (("ann", ann), ("ben", ben))
    }
    assert all(row["relay"].startswith(f"{LOOPBACK}:") for row in rows)
    ann.close()
    (line,) = daemon.await_said("client-out")
    assert "peer=127.0.0.2:" in line
    assert not daemon.said("refused")


def test_who_says_nothing_is_kept_by_heartbeats(site):
    """With all of their times so short that only heartbeats are faster."""

    def shorten(text):
        return re.sub("11m|= 660", lambda found: found[0].replace("11m", "3s").replace("660", "3"), text)

    _, *relays = site(*COMMANDS, change=shorten)
    silent = [relay.dial("127.0.0.2") for relay in relays]
    for number, raw in enumerate(silent):
        raw.enter(f"ann{number}", heartbeat=Pulse(interval=1.0, misses=6))
    deadline = Deadline(5.0)
    while deadline.left:
        for raw in silent:  # it answers the daemon's pings, and says nothing of its own
            with suppress(TimeoutError, AssertionError):
                raw.hear(0.1)
    assert [relay.name for relay, raw in zip(relays, silent, strict=True) if raw.ended] == []
    for raw in silent:
        raw.ping()


@every_relay
def test_it_waits_longer_than_the_daemon(name):
    text = (ETC / name).read_text()
    found = re.findall(f"(?m){WAITS[name]}", text)
    seconds = {float(time.rstrip("m")) * (60 if time.endswith("m") else 1) for time in found}
    assert min(seconds) > Config().heartbeat.max_limit
    assert len(parse(listener_of(name).replace('"…"', '""')).listen) == 1
