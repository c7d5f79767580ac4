"""Conditions on rows: ``nick=ann``, ``lag>100``, ``address=192.0.2.*``."""

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any, Final

from chatd.control.messages import RefusedError

_CONDITION: Final = re.compile(r"([a-z_]+)([=<>])(.*)", re.DOTALL)

Condition = Callable[[Any], bool]
"""Says whether a row meets it."""


def conditions(
    where: Iterable[str], fields: Iterable[str], get: Callable[[Any, str], Any] = getattr
) -> list[Condition]:
    """Return the conditions in ``where``, which speak of ``fields`` alone; ``get`` returns one of a row.

    ``KEY=VALUE`` compares without case, and ``*`` stands for anything; ``KEY>N`` and ``KEY<N`` compare
    numbers.
    Raises `RefusedError` ``bad-condition``.
    """
    known = tuple(fields)
    return [_condition(text, known, get) for text in where]


def _condition(text: str, fields: tuple[str, ...], get: Callable[[Any, str], Any]) -> Condition:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise RefusedError(
            "bad-condition", f"{text!r} is no condition; write KEY=VALUE, KEY>NUMBER or KEY<NUMBER."
        )
    key, sign, value = match.groups()
    if key not in fields:
        raise RefusedError("bad-condition", f"There is no field {key!r} here; there are {', '.join(fields)}.")
    if sign == "=":
        wanted = value.casefold()
        return lambda row: fnmatchcase(_text(get(row, key)).casefold(), wanted)
    try:
        number = float(value)
    except ValueError:
        raise RefusedError("bad-condition", f"{value!r} in {text!r} is no number.") from None
    more = sign == ">"
    return lambda row: _compares(get(row, key), number, more)


def _compares(value: object, number: float, more: bool) -> bool:
    if not isinstance(value, int | float):
        return False
    return value > number if more else value < number


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
