"""The capabilities that are offered (ircv3.net, "Capability Negotiation"): those that do what they say."""

from collections.abc import Container, Mapping
from typing import Final

from chatd.server.irc.metadata import LIMITS

MOST_TEXT: Final = 4096
"""Bytes of a message of several lines."""

MOST_LINES: Final = 32
"""Lines of one."""

VALUES: Final[dict[str, str]] = {
    "draft/account-registration": "",
    "draft/chathistory": "",
    "draft/event-playback": "",
    "draft/message-redaction": "",
    "draft/metadata-2": "",
    "draft/metadata-3": LIMITS,
    "draft/multiline": f"max-bytes={MOST_TEXT},max-lines={MOST_LINES}",
    "draft/read-marker": "",
    "extended-monitor": "",
    "labeled-response": "",
    "no-implicit-names": "",
    "standard-replies": "",
    "znc.in/self-message": "",
    "account-notify": "",
    "account-tag": "",
    "away-notify": "",
    "batch": "",
    "cap-notify": "",
    "chghost": "",
    "echo-message": "",
    "extended-join": "",
    "invite-notify": "",
    "message-tags": "",
    "multi-prefix": "",
    "sasl": "",
    "server-time": "",
    "setname": "",
    "userhost-in-names": "",
}
"""What is offered, with the value that those see who ask for version 302 of the negotiation.

What simple clients want comes last: some forget what stands in the first of two lines.
"""

RENDERING: Final = frozenset(
    {
        "account-tag",
        "away-notify",
        "draft/message-redaction",
        "draft/multiline",
        "extended-join",
        "invite-notify",
        "message-tags",
        "server-time",
    }
)
"""Those on which it depends how an event looks: followers who share these share its bytes."""


def listed(offers: Mapping[str, str], *, values: bool) -> str:
    """Return ``offers`` as a list says them, with their ``values`` if wanted."""
    return " ".join(f"{name}={value}" if values and value else name for name, value in offers.items())


def chunks(text: str, most: int) -> list[str]:
    """Return the words of a list in as many lines of ``most`` characters as it takes, at least one.

    It is the first one that is short.
    """
    lines = [""]
    for word in reversed(text.split()):
        if lines[0] and len(lines[0]) + 1 + len(word) > most:
            lines.insert(0, "")
        lines[0] = f"{word} {lines[0]}".strip()
    return lines


def wished(request: str, offers: Container[str]) -> tuple[set[str], set[str]] | None:
    """Return what ``request`` turns on and off of ``offers``, or None if it names something else."""
    on: set[str] = set()
    off: set[str] = set()
    for word in request.split():
        name = word.removeprefix("-")
        if name not in offers:
            return None
        if word.startswith("-"):
            on.discard(name)
            off.add(name)
        else:
            off.discard(name)
            on.add(name)
    return on, off
