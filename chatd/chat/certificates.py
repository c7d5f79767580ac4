"""Certificates: keys that open an account, known by their fingerprints, and the requests about them.

TLS has verified before that who shows a certificate has its key, and that an authority of the listener's has
signed it. Nobody is known by a fingerprint alone, which is no secret; several accounts may have the same one,
and it opens the one that is named.
"""

# ruff: noqa: ARG001 - the handlers of the table take the same arguments, whatever each of them needs

import re
from typing import Final

from chatd.chat.accounts import check_account
from chatd.chat.changes import rows
from chatd.chat.state import Peer, Session, User
from chatd.chat.text import check_label
from chatd.chat.world import World
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_CERTIFICATES

_FINGERPRINT: Final = re.compile("[0-9a-f]{64}")

WRONG: Final = "Your certificate opens no account of that nick, or the account may not be used now."
"""What is said of every login by a certificate that is refused, whatever was wrong."""


def opens(user: User | None, fingerprint: str) -> bool:
    """Return whether the certificate with ``fingerprint`` opens the account of ``user``."""
    return user is not None and not user.disabled and fingerprint in user.certificates


def add(world: World, user: User, fingerprint: str, name: str, now: int) -> None:
    """Let a certificate open the account of ``user``; one that does gets another ``name``, if there is one.

    ``now`` is in milliseconds since 1970. Raises `RequestError` ``bad-value``, ``text-too-long``,
    ``control-character`` or ``too-many-certificates``.
    """
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise RequestError(Code.BAD_VALUE, "A fingerprint has 64 hexadecimal digits; send all of them.")
    check_label(name)
    known = user.certificates.get(fingerprint)
    if known is None and len(user.certificates) >= MAX_CERTIFICATES:
        raise RequestError(
            Code.TOO_MANY_CERTIFICATES,
            f"{MAX_CERTIFICATES} certificates open this account already; remove one first.",
        )
    if known is None or name not in {"", known.name}:
        world.change(rows.PutCertificate(user.id, fingerprint, name, now))


def drop(world: World, user: User, fingerprint: str) -> None:
    """Let a certificate open the account no more. Raises `RequestError` ``no-such-certificate``."""
    if fingerprint not in user.certificates:
        raise RequestError(
            Code.NO_SUCH_CERTIFICATE, "No such certificate opens this account; list those that do."
        )
    world.change(rows.DropCertificate(user.id, fingerprint))


# ---- requests ---------------------------------------------------------------------------------------


def list_own(world: World, peer: Peer, session: Session, _: None, request: m.Certificates, now: int) -> m.Ok:
    """List the certificates of an account, the newest first."""
    check_account(session.user)
    shown = peer.certificate
    newest = sorted(session.user.certificates.values(), key=lambda row: row.added, reverse=True)
    found = [
        m.CertificateInfo(
            fingerprint=row.fingerprint, added=row.added, name=row.name, here=row.fingerprint == shown
        )
        for row in newest
    ]
    return m.Ok(id=request.id, certificates=found)


def add_own(world: World, peer: Peer, session: Session, _: None, request: m.AddCertificate, now: int) -> m.Ok:
    """Let a certificate open the account of who asks."""
    check_account(session.user)
    if not world.terms.certificates:
        raise RequestError(Code.NOT_ALLOWED, "This server lets nobody in by a certificate.")
    fingerprint = request.fingerprint or peer.certificate
    if not fingerprint:
        raise RequestError(
            Code.NO_CERTIFICATE,
            "No certificate of yours has reached the server; show one over TLS, or name its fingerprint.",
        )
    add(world, session.user, fingerprint, request.name, now)
    return m.Ok(id=request.id)


def drop_own(
    world: World, peer: Peer, session: Session, _: None, request: m.DropCertificate, now: int
) -> m.Ok:
    """Let a certificate open the account of who asks no more; sessions go on."""
    check_account(session.user)
    drop(world, session.user, request.fingerprint)
    return m.Ok(id=request.id)
