"""Requests about the account of whoever asks: its password, sessions, certificates and invitations."""

from typing import Annotated

from msgspec import Meta

from chatd.wire.limits import MAX_INVITE_DAYS, MAX_INVITE_USES
from chatd.wire.messages.base import Count, InviteCode, Password
from chatd.wire.messages.requests import Request


class Register(Request, frozen=True, tag="register"):
    """Make an account of the guest who asks: the nick stays, and may be logged in to with ``password``."""

    password: Password
    invite: InviteCode = ""


class Passwd(Request, frozen=True, tag="passwd"):
    """Give the account another ``password``; ``old`` is the present one, if there is one."""

    password: Password
    old: Password = ""


class Sessions(Request, frozen=True, tag="sessions"):
    """List the sessions of the user, the last seen first."""


class End(Request, frozen=True, tag="end"):
    """End another ``session`` of the user for good."""

    session: Count


class Logout(Request, frozen=True, tag="logout"):
    """End this session for good, and with ``everywhere`` all others of the user; the connection ends."""

    everywhere: bool = False


class DeleteAccount(Request, frozen=True, tag="delete-account"):
    """Delete the account of who asks, for good; with ``erase`` all that it has said goes as well.

    ``password`` is the present one. It is not needed where a certificate that opens the account is shown.
    """

    password: Password = ""
    erase: bool = False


class Invite(Request, frozen=True, tag="invite"):
    """Make an invitation by which so many accounts can be registered within so many days."""

    uses: Annotated[int, Meta(ge=1, le=MAX_INVITE_USES)] = 1
    days: Annotated[int, Meta(ge=1, le=MAX_INVITE_DAYS)] = 7


class Certificates(Request, frozen=True, tag="certificates"):
    """List the certificates that open the account."""


class AddCertificate(Request, frozen=True, tag="add-certificate"):
    """Let a certificate open the account: that of this connection, or the one with ``fingerprint``.

    ``name`` is what its owner calls it.
    """

    fingerprint: str = ""
    name: str = ""


class DropCertificate(Request, frozen=True, tag="drop-certificate"):
    """Let the certificate with ``fingerprint`` open the account no more."""

    fingerprint: str
