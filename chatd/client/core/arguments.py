"""What a program hands in is checked when it does: what cannot be is a `ClientError` with one sentence.

Its code is ``bad-options`` for an option, ``bad-argument`` for an argument of a call, and ``bad-address`` or
``bad-proxy`` for a text that is none.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from chatd.client.core.address import Address, parse_address
from chatd.client.core.problems import ClientError
from chatd.client.core.proxy import Proxy, parse_proxy
from chatd.client.core.session import Credentials
from chatd.client.core.texts import fits_as_label
from chatd.wire.limits import MAX_INT, MAX_LABEL
from chatd.wire.messages import Pulse, Request

T = TypeVar("T", int, str)

OPTIONS: Final = "bad-options"
ARGUMENT: Final = "bad-argument"

MAX_SHOWN: Final = 60
"""Characters of a wrong value that its sentence shows."""


def wrong(name: str, value: object, wanted: str, code: str = OPTIONS) -> ClientError:
    """Return the error that says of ``value``, given as ``name``, that it should be ``wanted``."""
    return ClientError(code, f"{name} must be {wanted}, not {_shown(value)}.")


def given(name: str, value: Any, kind: type, *, none: bool = False) -> Any:
    """Return ``value``, which must be of that ``kind``, or None where that may be; a bool is no number."""
    if type(value) is not kind and not (none and value is None):
        wanted = {str: "a string", bool: "True or False"}.get(kind, f"a {kind.__name__}")
        raise wrong(name, value, f"{wanted} or None" if none else wanted)
    return value


def count(name: str, value: object) -> int:
    """Return ``value``, which must be a whole number from 0 on."""
    if type(value) is not int or value < 0:
        raise wrong(name, value, "a whole number from 0 on")
    return value


def one_of(name: str, value: object, known: Collection[str]) -> Any:
    """Return ``value``, which must be one of the ``known`` words."""
    if not isinstance(value, str) or value not in known:
        raise wrong(name, value, " or ".join(f'"{one}"' for one in known))
    return value


def path(name: str, value: Any, code: str = OPTIONS) -> str:
    """Return ``value``, a path as a string or a `Path`, as a string."""
    found = value.__fspath__() if hasattr(value, "__fspath__") else value
    if not isinstance(found, str) or not found or "\0" in found:
        raise wrong(name, value, "a path (a string or a Path)", code)
    return found


def address(name: str, value: object) -> Address:
    """Return ``value``, the address of a server as people write it."""
    if isinstance(value, Address):
        return value
    if not isinstance(value, str):
        raise wrong(name, value, 'an address as a string, such as "chat.example" or "127.0.0.1:7411"')
    return parse_address(value)


def proxy(name: str, value: object) -> Proxy | None:
    """Return ``value``, a proxy as people write it."""
    if value is None or isinstance(value, Proxy):
        return value
    if not isinstance(value, str):  # the value may hold a password: it is not shown
        raise ClientError(OPTIONS, f'{name} must be a string such as "http://proxy.example:3128".')
    return parse_proxy(value, f"the option {name}")


def rooms(value: object) -> tuple[str, ...]:
    """Return ``value``, rooms that are to be joined, or one of them."""
    if not isinstance(value, Iterable) or isinstance(value, (bytes, bytearray)):
        raise wrong("rooms", value, 'strings such as "#lobby"')
    found = (value,) if isinstance(value, str) else tuple(value)
    for one in found:
        if not isinstance(one, str) or not one.startswith(("#", "@")) or len(one) == 1:
            raise wrong("a room in rooms", one, 'a string that begins with #, such as "#lobby"')
    return found


def by_room(name: str, value: object, kind: type[T]) -> dict[str, T]:
    """Return ``value``, which must have rooms as keys and a ``kind`` for each; numbers from 0 on."""
    wanted = "whole numbers from 0 on" if kind is int else "strings"
    if not isinstance(value, Mapping):
        raise wrong(name, value, f"a dict of rooms and {wanted}")
    for room, one in value.items():
        if not isinstance(room, str) or type(one) is not kind or (isinstance(one, int) and one < 0):
            raise wrong(name, {room: one}, f"a dict of rooms and {wanted}")
    return dict(value)


def pulse(name: str, value: object) -> Pulse:
    """Return ``value``, the heartbeat that is wished for."""
    if not isinstance(value, Pulse):
        raise wrong(name, value, "a Pulse, such as Pulse(interval=2.0, misses=4)")
    _fit(value, f"{name} cannot be", OPTIONS)
    return value


def said(room: object, text: object, ref: object = 0) -> None:
    """Raise `ClientError` ``bad-argument`` unless ``room`` and ``text`` are strings and ``ref`` a number."""
    for name, value in (("the room", room), ("the text", text)):
        if not isinstance(value, str):
            raise wrong(name, value, "a string", ARGUMENT)
    if type(ref) is not int or not 0 <= ref <= MAX_INT:
        raise wrong("the event's number", ref, f"a whole number from 0 to {MAX_INT}", ARGUMENT)


def request(message: Request) -> None:
    """Raise `ClientError` ``bad-argument`` if ``message`` holds what no server could read."""
    _fit(message, f"{type(message).__name__.lower()}: an argument cannot be", ARGUMENT)


def label(value: object) -> str | None:
    """Return ``value``, what people call their device, or None."""
    found: str | None = given("device_name", value, str, none=True)
    if found is not None and not fits_as_label(found):
        raise ClientError(
            OPTIONS,
            f"The name of a device is one line of at most {MAX_LABEL} bytes of UTF-8, without control"
            " characters; choose another.",
        )
    return found


def credentials(value: object) -> Credentials | None:
    """Return ``value``, a password and what belongs to it; it is not shown."""
    if value is None:
        return None
    if not isinstance(value, Credentials):
        raise ClientError(OPTIONS, "credentials must be Credentials(password) or None.")
    _fit(value, "credentials cannot be", OPTIONS)
    return value


def _fit(value: msgspec.Struct, sentence: str, code: str) -> None:
    """Raise `ClientError` unless the fields of ``value`` are what their types say."""
    try:
        msgspec.convert(msgspec.to_builtins(value, builtin_types=(bytes,)), type(value))
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
        raise ClientError(code, f"{sentence}: {str(error).rstrip('.')}.") from None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
