"""Programs under test: `Program` is `subprocess.Popen`, and spares the programs of chatd their imports."""

import atexit
import fcntl
import inspect
import json
import os
import resource
import select
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.end_to_end.harness.forkserver import CLONE, LIMITS, MOST, PROGRAMS, serve
from tests.end_to_end.harness.processes import PATIENCE, ROOT, environment, script

_HOW = inspect.signature(subprocess.Popen._execute_child)  # type: ignore[attr-defined]
_INHERITED = -1
"""How `subprocess` writes that a standard descriptor is the parent's."""

_BEFORE_THE_FIRST_LINE = ("PYTHON", "LD_", "LC_", "LANG", "MALLOC_", "GLIBC_", "OPENSSL_")
"""How the names begin of variables that an interpreter obeys when it starts."""

_ON_A_NETWORK = ("ip", "netns", "exec")
"""How a command begins that runs another one, without a process of its own, on the network that it names."""

_INTERPRETED = (["-m"], ["-c"])
"""What stands behind the interpreter's name where a program of its own is no use."""

_UNUSED = {"executable": None, "startupinfo": None, "creationflags": 0, "shell": False, "umask": -1}
_UNUSED |= {"gid": None, "gids": None, "uid": None, "process_group": -1}
"""What may not be asked for of a program that is forked, with its defaults."""


def take_terminal() -> None:
    """Make standard input the controlling terminal of the session that has begun: a ``preexec_fn``."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Program(subprocess.Popen[Any]):
    """A process, as by `subprocess.Popen`.

    A console script of chatd, twistd, ``python -m`` or ``python -c`` is forked from a process that has
    imported what it wants already (`forkserver`), unless it is asked for with something that takes a new
    interpreter. With ``CHATD_EXEC`` in the environment of the tests none is.
    """

    def _execute_child(self, *positional: Any, **named: Any) -> None:
        how = _HOW.bind(self, *positional, **named).arguments
        if not _can_be_forked(how):
            super()._execute_child(*positional, **named)  # type: ignore[misc]
            return
        pipes = [how[name] for name in ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")]
        try:
            standard = [
                number if number != _INHERITED else place
                for place, number in enumerate((pipes[0], pipes[3], pipes[5]))
            ]
            obeyed = _obeyed(how["env"] or os.environ)
            server = _SERVERS.setdefault(tuple(sorted(obeyed.items())), _Server(obeyed))
            self.pid = server.start(how, standard)
            self._child_created = True
        finally:
            self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


def finished(
    command: Any, *, given: Any = None, timeout: float = PATIENCE, check: bool = False, **how: Any
) -> subprocess.CompletedProcess[Any]:
    """Run a `Program` to its end, as `subprocess.run` does; ``given`` is what it reads."""
    if given is not None:
        how["stdin"] = subprocess.PIPE
    if how.pop("capture_output", False):
        how |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Program(command, **how) as program:
        try:
            out, err = program.communicate(given, timeout)
        except BaseException:
            program.kill()
            raise
    done = subprocess.CompletedProcess(command, program.returncode, out, err)
    if check:
        done.check_returncode()
    return done


def fork_from_here() -> None:
    """Have the programs of this process forked from what it is now: it has imported all that they want.

    It is called before there is a thread, and before anything is open that no child may have.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        ours.close()
        serve(theirs)
        os._exit(0)
    theirs.close()
    assert ours.recv(MOST)
    obeyed = _obeyed(os.environ)
    _SERVERS[tuple(sorted(obeyed.items()))] = _Server(obeyed, ours)


def run(
    *command: str, cwd: Path, patience: float = PATIENCE, inherit: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run ``command`` to its end and return its exit status and output."""
    return finished(
        command,
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patience,
        pass_fds=inherit,
    )


def run_with_offspring(
    *command: str, cwd: Path, patience: float = PATIENCE
) -> subprocess.CompletedProcess[str]:
    """Run ``command`` until it and every process that it has left behind are gone."""
    last, held = os.pipe()  # its end is read when nobody holds the other side any more
    try:
        done = run(*command, cwd=cwd, patience=patience, inherit=(held,))
        os.close(held)
        assert select.select([last], [], [], patience)[0], f"something is left behind by {command}"
    finally:
        os.close(last)
    return done


def _can_be_forked(how: dict[str, Any]) -> bool:
    command = how["args"]
    if CLONE is None or "CHATD_EXEC" in os.environ or isinstance(command, str | bytes | os.PathLike):
        return False
    variables = _obeyed(how["env"] or os.environ)
    plain = variables in (_obeyed(environment()), _obeyed({**os.environ, "PYTHONPATH": str(ROOT)}))
    plain = plain and all(how.get(name, value) == value for name, value in _UNUSED.items())
    plain = plain and how["close_fds"] and how["preexec_fn"] in (None, take_terminal)
    words = _apart(command)[1]
    known = any(words[:1] == script(name) for name in PROGRAMS)
    return plain and (known or (words[:1] == [sys.executable] and words[1:2] in _INTERPRETED))


def _apart(command: Sequence[Any]) -> tuple[str, list[str]]:
    """Return the network on which ``command`` runs, "" for the one that is here, and the command there."""
    words = [str(word) for word in command]
    if tuple(words[:3]) == _ON_A_NETWORK:
        return words[3], words[4:]
    return "", words


def _obeyed(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that no fork obeys any more: each set of them has a server of its own."""
    return {name: value for name, value in variables.items() if name.startswith(_BEFORE_THE_FIRST_LINE)}


class _Server:
    """A process that forks; it is started when it is needed first, and ends with this one."""

    def __init__(self, obeyed: dict[str, str], wire: socket.socket | None = None) -> None:
        self._obeyed = obeyed
        self._wire = wire
        self._lock = threading.Lock()

    def start(self, how: dict[str, Any], standard: list[int]) -> int:
        """Fork the program that is described as `subprocess` does; return its number."""
        passed = sorted(how["pass_fds"])
        network, command = _apart(how["args"])
        request = {
            "command": command,
            "network": network,
            "env": dict(how["env"] or os.environ),
            "cwd": str(Path(how["cwd"] or ".").absolute()),
            "pass_fds": passed,
            "session": how["start_new_session"],
            "terminal": how["preexec_fn"] is take_terminal,
            "limits": [resource.getrlimit(number) for number in LIMITS],
            "cores": sorted(os.sched_getaffinity(0)),
            "nice": os.getpriority(os.PRIO_PROCESS, 0),
        }
        with self._lock:
            if self._wire is None:
                self._wire = _begin(self._obeyed)
            socket.send_fds(self._wire, [json.dumps(request).encode()], [*standard, *passed])
            return int(self._wire.recv(MOST))


def _begin(obeyed: dict[str, str]) -> socket.socket:
    others = {name: value for name, value in os.environ.items() if name not in _obeyed(os.environ)}
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        server = subprocess.Popen(
            # What looks for a daemon by its command line finds the word at the end.
            [sys.executable, "-m", "tests.end_to_end.harness.forkserver", str(theirs.fileno()), "chatd"],
            cwd=ROOT,
            env=others | obeyed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    atexit.register(_end, ours, server)
    assert ours.recv(MOST), "the server that forks has not started"
    return ours


def _end(wire: socket.socket, server: subprocess.Popen[bytes]) -> None:
    wire.close()
    server.wait()


_SERVERS: dict[tuple[tuple[str, str], ...], _Server] = {}
