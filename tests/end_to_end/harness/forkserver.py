"""Programs of this environment without their imports: a process that has made them once forks for each start.

Most of what a daemon or a chatc costs a test is the import of Twisted, cryptography and chatd. This program
(``python -m tests.end_to_end.harness.forkserver SOCKET``) has imported all that, has run nothing of it, and
waits. For each request it forks: the child takes the descriptors, arguments, folder, environment, limits and
niceness of the request and goes on as the console script does, or as ``python -m MODULE`` and ``python -c
CODE`` do. It is a child of whoever started this program (clone(2), CLONE_PARENT), so that it is waited for
like any other, and a process of its own in every respect. What it has from here is what was imported, the
seed of hash(), and the command line that ps shows.
"""

import atexit
import contextlib
import ctypes
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import platform
import resource
import runpy
import signal
import socket
import sys
import termios
import time
import types
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins

PROGRAMS = ("chatc", "chatctl", "chatd", "twistd")
"""The console scripts that can be forked."""

LIMITS = sorted(number for name, number in vars(resource).items() if name.startswith("RLIMIT_"))
"""The limits of resources that a child of somebody else would inherit from them."""

MODULES = ("bench", "tests.")
"""How the names of modules begin that may be run as programs and do nothing when they are imported."""

MOST = 1 << 17
"""Bytes of a request."""

CLONE = {"x86_64": 56, "aarch64": 220}.get(platform.machine() if sys.platform == "linux" else "")
"""The number of clone(2), if it is known here."""

_STATUS: list[int] = []
"""The exit status of the program that was run, once it is known."""

_CLONE_PARENT = 0x8000
_CLONE_NEWNS, _CLONE_NEWNET = 0x20000, 0x40000000
_MS_BIND, _MS_REC, _MS_SLAVE = 0x1000, 0x4000, 0x80000
_MNT_DETACH = 2
_APART = 500
"""Descriptors from this one on are those of a request until they are put in their places."""


def main() -> None:
    """Import everything, then fork for each request until the other end of the socket is gone."""
    wire = socket.socket(fileno=int(sys.argv[1]))
    atexit.register(_end)  # the first one that is registered is called last
    _import_all()
    serve(wire)


def serve(wire: socket.socket) -> None:
    """Fork for each request until the other end of ``wire`` is gone; a child returns from it by an exit."""
    programs = {script.name: script.load() for script in entry_points(group="console_scripts", name="twistd")}
    for script in entry_points(group="console_scripts"):
        if script.name in PROGRAMS:
            programs[script.name] = script.load()
    gc.collect()
    gc.freeze()
    wire.send(b"0")
    while data := _received(wire):
        request, descriptors = data
        _prepare(request["command"])
        if pid := _fork():
            wire.send(str(pid).encode())
            for number in descriptors:
                os.close(number)
        else:
            _become(request, descriptors)
            _run(programs.get(Path(sys.argv[0]).name, _interpret))


def _import_all() -> None:
    """Import what the programs import at some time; none of it may choose the reactor."""
    for package in ("chatd", "twisted.plugins"):
        path = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(path, f"{package}."):
            if module.name.startswith("chatd.testing") or module.name.endswith("__main__"):
                continue
            with contextlib.suppress(ImportError):  # some of Twisted's own plugins want more than there is
                importlib.import_module(module.name)
    for plugin in getPlugins(IServiceMaker):
        assert plugin
    importlib.import_module("twisted.internet.epollreactor")
    assert "twisted.internet.reactor" not in sys.modules


def _prepare(command: list[str]) -> None:
    """Import what a module of ours wants, so that it is there when the module is run as a program."""
    if command[1:2] == ["-m"] and command[2].startswith(MODULES):
        found = importlib.import_module(command[2])
        if hasattr(found, "__path__"):
            importlib.import_module(f"{command[2]}.__main__")
        assert "twisted.internet.reactor" not in sys.modules, f"{command[2]} imports the reactor too early"


def _interpret() -> None:
    """Do what an interpreter does with the words behind its name."""
    sys.modules["__main__"] = types.ModuleType("__main__")
    manner, what, *_ = sys.argv[1:]
    sys.path[0] = str(Path.cwd()) if manner == "-m" else ""
    if manner == "-m":
        del sys.argv[:2]
        for name in (what, f"{what}.__main__"):
            if not hasattr(sys.modules.get(name), "__path__"):
                sys.modules.pop(name, None)
        runpy._run_module_as_main(what)  # type: ignore[attr-defined]  # as the interpreter does
    else:
        sys.argv[:3] = ["-c"]
        exec(what, sys.modules["__main__"].__dict__)


def _received(wire: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    data, descriptors, _, _ = socket.recv_fds(wire, MOST, 64)
    return (json.loads(data), descriptors) if data else None


def _fork() -> int:
    """Fork as os.fork() does, but make the child our sibling. No other thread runs here."""
    python = ctypes.pythonapi  # it keeps the interpreter's lock during the call
    python.PyOS_BeforeFork()
    flags = ctypes.c_long(_CLONE_PARENT | signal.SIGCHLD)
    pid = ctypes.PyDLL(None).syscall(ctypes.c_long(CLONE or 0), flags, *[ctypes.c_long(0)] * 4)
    (python.PyOS_AfterFork_Parent if pid else python.PyOS_AfterFork_Child)()
    return int(pid)


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Be the process that was asked for."""
    if request["network"]:
        _enter(request["network"])
    _put_in_place(descriptors, [0, 1, 2, *request["pass_fds"]])
    if request["session"]:
        os.setsid()
    if request["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    for number, limits in zip(LIMITS, request["limits"], strict=True):
        if resource.getrlimit(number) != tuple(limits):
            resource.setrlimit(number, limits)
    os.sched_setaffinity(0, request["cores"])
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, request["nice"])
    if not sys.stdout.write_through:
        sys.stdout.reconfigure(line_buffering=os.isatty(1))
    sys.argv[:] = request["command"]
    sys.orig_argv[:] = sys.argv if sys.argv[0] == sys.executable else [sys.executable, *sys.argv]
    script = sys.modules["__main__"]
    script.__file__, script.__package__, script.__spec__ = sys.argv[0], None, None
    sys.path[0] = str(Path(sys.argv[0]).parent)


def _run(program: Callable[[], Any]) -> None:
    """Run ``program`` and exit as its console script does."""
    try:
        sys.exit(program())
    except SystemExit as end:
        if isinstance(end.code, int | None):
            _STATUS.append(end.code or 0)
        raise


def _end() -> None:
    """End a program without taking apart what the server made, which its memory is full of."""
    if _STATUS:
        with contextlib.suppress(OSError, ValueError):  # of which the interpreter tells
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(_STATUS[0])


def _enter(name: str) -> None:
    """Be on the network ``name``, as by ip-netns(8) ``exec``: its own wires, /sys, and files of /etc."""
    libc = ctypes.CDLL(None, use_errno=True)

    def call(what: str, *arguments: Any) -> None:
        if getattr(libc, what)(*arguments):
            raise OSError(ctypes.get_errno(), what)

    with Path("/run/netns", name).open("rb") as place:
        call("setns", place.fileno(), _CLONE_NEWNET)
    call("unshare", _CLONE_NEWNS)
    call("mount", b"", b"/", b"none", ctypes.c_ulong(_MS_SLAVE | _MS_REC), None)
    libc.umount2(b"/sys", _MNT_DETACH)
    call("mount", name.encode(), b"/sys", b"sysfs", ctypes.c_ulong(0), None)
    for file in Path("/etc/netns", name).glob("*"):
        call("mount", bytes(file), bytes(Path("/etc", file.name)), b"none", ctypes.c_ulong(_MS_BIND), None)


def _put_in_place(descriptors: list[int], places: list[int]) -> None:
    """Make ``descriptors`` those of the numbers ``places``, and close all others."""
    apart = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, _APART) for number in descriptors]
    for number, place in zip(apart, places, strict=True):
        os.dup2(number, place)
    for number in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208 - numbers
        if number not in places:
            with contextlib.suppress(OSError):
                os.close(number)


if __name__ == "__main__":
    main()
