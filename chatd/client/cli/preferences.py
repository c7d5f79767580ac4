"""Preferences: what a person has written into their settings file, for every chatc that says nothing else.

A key of the file stands for an option; options and the environment beat it.
"""

import os
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any, Final

from chatd.client.cli.settings import BELLS
from chatd.client.core.problems import ClientError
from chatd.home import expand
from chatd.wire.limits import PAGE_ROWS

_Reads = Callable[[Any], Any]


def _line(value: Any) -> Any:
    return value if isinstance(value, str) and value.isprintable() else None


def _count(value: Any) -> Any:
    return value if type(value) is int and 0 <= value <= PAGE_ROWS else None


def _bell(value: Any) -> Any:
    return value if value in BELLS else None


def _truth(value: Any) -> Any:
    return value if isinstance(value, bool) else None


def _opposite(value: Any) -> Any:
    return not value if isinstance(value, bool) else None


_KEYS: Final[dict[str, tuple[str, _Reads, str]]] = {
    "server": ("server", _line, "an address in quotes"),
    "nick": ("nick", _line, "a name in quotes"),
    "recent": ("recent", _count, f"a number from 0 to {PAGE_ROWS}"),
    "bell": ("bell", _bell, ", ".join(f'"{one}"' for one in BELLS)),
    "typing": ("unheard", _opposite, "true or false"),
    "plain": ("strip", _truth, "true or false"),
}
"""Of each key the parameter of the command that it stands for, how it is read, and what it takes."""


_ASKING: Final = frozenset({"-h", "--help", "--version"})


def preferences(words: Sequence[str] = ()) -> dict[str, Any]:
    """Return what the settings file says, by the parameters of the command.

    Raises `ClientError` where it is there and cannot be used, unless the ``words`` of the command ask for
    nothing but help.
    """
    try:
        return _read()
    except ClientError:
        options = takewhile(lambda word: word != "--", words)  # behind it a word is a text
        if _ASKING.isdisjoint(options):
            raise
        return {}


def _read() -> dict[str, Any]:
    try:
        path = expand(os.environ.get("XDG_CONFIG_HOME") or "~/.config") / "chatd" / "chatc.toml"
        text = path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError, RuntimeError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ClientError("bad-settings", f"The settings in {path} cannot be read: {why}.") from None
    try:
        return parse(text)
    except ClientError as error:
        raise ClientError(error.code, f"The settings in {path} are wrong: {error.text}") from None


def parse(text: str) -> dict[str, Any]:
    """Return what the TOML document ``text`` says, by the parameters of the command. Raises `ClientError`."""
    import tomllib  # noqa: PLC0415 - most have no such file

    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ClientError("bad-settings", f"{error}.") from None
    found = {}
    for key, value in table.items():
        if key not in _KEYS:
            import difflib  # noqa: PLC0415 - most make no mistake

            near = difflib.get_close_matches(key, _KEYS, n=1)
            known = f"did you mean {near[0]}?" if near else f"there are {', '.join(_KEYS)}."
            raise ClientError("bad-settings", f"{key!r} is no setting; {known}")
        name, read, wanted = _KEYS[key]
        found[name] = read(value)
        if found[name] is None:
            raise ClientError("bad-settings", f"{key} takes {wanted}, not {str(value)[:60]!r}.")
    return found
