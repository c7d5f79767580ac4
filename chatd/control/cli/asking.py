"""Asking a running daemon: one request, its rows as they come, and a sentence for what went wrong."""

import fcntl
import os
import socket
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import Final

import click
from msgspec import Raw

from chatd.control.messages import Ask, Done, RawRows, Refused, read_answer
from chatd.control.place import NAME, connect
from chatd.ops.settings import Config
from chatd.ops.words import escape
from chatd.wire.errors import ProtocolError
from chatd.wire.lines import LineDecoder, encode

PATIENCE: Final = 30.0
"""Seconds for which a daemon may say nothing before it counts as not answering."""

MAX_ANSWER: Final = 1 << 24
"""Bytes of one line of an answer at the most."""


class Exit(IntEnum):
    """The exit statuses of chatctl; 2 is a mistake on the command line."""

    DONE = 0
    REFUSED = 1
    NO_DAEMON = 3
    NOT_PERMITTED = 4
    NO_ANSWER = 5


class AskError(click.ClickException):
    """A sentence for whoever gave the command, and its exit status."""

    def __init__(self, status: Exit, sentence: str) -> None:
        super().__init__(escape(sentence))
        self.exit_code = int(status)  # type: ignore[misc]

    def show(self, file: object = None) -> None:
        """Say it."""
        del file
        click.echo(f"chatctl: {self.message}", err=True)


def folder_of(data: str | None, config: str | None) -> Path:
    """Return the data folder that the options name. Raises `AskError`."""
    if data is not None:
        return Path(data)
    if config is None:
        return Path(Config().data)
    try:
        with Path(config).open("rb") as file:
            return Path(str(tomllib.load(file).get("data", Config().data)))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AskError(Exit.REFUSED, f"{config} cannot be read: {reason}.") from None


class Answer:
    """The answer to ``asked`` by the daemon on ``folder``: its rows as they come, then ``text`` and ``note``.

    ``patience`` is for how many seconds it may say nothing; None for ever. Raises `AskError` in both.
    """

    def __init__(self, folder: Path, asked: Ask, patience: float | None = PATIENCE) -> None:
        self.text = self.note = ""
        self._folder = folder
        self._socket = _connect(folder)
        self._socket.settimeout(patience)
        with suppress(OSError):  # it may have refused us already, and says why
            self._socket.sendall(encode(asked))

    def __iter__(self) -> Iterator[Raw]:
        decoder = LineDecoder(MAX_ANSWER)
        with self._socket:
            while True:
                line = decoder.take()
                if line is None:
                    decoder.feed(self._receive())
                    continue
                try:
                    message = read_answer.read_known(line)
                except ProtocolError as error:
                    raise AskError(
                        Exit.NO_ANSWER, f"The daemon's answer is no answer: {error.text}"
                    ) from None
                if isinstance(message, RawRows):
                    yield from message.rows
                elif isinstance(message, Refused):
                    refused = Exit.NOT_PERMITTED if message.code == "not-permitted" else Exit.REFUSED
                    raise AskError(refused, message.text)
                elif isinstance(message, Done):
                    self.text, self.note = message.text, message.note
                    return

    def _receive(self) -> bytes:
        try:
            data = self._socket.recv(65_536)
        except TimeoutError:
            raise AskError(
                Exit.NO_ANSWER, f"The daemon on {self._folder} does not answer; look at its log."
            ) from None
        except OSError:
            data = b""
        if not data:
            raise AskError(
                Exit.NO_ANSWER, f"The daemon on {self._folder} has ended the connection; look at its log."
            )
        return data


def _connect(folder: Path) -> socket.socket:
    try:
        return connect(folder, PATIENCE)
    except PermissionError:
        raise AskError(
            Exit.NOT_PERMITTED,
            f"You may not ask the daemon on {folder}; be root, its own user, or in the group that [control]"
            " names.",
        ) from None
    except TimeoutError:
        raise AskError(Exit.NO_ANSWER, f"The daemon on {folder} does not answer; look at its log.") from None
    except OSError:
        raise AskError(Exit.NO_DAEMON, _why_nobody(folder)) from None


def _why_nobody(folder: Path) -> str:
    """Return why nobody answers in ``folder``."""
    hint = "name the data folder of a daemon with --data, or its configuration with --config."
    if not folder.is_dir():
        return f"There is no folder {folder}; {hint}"
    if _in_use(folder):
        return f"A daemon uses {folder}, but nobody answers at {NAME} there; see control-failed in its log."
    return f"No daemon runs on {folder}; start it, or {hint}"


def _in_use(folder: Path) -> bool:
    """Return whether some process holds the lock of ``folder``."""
    try:
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def said(answer: Answer) -> str:
    """Return the sentence that ends ``answer``, which has no rows."""
    for _ in answer:
        pass
    return answer.text
