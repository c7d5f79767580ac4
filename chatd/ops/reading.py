"""Reading tables into Structs key by key, so that one look at a file names all of its mistakes."""

import difflib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct, inspect

S = TypeVar("S", bound=Struct)

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+\Z")
_SHOWN: Final = 60
"""Characters of a wrong value that an error sentence shows."""


class Problem(NamedTuple):
    """One mistake: the path of its key, empty for the whole file, and a sentence about it."""

    path: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}: {self.sentence}" if self.path else self.sentence


def read(kind: type[S], table: Mapping[str, object], problems: list[Problem], path: str = "") -> S:
    """Return ``table`` as a ``kind``; the default takes the place of each wrong value.

    Every mistake is added to ``problems``, with a path that begins with ``path``.
    """
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    values = {}
    for key, value in table.items():
        place = _join(path, key)
        if key not in fields:
            problems.append(Problem(place, _unknown(key, list(fields))))
            continue
        found = _value(fields[key], value, problems, place)
        if found is not msgspec.UNSET:
            values[key] = found
    return kind(**values)


def _value(kind: Any, value: object, problems: list[Problem], path: str) -> object:
    if isinstance(kind, type) and issubclass(kind, Struct) and isinstance(value, dict):
        return read(kind, value, problems, path)
    if get_origin(kind) is tuple and isinstance(value, list) and all(isinstance(row, dict) for row in value):
        row_kind = get_args(kind)[0]
        return tuple(read(row_kind, row, problems, f"{path}[{index}]") for index, row in enumerate(value))
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        problems.append(Problem(path, f"expected {expected(kind)}, not {_shown(value)}."))
        return msgspec.UNSET


def _join(path: str, key: str) -> str:
    name = key if _BARE_KEY.match(key) else json.dumps(key[:_SHOWN])
    return f"{path}.{name}" if path else name


def _unknown(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    if near:
        return f"this key is not known; did you mean {near[0]}?"
    return f"this key is not known; known here are {', '.join(known)}."


def expected(kind: Any) -> str:
    """Return the values that ``kind`` takes, in words."""
    info = inspect.type_info(kind)
    return _WORDS[type(info)](info)


def _bounds(info: Any) -> str:
    words = []
    if info.ge is not None:
        words.append(f"at least {info.ge:,}")
    if info.gt is not None:
        words.append(f"more than {info.gt:,}")
    if info.le is not None:
        words.append(f"at most {info.le:,}")
    return (" of " + " and ".join(words)) if words else ""


def _choice(info: Any) -> str:
    return " or ".join(json.dumps(value) for value in info.values)


def _text(info: Any) -> str:
    if not info.pattern:
        return "a text in quotes"
    empty = " that is not empty," if "+" in info.pattern else ""
    length = f" of at most {info.max_length:,} characters" if info.max_length is not None else ""
    return f"a text in quotes{length}{empty} without control characters"


def _list(info: Any) -> str:
    if isinstance(info.item_type, inspect.StructType):
        return "a list of tables, written with [[double brackets]]"
    return f"a list, in [brackets], of {_WORDS[type(info.item_type)](info.item_type)}"


_WORDS: Final[dict[type, Callable[[Any], str]]] = {
    inspect.IntType: lambda info: "a whole number" + _bounds(info),
    inspect.FloatType: lambda info: "a number" + _bounds(info),
    inspect.StrType: _text,
    inspect.BoolType: lambda _info: "true or false",
    inspect.LiteralType: _choice,
    inspect.VarTupleType: _list,
    inspect.StructType: lambda _info: "a table, written with [brackets]",
}


def _shown(value: object) -> str:
    names: dict[type, str] = {dict: "a table", list: "a list"}
    if type(value) in names:
        return names[type(value)]
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
