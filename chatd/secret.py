"""Asks for a password, or reads it where a program left it: never from arguments or the environment."""

import getpass
import os
import sys
from pathlib import Path

MOST = 4096
"""Bytes of a password file that are read."""


TRIES = 3
"""Times that a password is asked for: who is asked again types none where it would be seen."""


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
        for _ in range(TRIES):
            password = getpass.getpass(f"{prompt}: ")
            if not again or getpass.getpass("The same again: ") == password:
                return password
            sys.stderr.write("The two passwords are not the same.\n")
    except EOFError:
        raise SecretError("No password was given.") from None
    raise SecretError("Nothing was changed; enter the command again.")


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
