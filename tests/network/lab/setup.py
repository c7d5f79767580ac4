"""What every scene is played in: a network, and a folder for its programs."""

import tempfile
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Self

from tests.network.lab.namespaces import Network

MEMORY: Final = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
"""Where the folders of scenes are that are measured: twenty daemons on one disk would measure the disk."""


class Setup(ABC):
    """A ``network``, and a ``folder`` of that ``name`` within ``where`` (None: the one for temporary files).

    They are there while it is entered, with what `_set_up` starts; where that fails, all of it ends.
    """

    def __init__(self, network: Network, name: str, where: Path | None = None) -> None:
        self.network = network
        self._stack = AsyncExitStack()
        self._name = name
        self._where = where

    async def __aenter__(self) -> Self:
        folder = tempfile.TemporaryDirectory(prefix=f"chatd-{self._name}-", dir=self._where)
        try:
            self.folder = Path(self._stack.enter_context(folder))
            await self._stack.enter_async_context(self.network)
            await self._set_up()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @abstractmethod
    async def _set_up(self) -> None:
        """Start what belongs to it, and tell the stack how that ends."""
