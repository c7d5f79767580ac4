"""A reload of a running daemon: all of a configuration or none of it, and whoever is in stays in."""

import os
import shutil
import signal
import socket
import ssl
import threading
from pathlib import Path

import pytest

from chatd.wire.messages import Error, Event, Goodbye, Hello, Ok
from tests.end_to_end.harness.certificates import make_certificate
from tests.end_to_end.harness.peer import dial
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, Deadline, environment, free_port, script
from tests.end_to_end.harness.program import finished
from tests.end_to_end.harness.raw import Raw, sends

RELOADS = int(os.environ.get("CHATD_RELOADS", "60"))
"""Reloads under load; by hand a thousand."""


class House:
    """A daemon that has its listeners from its configuration, which is written anew and reloaded."""

    def __init__(self, make_daemon, more=""):
        self.daemon = make_daemon()
        self.daemon.listen = ()
        self.reloads = {"reloaded": 0, "reload-refused": 0}
        self.write(more)
        self.daemon.start()

    def write(self, more="", endpoint=""):
        endpoint = endpoint or f"tcp:{self.daemon.port}:interface={LOOPBACK}"
        fresh = self.daemon.folder / "fresh.toml"
        fresh.write_text(f'guests = "allowed"\n[[listen]]\nendpoint = "{endpoint}"\n{more}')
        fresh.rename(self.daemon._config)  # whole: the daemon must never see a part of it

    def reload(self, expected="reloaded"):
        """Reload and return what the log says of it."""
        self.daemon.signal(signal.SIGHUP)
        self.reloads[expected] += 1
        return self.daemon.await_said(expected, self.reloads[expected])[-1]

    def check_config(self):
        """Return what chatctl says of the configuration."""
        command = [*script("chatctl"), "check-config", str(self.daemon._config)]
        done = finished(command, env=environment(), capture_output=True, text=True)
        return done.stderr.splitlines()


def shown(port):
    """Return a connection with TLS, and the certificate that was shown there."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = context.wrap_socket(dial(port))
    return Raw(connection), connection.getpeercert(binary_form=True)


def seen(port):
    raw, certificate = shown(port)
    raw.close()
    return certificate


def tls(port, certificate, key, more=""):
    return f'[[listen]]\nendpoint = "tcp:{port}"\ncertificate = "{certificate}"\nkey = "{key}"\n{more}'


def test_listeners_and_certificates_change_and_nobody_notices(make_daemon, connect, tmp_path):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    certificate, key = make_certificate(tmp_path / "old")
    port, third = free_port(), free_port()
    house = House(make_daemon, tls(port, certificate, key))
    ann, (ben, before) = connect(house.daemon), shown(port)
    ann.enter("ann")
    ben.enter("ben")
    ann.join("#a")
    ben.join("#a")

    # Only the files change; the pair is exchanged whole, and a pair that does not fit changes nothing.
    fresh = make_certificate(tmp_path / "new")
    shutil.copy(fresh[0], certificate)
    (complaint,) = house.check_config()
    line = house.reload("reload-refused")
    assert complaint in line
    assert "is not the key of the first certificate" in line
    assert seen(port) == before
    shutil.copy(fresh[1], key)
    line = house.reload()
    assert "applied=" in line
    assert "listen[1].certificate listen[1].key" in line
    cem, after = shown(port)
    assert after == ssl.PEM_cert_to_DER_cert(fresh[0].read_text()) != before
    assert cem.enter("cem").nick == "cem"

    # A third listener comes, the one with TLS goes; whoever is in stays in.
    house.write(f'[[listen]]\nendpoint = "tcp:{third}:interface={LOOPBACK}"\nguests = "read-only"\n')
    line = house.reload()
    assert f'added="tcp:{third}:interface={LOOPBACK}"' in line
    assert f"removed=tcp:{port}" in line
    with pytest.raises(ConnectionRefusedError):
        dial(port)
    with Raw(dial(third)) as dan:
        dan.enter("dan")
        assert dan.send("#a", "may I?", 1).code == "account-needed"
        house.write(f'[[listen]]\nendpoint = "tcp:{third}:interface={LOOPBACK}"\n')
        assert "listen[1].guests" in house.reload()
        dan.join("#a")
        assert isinstance(dan.send("#a", "now?", 1), Ok)
    assert isinstance(ben.send("#a", "still here", 1), Ok)
    assert ann.await_(Event, lambda event: event.text == "still here").by == "ben"

    # The same port under another name: the old listener makes room for the new one.
    house.write(endpoint=f"tcp:{house.daemon.port}:interface={LOOPBACK}:backlog=17")
    assert "removed=" in house.reload()
    with Raw(dial(house.daemon.port)) as eve:
        eve.enter("eve")
    assert isinstance(ann.send("#a", "me too", 1), Ok)
    ben.close()
    cem.close()
    assert house.daemon.terminate() == 0
    assert len(house.daemon.said("start")) == 1


def test_what_cannot_be_done_changes_nothing(make_daemon, connect):
    house = House(make_daemon, "[limits]\nmax_users = 2\n")
    taken, spare = free_port(), free_port()
    connect(house.daemon).enter("ann")
    connect(house.daemon).enter("ben")
    for more, word in (
        ("[limits]\nmax_users = 'many'\n", "limits.max_users: "),
        ("[limits\n", "the file is not TOML"),
        (f'[[listen]]\nendpoint = "tcp:{spare}"\n', "speaks plain text beyond this machine"),
    ):
        house.write(more)
        complaints = house.check_config()
        line = house.reload("reload-refused")
        assert word in line
        assert all(complaint in line for complaint in complaints)
    house.daemon._config.rename(house.daemon.folder / "gone")
    assert "cannot be read" in house.reload("reload-refused")
    with dial(house.daemon.port):
        pass

    # A limit that is right with a listener that cannot be opened: neither is in force, nor what was opened.
    with socket.create_server((LOOPBACK, taken)):
        more = "".join(
            f'[[listen]]\nendpoint = "tcp:{port}:interface={LOOPBACK}"\n' for port in (spare, taken)
        )
        house.write(f"{more}[limits]\nmax_users = 100\n")
        assert "Address already in use" in house.reload("reload-refused")
    with pytest.raises(ConnectionRefusedError):
        dial(spare)
    assert not enters(connect(house.daemon))

    # Then it is right, and what needs a restart is told for as long as it does.
    house.write("[limits]\nmax_users = 3\n[log]\nformat = 'json'\n")
    line = house.reload()
    assert "applied=limits.max_users" in line
    assert "restart=log.format" in line
    assert "restart=log.format" in house.reload()
    assert connect(house.daemon).enter("cem").nick == "cem"
    assert not house.daemon.faults()


def enters(raw):
    """Return whether another user is let in; the user is gone again at once."""
    raw.say(Hello(nick="someone"))
    message = raw.hear()
    raw.say(Goodbye(forget=True))
    raw.rest()
    assert not isinstance(message, Error) or message.code == "too-many-users"
    return not isinstance(message, Error)


def test_the_level_of_the_log_changes(make_daemon, connect):
    house = House(make_daemon)
    connect(house.daemon).enter("ann")
    house.daemon.await_said("client-in")
    house.write("[log]\nlevel = 'error'\n[limits]\nmax_users = 1\n")
    house.daemon.signal(signal.SIGHUP)
    deadline = Deadline(PATIENCE)
    while enters(connect(house.daemon)):
        deadline.check("the reload")
    house.write("[log\n")
    house.reload("reload-refused")
    assert not house.daemon.said("reloaded"), "the level holds for the line about it"
    house.write()
    house.reload()


def test_many_reloads_under_load_drop_nobody(make_daemon, connect, tmp_path):
    (tmp_path / "pair").mkdir()
    certificate, key = make_certificate(tmp_path / "pair")
    port, other = free_port(), free_port()
    house = House(make_daemon, tls(port, certificate, key))
    ann, ben = connect(house.daemon), connect(house.daemon)
    ann.enter("ann")
    ben.enter("ben")
    ann.join("#a")
    ben.join("#a")
    over, heard, numbers = threading.Event(), [], []

    def talk():
        """Keep some sends in flight until it is over; every one has to be acknowledged."""
        n = 0
        while not over.is_set():
            ann.say(*sends("#a", ["x"] * 20, n + 1))
            for _ in range(20):
                ann.await_(Ok)
                numbers.append(ben.await_(Event, lambda event: event.kind == "message").n)
            n += 20
        heard.append(n)

    talking = threading.Thread(target=talk)
    talking.start()
    for number in range(RELOADS):
        kind = number % 5
        if kind == 0:
            house.write("[limits\n")
        elif kind == 1:
            house.write(f"{tls(port, certificate, key)}[limits]\nmax_users = {100 + number}\n")
        elif kind == 2:
            house.write(f'{tls(port, certificate, key)}[[listen]]\nendpoint = "tcp:{other}"\n')
        elif kind == 3:
            fresh = make_certificate(tmp_path / "pair")
            assert fresh == (certificate, key)
            house.write(tls(port, certificate, key, f'[[listen]]\nendpoint = "unix:{tmp_path}/s"\n'))
        else:
            house.write()
        house.reload("reload-refused" if kind in (0, 2) else "reloaded")
    over.set()
    talking.join(PATIENCE)
    assert heard, "every send was acknowledged"
    assert numbers == list(range(1, heard[0] + 1))
    house.write(tls(port, certificate, key))
    house.reload()
    assert ssl.PEM_cert_to_DER_cert(certificate.read_text()) == seen(port)
    assert open_descriptors(house.daemon) < 40
    assert house.daemon.terminate() == 0
    reasons = {word for line in house.daemon.said("client-out") for word in line.split() if "reason=" in word}
    assert reasons <= {"reason=drain", "reason=lost", "reason=closed"}


def open_descriptors(daemon):
    """Return how many descriptors the daemon has once its closed connections are gone."""
    deadline = Deadline(PATIENCE)
    while (count := len(list(Path(f"/proc/{daemon.pid}/fd").iterdir()))) >= 40 and deadline.left > 0:
        pass
    return count
