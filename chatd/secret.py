"""Asks for a password, or reads it where a program left it: never from arguments or the environment."""

import getpass
import os
import sys
from pathlib import Path

MOST = 4096
"""Bytes of a password file that are read."""


class SecretError(Exception):
    """A password that cannot be had; the text is a sentence for people."""


def read_password(
    prompt: str, file: str | None = None, handle: int | None = None, *, again: bool = False
) -> str:
    """Return a password: the first line of ``file`` or of the open ``handle``, else what is typed.

    It is asked for without echo, and if ``again`` is true twice. Raises `SecretError`.
    """
    if file is not None:
        try:
            return _first_line(Path(file).read_bytes()[:MOST])
        except OSError as error:
            raise SecretError(f"The password file {file} cannot be read: {error.strerror}.") from None
    if handle is not None:
        try:
            return _first_line(_read(handle))
        except OSError as error:
            raise SecretError(f"The descriptor {handle} cannot be read: {error.strerror}.") from None
    if not sys.stdin.isatty():
        raise SecretError(
            "There is no terminal to ask for the password; use --password-file or --password-fd."
        )
    try:
        password = getpass.getpass(f"{prompt}: ")
        if again and getpass.getpass("The same again: ") != password:
            raise SecretError("The two passwords are not the same; try again.")
    except EOFError:
        raise SecretError("No password was given.") from None
    return password


def _read(handle: int) -> bytes:
    """Return what ``handle`` holds, up to its end or the first line's."""
    data = b""
    while b"\n" not in data and len(data) < MOST:
        more = os.read(handle, MOST)
        if not more:
            break
        data += more
    return data


def _first_line(data: bytes) -> str:
    line = data.split(b"\n", 1)[0].removesuffix(b"\r")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise SecretError("The password is not in UTF-8.") from None
