"""The rules of a listener: who may come in there."""

from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from chatd.ops.endpoints import rehearse
from chatd.ops.settings import Guests, ListenConfig


@dataclass(frozen=True, slots=True)
class ListenerRules:
    """What ``guests`` may do on a listener, and whether it is ``secure``: nobody reads what comes there.

    A connection from this machine is secure whatever the listener is. ``name`` is the listener's endpoint,
    ``origins`` are the pages that browsers may connect from. Clients of IRC say the ``password`` first, if
    there is one.
    """

    guests: Literal["allowed", "read-only", "refused"] = "allowed"
    secure: bool = False
    name: str = ""
    origins: tuple[str, ...] = ()
    password: str = field(default="", repr=False)

    @classmethod
    def of(cls, listener: ListenConfig, guests: Guests = "") -> "ListenerRules":
        """Return the rules of ``listener``, which can be listened on; ``guests`` is what all listeners say.

        A relay brings people of elsewhere, whatever it is reached by; whether they speak TLS with it, the
        operator sees to.
        """
        listening = rehearse(listener.endpoint)
        relayed = listener.proxy_protocol or listener.endpoint.startswith("haproxy:")
        by_default: Final = "allowed" if listening.local and not relayed else "refused"
        secure = listening.tls or listener.tls or relayed
        allowed = listener.guests or guests or by_default
        return cls(allowed, secure, listener.endpoint, listener.origins, listener.password)


class Listening(Protocol):
    """A listener, as its connections know it: by its ``rules`` in force, which a reload exchanges."""

    rules: ListenerRules


LOCAL: Final = ListenerRules()
"""Guests may do everything, as where only this machine can connect."""
