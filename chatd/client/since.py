"""What servers of earlier versions do not know, in words (docs/PROTOCOL.md, "Forward compatibility")."""

from typing import Final

from chatd.wire import messages as m

_NEEDED: Final[dict[type[m.Request], tuple[str, str]]] = {
    m.SetStatus: ("status", "being away or busy"),
    m.FollowThread: ("thread", "threads that one follows"),
    m.Threads: ("thread", "threads that one follows"),
    m.Pin: ("pin", "pins"),
    m.Pins: ("look", "pins"),
    m.Look: ("look", "events that are looked at by themselves"),
    m.Hooks: ("hook", "hooks"),
    m.AddHook: ("hook", "hooks"),
    m.DropHook: ("hook", "hooks"),
}
"""The feature without which a server does not know a request, and what it does not know then."""


def why_unknown(kind: type[m.Request], features: frozenset[str]) -> str | None:
    """Return why a server with these ``features`` does not know a ``kind`` of request; None if it should."""
    feature, what = _NEEDED.get(kind, ("", ""))
    if not feature or feature in features:
        return None
    return f"The server is of an earlier version, which does not know {what}."
