"""What a client brings along for TLS, as files and as a fingerprint."""

from msgspec import Struct


class Security(Struct, frozen=True):
    """How the server is known, and by what we are.

    ``ca`` is a PEM file of authorities, None for the system's. ``pin`` is the fingerprint that the key of the
    server must have, whoever signed its certificate; "" for none. ``certificate`` and ``key`` are our own,
    PEM files.
    """

    ca: str | None = None
    pin: str = ""
    certificate: str | None = None
    key: str | None = None


NONE = Security()
"""The system's authorities, and nothing of our own."""
