"""Fixtures over whole daemons, for the conftest files of the folders that use them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.harness.chatc import Chatc
from tests.end_to_end.harness.daemon import Daemon
from tests.end_to_end.harness.peer import dial
from tests.end_to_end.harness.raw import Raw

__all__ = ["connect", "daemon", "make_daemon", "start_chatc"]

MakeDaemon = Callable[..., Daemon]
Connect = Callable[..., Raw]
StartChatc = Callable[..., Chatc]


@pytest.fixture
def make_daemon(tmp_path: Path) -> Iterator[MakeDaemon]:
    """Return a function that makes daemons; all are ended, and none may have logged a fault."""
    made: list[Daemon] = []

    def make(config: str = "", listen: tuple[str, ...] = (), folder: str = "") -> Daemon:
        made.append(Daemon(tmp_path / (folder or f"daemon{len(made)}"), config, listen))
        return made[-1]

    yield make
    for one in made:
        one.end()
    assert [one.faults() for one in made] == [[] for _ in made], "\n".join(one.log for one in made)


@pytest.fixture
def daemon(make_daemon: MakeDaemon) -> Daemon:
    """Return a daemon with the default configuration that answers."""
    return make_daemon().start()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Return a function that connects to a daemon; all connections are closed."""
    made: list[Raw] = []

    def connect(one: Daemon, **how: int) -> Raw:
        made.append(Raw(dial(one.port, **how)))
        return made[-1]

    yield connect
    for raw in made:
        raw.close()


@pytest.fixture
def start_chatc(tmp_path: Path) -> Iterator[StartChatc]:
    """Return a function that starts ``chatc`` at a daemon under a nick; all are ended."""
    started: list[Chatc] = []

    def start(one: Daemon, nick: str, *arguments: str, fed: bool = False) -> Chatc:
        started.append(Chatc(one, tmp_path, nick, *arguments, fed=fed))
        return started[-1]

    yield start
    for chatc in started:
        chatc.close()
