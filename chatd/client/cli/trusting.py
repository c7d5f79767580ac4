"""Trusting: whose certificate is accepted, where no authority vouches for it."""

import os
from dataclasses import replace
from typing import Final

from chatd.client.core.address import Address
from chatd.client.core.problems import ClientError
from chatd.client.profile.pins import FORGET, knows
from chatd.client.values import Options

_YES: Final = {"y", "yes"}

_QUESTION: Final = """\
chatc: {place} is new to you, and no authority
that is trusted here vouches for its certificate. Its fingerprint is
  {digits}
or, in words,
  {words}
Whoever runs the server can tell you theirs. Is it the same, and do you trust it
from now on? [y/N] \
"""
"""Fits 80 columns, so that a fingerprint can be read, and copied, in one piece."""


def confirm_certificate(options: Options) -> Options:
    """Return the options, with the fingerprint that the person trusts, where the server is new to them.

    Only somebody at a terminal is asked, where no authority vouches for the server's certificate; it is not
    looked for through a proxy. Raises `ClientError` where they do not trust it, or the profile cannot be
    used.
    """
    named = options.ca is not None or options.fingerprint is not None or options.proxy is not None
    if not options.server.tls or named or not (os.isatty(0) and os.isatty(2)) or knows(options):
        return options
    from chatd.client.net.look import look_at  # noqa: PLC0415 - it is seldom needed

    found = look_at(options.server)
    if found is None:
        return options
    os.write(2, question(options.server.text, found).encode())
    if os.read(0, 1024).decode("utf-8", "replace").strip().lower() not in _YES:
        raise ClientError("not-trusted", "It is not trusted, and nothing was sent.")
    return replace(options, fingerprint=found)


def question(place: str, found: str) -> str:
    """Return what a person is asked about the fingerprint ``found`` of the server at ``place``."""
    from chatd.fingerprint import in_words  # noqa: PLC0415 - it imports what plain links do without

    halves = [in_words(found[at : at + 32]) for at in range(0, len(found), 32)]
    return _QUESTION.format(place=place, digits=found, words="\n  ".join(halves))


def check_security(
    address: Address, ca: str | None, fingerprint: str | None, cert: str | None, key: str | None
) -> str | None:
    """Return ``fingerprint`` as it is compared. Raises `ClientError` where the options do not go together."""
    if not address.tls and (fingerprint or cert or key):
        raise ClientError(
            "bad-options",
            "Certificates and fingerprints belong to TLS; write --server tls://HOST or wss://HOST.",
        )
    if key and not cert:
        raise ClientError("bad-options", "--key goes with --cert; name your certificate as well.")
    if ca and fingerprint:
        raise ClientError("bad-options", "Either --ca or --fingerprint.")
    if fingerprint is None or fingerprint == FORGET:
        return fingerprint
    from chatd.fingerprint import read  # noqa: PLC0415 - it imports what plain links do without

    found = read(fingerprint)
    if found is None:
        raise ClientError(
            "bad-options",
            f"{fingerprint!r} is no fingerprint; write its 64 hexadecimal digits, or its 16 words.",
        )
    return found
