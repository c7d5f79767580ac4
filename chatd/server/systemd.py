"""Sockets that systemd hands over: lists them, and checks that a listener can have the one that it names."""

import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from twisted.internet import endpoints
from twisted.python.systemd import ListenFDs

LEANS_ON: Final = ("_SystemdParser", "_sddaemon")
"""Twisted keeps here what was handed over, outside of the environment. A test says if that changes."""


def handed_over() -> ListenFDs | None:
    """Return the sockets that systemd has handed over; None if Twisted does not tell."""
    found: ListenFDs | None = getattr(getattr(endpoints, LEANS_ON[0], None), LEANS_ON[1], None)
    return found


_FAMILIES: Final = {
    socket.AF_INET: "INET",
    socket.AF_INET6: "INET6",
    socket.AF_UNIX: "UNIX",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The socket that an endpoint ``systemd:…`` asks for: one of ``domain``, by ``index`` or by ``name``."""

    domain: str
    index: int | None
    name: str

    @property
    def words(self) -> str:
        """Return the words by which it names the socket."""
        return f"the index {self.index}" if self.index is not None else f"the name {self.name!r}"


def wanted(endpoint: str) -> Wanted | None:
    """Return the socket that ``endpoint`` asks for; None if it is no systemd endpoint.

    It was checked before.
    """
    kind, *words = endpoint.removeprefix("haproxy:").split(":")
    if kind != "systemd":
        return None
    values = dict(word.partition("=")[::2] for word in words)
    index = values.get("index")
    return Wanted(values.get("domain", ""), None if index is None else int(index), values.get("name", ""))


def handed_problem(descriptions: Iterable[str], fds: ListenFDs | None) -> tuple[str, str] | None:
    """Return the first endpoint of ``descriptions`` that cannot have its socket of ``fds``, and why."""
    taken: dict[int, str] = {}
    for endpoint in descriptions:
        want = wanted(endpoint)
        if want is None or fds is None:
            continue
        number = _descriptor(want, fds)
        if number is None:
            return endpoint, _missing(want, fds)
        if number in taken:
            return (
                endpoint,
                f"that is the socket of {taken[number]} already, and one socket serves one listener",
            )
        taken[number] = endpoint
        if wrong := _wrong(number, want):
            return endpoint, wrong
    return None


def _descriptor(want: Wanted, fds: ListenFDs) -> int | None:
    if want.index is None:
        return fds.inheritedNamedDescriptors().get(want.name)
    numbers = fds.inheritedDescriptors()
    return numbers[want.index] if want.index < len(numbers) else None


def _missing(want: Wanted, fds: ListenFDs) -> str:
    numbers = fds.inheritedDescriptors()
    if not numbers:
        return (
            "systemd has handed over no socket, or more or fewer names than sockets; start the socket unit"
            " that belongs to the service, or name a tcp: endpoint"
        )
    names = {number: name for name, number in fds.inheritedNamedDescriptors().items()}
    there = ", ".join(
        f"index {place} ({names[number]!r})" if number in names else f"index {place}"
        for place, number in enumerate(numbers)
    )
    return f"systemd has handed over {there}, and none of these has {want.words}; name one of them"


def _wrong(number: int, want: Wanted) -> str:
    """Return what is wrong with the socket ``number``, which is left as it is."""
    try:
        copy = socket.socket(fileno=os.dup(number))
    except OSError:
        return "what systemd has handed over there is no socket; look at the socket unit"
    with copy:
        if copy.type != socket.SOCK_STREAM or not copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return "the socket that systemd has handed over does not listen; its unit needs ListenStream="
        family = _FAMILIES.get(copy.family, "another")
    if family != want.domain:
        return f"the socket that systemd has handed over is of the domain {family}; write domain={family}"
    return ""
