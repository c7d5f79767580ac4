"""The page on a network that fails: browser and daemon on hosts of their own, a router between them."""

import asyncio
import shlex
import shutil
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Self

from tests.end_to_end.harness.processes import PATIENCE
from tests.end_to_end.test_succession import Standing
from tests.network.lab.namespaces import Network

PORT: Final = 7480


def do(work: Coroutine[Any, Any, Any]) -> Any:
    """Return what ``work`` comes to; in this thread a loop of asyncio may run, as playwright's does."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, work).result(PATIENCE)


class Lab:
    """The hosts ``client`` and ``server``; what goes between them is lost while it is `cut`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.network = Network("page")
        self.origin = f"http://{self.network.server.address}:{PORT}"

    def __enter__(self) -> Self:
        do(self.network.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        do(self.network.__aexit__())

    def cut(self) -> None:
        """Lose every packet from now on, without a word."""
        do(self.network.drop())

    def heal(self) -> None:
        """Lose none any more."""
        do(self.network.drop_nothing())

    def program(self, name: str) -> str | None:
        """Return a program that runs the program ``name`` on the client; None if it is not installed."""
        found = shutil.which(name)
        if found is None:
            return None
        path = self.folder / name
        path.write_text(f'#!/bin/sh\nexec {shlex.join(self.network.client.command(found))} "$@"\n')
        path.chmod(0o755)
        return str(path)


class FarDaemon(Standing):
    """A daemon on the server of ``lab``. Who is near comes by its UNIX ``socket``."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        super().__init__(folder)
        self._host = lab.network.server
        self.socket = folder / "s"
        self.starts = 0
        self.write(f"unix:{self.socket}:mode=600", f'[[listen]]\nendpoint = "tcp:{PORT}"\nprotocol = "web"\n')

    @property
    def command(self) -> list[str]:
        """Return the command that starts it there."""
        return self._host.command(*super().command)

    def await_ready(self, patience: float = PATIENCE) -> None:
        """Wait until it listens."""
        self.starts += 1
        self.await_said("start", self.starts, patience)
