"""Names the protocol of a peer that calls a listener in another one, so that people see the mix-up."""

from typing import Final

HEAD: Final = 5
"""Bytes that are enough to know every one of these protocols."""

_FOREIGN: Final[dict[bytes, str]] = {
    b"\x16\x03": "A TLS handshake came where plain text is spoken; use the TLS listener, or no TLS here.",
    **dict.fromkeys(
        (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"OPTIO", b"CONNE", b"DELET", b"PATCH", b"TRACE", b"PRI *"),
        "An HTTP request came; chatd speaks its own protocol, use a client such as chatc.",
    ),
    b"SSH-": "An SSH client called; chatd speaks its own protocol, use a client such as chatc.",
    **dict.fromkeys(
        (b"PROXY", b"\r\n\r\n\x00"),
        "A PROXY header came, and this listener expects none; name the relay in the configuration, or"
        " have it send none.",
    ),
    b"{": 'A JSON object came where frames are spoken; use a listener with protocol = "json-lines".',
}
"""First bytes of other protocols; as a frame, each would announce a huge one."""


def foreign(head: bytes) -> str | None:
    """Return a sentence about the protocol that begins with ``head``, None if it is unknown.

    `HEAD` bytes are enough.
    """
    return next((text for begin, text in _FOREIGN.items() if head.startswith(begin)), None)
