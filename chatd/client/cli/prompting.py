"""Prompting: what a command asks for at a terminal while the reactor runs, so that links stay alive."""

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from twisted.internet.defer import Deferred

from chatd.client.cli.terminal.descriptors import Input
from chatd.client.core.problems import ClientError

_YES: Final = {"y", "yes"}

_LOCAL: Final = 3
"""Where termios keeps whether a terminal echoes."""


def check_terminal(otherwise: str = "") -> None:
    """Raise `ClientError` ``no-password`` if nobody can be asked; ``otherwise`` says what to do."""
    if not sys.stdin.isatty():
        text = "There is no terminal to ask for the password; use --password-file or --password-fd."
        raise ClientError("no-password", otherwise or text)


async def agrees(reactor: Any, question: str) -> bool:
    """Return whether the person at the terminal answers ``question`` with yes."""
    return (await _line(reactor, f"{question} [y/N] ")).strip().lower() in _YES


@contextmanager
def unseen() -> Iterator[None]:
    """Let the terminal show nothing of what is typed, also while nothing is asked for.

    Raises `ClientError` ``no-password``.
    """
    check_terminal()
    before = termios.tcgetattr(0)
    when = termios.TCSAFLUSH if before[_LOCAL] & termios.ECHO else termios.TCSADRAIN
    silent = list(before)
    silent[_LOCAL] &= ~termios.ECHO
    termios.tcsetattr(0, when, silent)
    try:
        yield
    finally:
        termios.tcsetattr(0, when, before)


async def ask_unseen(reactor: Any, prompt: str) -> str:
    """Return what is typed behind ``prompt`` without echo. Raises `ClientError` ``no-password``."""
    with unseen():
        password = await _line(reactor, f"{prompt}: ")
        os.write(2, b"\n")
    return password


async def _line(reactor: Any, prompt: str) -> str:
    """Return the line that is typed behind ``prompt``. Raises `ClientError` at the end of the input."""
    os.write(2, prompt.encode())
    typed: Deferred[bytes] = Deferred()
    data = bytearray()

    def received(more: bytes) -> None:
        data.extend(more)
        if b"\n" in data and not typed.called:
            typed.callback(bytes(data))

    def ended() -> None:
        if not typed.called:
            typed.callback(b"")

    reader = Input(reactor, 0, received, ended)
    reader.resume()
    line = b""
    try:
        line = await typed
    finally:
        reader.close()
        if not line:  # given up, so that nothing has ended the line on the screen
            os.write(2, b"\n")
    if not line:
        raise ClientError("no-password", "Nothing was typed, and nothing is done.")
    try:
        return line.split(b"\n", 1)[0].decode()
    except UnicodeDecodeError:
        raise ClientError("no-password", "That is not in UTF-8.") from None
