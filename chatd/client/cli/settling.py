"""Settling on a way to a server, where a person names a host and no way: natively, or else by WebSocket.

The way that was used last is tried first, so that who we are there does not depend on the network of the day.
Where it does not work any more the other one is taken, if a person has used that as well, or can be asked who
they are there. Nobody goes over from TLS to plain text where they are not known: that is told instead.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import Final, NamedTuple

from chatd.client.core.address import Address, parse_address
from chatd.client.core.problems import ClientError
from chatd.client.net.probe import PATIENCE

HEAD_START: Final = 1.0
"""Seconds that the first way has to itself: mostly it works, and nobody looks at the other one."""

_Asked = Callable[[Address], bool]


class Looks(NamedTuple):
    """What can be looked at: whether an address ``answers`` natively, or ``speaks_web``.

    ``vouched`` is whether it speaks WebSocket, and an authority vouches for it.
    """

    answers: _Asked
    speaks_web: _Asked
    vouched: _Asked


def settle(
    text: str, remembered: Callable[[Address, Address], Sequence[Address]], looks: Looks, *, asks: bool
) -> tuple[Address, str]:
    """Return the address that ``text`` means, and what to say about that.

    ``remembered`` returns which of the two ways are known, the one that was used last first. ``asks`` is
    whether a person is there to be asked. Raises `ClientError` where ``text`` is no address.
    """
    native = parse_address(text)
    web = _by_web(text, native)
    if web is None:
        return native, ""
    known = remembered(native, web)
    first, other = (web, native) if web in known[:1] else (native, web)
    works = {native: looks.answers, web: looks.speaks_web if web in known else looks.vouched}
    if not _gives_way(partial(works[first], first), partial(works[other], other)):
        return first, ""
    if other in known or not known:
        return other, _going(native, web, to=other)
    if other is web and asks:
        return web, _going(native, web, to=web)
    return first, _could_go(native, web, text, to=other)


def _by_web(text: str, address: Address) -> Address | None:
    """Return the place of WebSocket on a host of elsewhere, if ``text`` names that and nothing more."""
    if address.scheme != "tcp" or address.here or text.strip("[]") != address.host:
        return None
    try:
        return parse_address(f"wss://{text}")
    except ClientError:
        return None


def _going(native: Address, web: Address, to: Address) -> str:
    if to is web:
        return f"nobody answers at {native}; going by {web.secured}"
    return f"nobody answers at {web.secured}; going to {native}, in plain text"


def _could_go(native: Address, web: Address, text: str, to: Address) -> str:
    if to is web:
        return (
            f"nobody answers at {native}, but at {web.secured}; to go there write --server {web.secured}"
            f" --same-as {text}"
        )
    place = f"{native}, in plain text"
    return f"nobody answers at {web.secured}, but at {place}; to go there write --server {native}"


def _gives_way(first: Callable[[], bool], other: Callable[[], bool]) -> bool:
    """Return whether ``first`` does not work within `PATIENCE`, and ``other`` does.

    Nobody waits for names that hang.
    """
    one = _Look(first)
    if one.finds(HEAD_START):
        return False
    two = _Look(other)
    return not one.finds(PATIENCE - HEAD_START) and two.finds(HEAD_START)


class _Look:
    """Looks at something in a thread."""

    def __init__(self, look: Callable[[], bool]) -> None:
        self._found: list[bool] = []
        self._thread = Thread(target=self._run, args=(look,), daemon=True)
        self._thread.start()

    def _run(self, look: Callable[[], bool]) -> None:
        with suppress(ClientError):  # such as a proxy that is none: whoever goes there is told
            self._found.append(look())

    def finds(self, patience: float) -> bool:
        """Return whether it is so, as far as that is known after ``patience`` seconds."""
        self._thread.join(patience)
        return self._found == [True]
