"""Prepared requests: those of clients, with what only the server can bring: hashes and codes.

Chat never sees a password: the server checks and hashes it, which takes its time elsewhere, and hands in a
request of a kind below in place of the client's own.
"""

from chatd.wire.messages import DeleteAccount, Invite, Passwd, Register


class HashedRegister(Register, frozen=True, kw_only=True, tag="register"):
    """A `Register` whose ``encoded`` is the hash of the password, which is left out.

    ``scram`` is what it is verified by over SCRAM, or nothing.
    """

    encoded: str
    scram: str = ""


class HashedPasswd(Passwd, frozen=True, kw_only=True, tag="passwd"):
    """A `Passwd` whose old password was right; ``encoded`` is the hash of the new one. Both are left out.

    ``verified`` is the hash that the account had when the old one was checked, or nothing, ``scram`` what the
    new one is verified by over SCRAM, or nothing.
    """

    encoded: str
    verified: str
    scram: str = ""


class ProvenDeleteAccount(DeleteAccount, frozen=True, kw_only=True, tag="delete-account"):
    """A `DeleteAccount` that a password, which is left out, or a certificate has confirmed.

    ``verified`` is the hash that the account had then, or nothing.
    """

    verified: str


class CodedInvite(Invite, frozen=True, kw_only=True, tag="invite"):
    """An `Invite` with the ``code`` that it is to have."""

    code: str
