"""Sockets that are handed over as systemd does it, rightly and wrongly."""

import os
import socket
import subprocess
import sys

import pytest

from chatd.server.systemd import LEANS_ON, handed_over
from tests.end_to_end.harness.peer import dial
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, environment, script
from tests.end_to_end.harness.program import run
from tests.end_to_end.harness.raw import Raw

HAND_OVER = """
import os, sys
numbers, *command = sys.argv[1:]
numbers = [int(number) for number in numbers.split(",") if number]
for place, number in enumerate(numbers):
    os.dup2(number, 100 + place)
for place in range(len(numbers)):
    os.dup2(100 + place, 3 + place)
    os.set_inheritable(3 + place, True)
count = max(1, len(numbers))
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(count))
if "nameless" not in os.environ:
    os.environ["LISTEN_FDNAMES"] = ":".join(["chat", "other"][:count])
os.execv(command[0], command)
"""
"""Hands over the descriptors of its first argument, then becomes the command."""

IN_PLACE = """
from twisted.internet.endpoints import _SystemdParser
from twisted.python.systemd import ListenFDs
_SystemdParser._sddaemon = ListenFDs.fromEnvironment()  # as its import does, which was long ago
sys.orig_argv[:] = command
sys.argv[:] = ["-c", *command[3:]]
exec(command[2])
""".join(HAND_OVER.rsplit("os.execv(command[0], command)\n", 1))
"""The same for the command ``python -c CODE``, which the process goes on with that hands over."""


def listening(kind=socket.SOCK_STREAM, address=(LOOPBACK, 0), family=socket.AF_INET):
    made = socket.socket(family, kind)
    made.bind(address)
    if kind == socket.SOCK_STREAM:
        made.listen()
    return made


def start(tmp_path, sockets, *endpoints):
    """Return what the daemon said that was started with ``sockets`` and did not stay."""
    (tmp_path / "chatd.toml").write_text("allow_plaintext = true\nguests = 'allowed'\n")
    numbers = tuple(one.fileno() for one in sockets)
    hand_over = HAND_OVER if "nameless" in os.environ else IN_PLACE  # it names them before that import
    listen = [word for endpoint in endpoints for word in ("--listen", endpoint)]
    done = run(
        *(sys.executable, "-c", hand_over, ",".join(map(str, numbers))),
        *(*CHATD, "--config", "chatd.toml", "--data", "data", *listen),
        cwd=tmp_path,
        inherit=numbers,
    )
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).splitlines()
    assert not line.endswith("name another endpoint.")
    return line


def test_twisted_keeps_what_was_handed_over_where_we_look():
    assert handed_over() is not None, LEANS_ON
    assert handed_over().inheritedDescriptors() == []


INET = "systemd:domain=INET:index=0"
CHATD = [sys.executable, "-c", "from chatd.daemon import main; main()"]
"""The console script."""

WRONG = {
    "nothing": ([], INET, "systemd has handed over there is no socket"),
    "no such index": (
        [{}],
        "systemd:domain=INET:index=3",
        "systemd has handed over index 0 ('chat'), and none of these has the index 3; name one of them",
    ),
    "no such name": (
        [{}, {}],
        "systemd:domain=INET:name=nosuch",
        "handed over index 0 ('chat'), index 1 ('other'), and none of these has the name 'nosuch'",
    ),
    "a socket for datagrams": ([{"kind": socket.SOCK_DGRAM}], INET, "its unit needs ListenStream="),
    "another domain": ([{}], "systemd:domain=UNIX:index=0", "is of the domain INET; write domain=INET"),
    "a UNIX socket": (
        [{"family": socket.AF_UNIX, "address": "\0chatd-handed-over"}],
        INET,
        "is of the domain UNIX; write domain=UNIX",
    ),
    "no number": ([{}], "systemd:domain=INET:index=x", "names no socket of systemd; write systemd:domain="),
    "no domain": ([{}], "systemd:index=0", "names no socket of systemd"),
    "a strange domain": ([{}], "systemd:domain=INET9:index=0", "names no socket of systemd"),
    "neither index nor name": ([{}], "systemd:domain=INET", "names no socket of systemd"),
}


@pytest.mark.parametrize(("sockets", "endpoint", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_said(tmp_path, sockets, endpoint, sentence):
    made = [listening(**how) for how in sockets]
    said = start(tmp_path, made, endpoint)
    for one in made:
        one.close()
    assert sentence in said
    assert endpoint in said


def test_one_socket_serves_one_listener(tmp_path):
    with listening() as one:
        said = start(tmp_path, [one], INET, "systemd:domain=INET:name=chat")
    assert f"that is the socket of {INET} already, and one socket serves one listener" in said


def test_without_systemd(tmp_path):
    (tmp_path / "chatd.toml").write_text("allow_plaintext = true\nguests = 'allowed'\n")
    done = run(*script("chatd"), "--config", "chatd.toml", "--listen", INET, cwd=tmp_path)
    assert done.returncode == 1
    assert "systemd has handed over no socket, or more or fewer names than" in done.stdout + done.stderr


NAMELESS = {
    "no socket": ([], (INET,), "systemd has handed over there is no socket"),
    "no such index": (
        [{}],
        ("systemd:domain=INET:index=1",),
        "systemd has handed over index 0 ('unknown'), and none of these has the index 1; name one of them",
    ),
    "another domain": ([{}], ("systemd:domain=INET6:index=0",), "is of the domain INET; write domain=INET"),
    "the same twice": ([{}], (INET, INET), "already, and one socket serves one listener"),
}


@pytest.mark.parametrize(("sockets", "endpoints", "sentence"), NAMELESS.values(), ids=NAMELESS.keys())
def test_what_is_wrong_with_a_socket_without_a_name(tmp_path, monkeypatch, sockets, endpoints, sentence):
    monkeypatch.setenv("nameless", "yes")
    made = [listening(**how) for how in sockets]
    said = start(tmp_path, made, *endpoints)
    for one in made:
        one.close()
    assert sentence in said
    assert "no socket, or" not in said


HANDED = {
    "by name": ([*CHATD], "systemd:domain=INET:name=chat", False),
    "without a name": ([*CHATD], INET, True),
    "by the name that it has then": ([*CHATD], "systemd:domain=INET:name=unknown", True),
    "without a name, to twistd": ([*script("twistd"), "-n", "--pidfile=", "chatd"], INET, True),
}


@pytest.mark.parametrize(("command", "endpoint", "nameless"), HANDED.values(), ids=HANDED.keys())
def test_a_right_one_is_listened_on(tmp_path, monkeypatch, command, endpoint, nameless):
    if nameless:
        monkeypatch.setenv("nameless", "yes")
    (tmp_path / "chatd.toml").write_text("allow_plaintext = true\nguests = 'allowed'\n")
    with listening() as one:
        hand_over = [sys.executable, "-c", HAND_OVER, str(one.fileno())]
        daemon = subprocess.Popen(
            [*hand_over, *command, "--config", "chatd.toml", "--listen", endpoint],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.DEVNULL,
            pass_fds=[one.fileno()],
        )
        try:
            with Raw(dial(one.getsockname()[1])) as ann:  # whoever comes early waits in the socket
                assert ann.enter("ann").nick == "ann"
            daemon.terminate()
            assert daemon.wait(PATIENCE) == 0
        finally:
            daemon.kill()
            daemon.wait()
