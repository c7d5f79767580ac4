"""The control socket itself: a UNIX socket in the data folder, for its owner and perhaps a group."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.internet import unix
from twisted.python.failure import Failure

from chatd.control.access import RIGHTS, Access
from chatd.control.place import NAME, reachable
from chatd.control.protocol import ControlFactory
from chatd.ops.groups import group_id
from chatd.ops.log import Log
from chatd.ops.settings import ControlConfig

log = Log(__name__)


class _Port(unix.Port):
    """A listening UNIX socket whose file may be gone, or another's, when it is closed."""

    def connectionLost(self, reason: Failure) -> None:
        """Close; the file has been removed."""
        self._bindPath = b"\0"
        super().connectionLost(reason)  # type: ignore[no-untyped-call]


class ControlPort:
    """Listens in ``folder``, which this daemon alone uses, as ``config`` says."""

    def __init__(self, folder: Path, config: ControlConfig, reactor: Any) -> None:
        self._config = config
        self._folder = folder
        self._reactor = reactor
        self._handle: int | None = None
        self._port: Any = None
        self._factory: ControlFactory | None = None

    def _access(self) -> Access:
        group = group_id(self._config.group) if self._config.group else None
        return Access(os.geteuid(), group, RIGHTS[self._config.rights])

    def listen(self, make: Callable[[Access], ControlFactory]) -> None:
        """Listen with the factory that ``make`` makes for those who may ask.

        Where that cannot be, the daemon goes on without, and the log says why.
        """
        try:
            self._handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._clear()
            access = self._access()
            self._factory = factory = make(access)
            path = os.fsencode(reachable(self._folder, self._handle))
            self._port = _Port(path, factory, 16, 0o600, self._reactor)
            self._port.startListening()
            self._share(access.group)
        except Exception as error:  # noqa: BLE001 - whatever it is: chat is worth more than control
            log.error("control-failed", "chatctl cannot ask this daemon.", error=str(error))
            self.close()

    def _clear(self) -> None:
        """Remove what a crash has left; a file that is no socket is somebody's, and stays."""
        path = self._folder / NAME
        if path.is_socket():
            path.unlink()

    def _share(self, group: int | None) -> None:
        """Let ``group`` through the folder to the socket, and to nothing else in it."""
        if group is None:
            return
        path = self._folder / NAME
        os.chown(path, -1, group)
        path.chmod(0o660)
        os.chown(self._folder, -1, group)
        self._folder.chmod((self._folder.stat().st_mode & 0o7777) | 0o010)

    def close(self) -> None:
        """Listen no more."""
        if self._port is not None:
            with suppress(OSError):
                if (self._folder / NAME).is_socket():
                    (self._folder / NAME).unlink()
            if self._port.connected:
                self._port.stopListening()
            self._port = None
        if self._factory is not None:
            self._factory.close()
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
