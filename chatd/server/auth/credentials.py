"""Credentials: what a hello shows to be let in. Each kind has an interface, which a checker names."""

from collections.abc import Callable

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials
from zope.interface import Attribute, Interface, implementer

from chatd.chat.state import Session


class IEntry(Interface):
    """The avatar: a function that returns the session that may be used, or raises `ProtocolError`.

    It is called in the moment in which the connection is let in, as checking may take a while.
    """


Entry = Callable[[], Session]


class ISessionToken(ICredentials):
    """The token of a session."""

    token = Attribute("The token.")


class INickClaim(ICredentials):
    """The wish of a guest to be called by a nick."""

    nick = Attribute("The nick.")
    token = Attribute("The token that the new session is to have.")


class IPassword(ICredentials):
    """A nick with a password: what every checker of ``[accounts] checkers`` is shown.

    Such a checker is any `twisted.cred.checkers.ICredentialsChecker` for this interface. The avatar id that
    it returns is the nick of the account to log in to; it raises `twisted.cred.error.UnauthorizedLogin` for
    no.
    """

    nick = Attribute("The nick, as it was typed.")
    password = Attribute("The password, a text.")
    host = Attribute("The address that it comes from, without a port; ``unix`` for a UNIX socket.")


class IPasswordKeeper(ICredentialsChecker):
    """The checker of the passwords that the server keeps itself; all others tell a nick alone."""


class IProof(ICredentials):
    """The proof of somebody to know the password of the account called ``nick`` (SCRAM)."""

    nick = Attribute("The nick, as it was typed.")
    right = Attribute("Whether it proves that.")
    host = Attribute("The address that it comes from, without a port.")
    token = Attribute("The token that the new session is to have.")


class ICertificate(ICredentials):
    """The certificate that a connection has shown, and that was verified, for the account called ``nick``."""

    nick = Attribute("The nick, as it was typed.")
    fingerprint = Attribute("The fingerprint of the certificate: see `chatd.fingerprint`.")
    host = Attribute("The address that it comes from, without a port.")
    token = Attribute("The token that the new session is to have.")


class ILogin(IPassword):
    """The wish to begin a session of an account."""

    token = Attribute("The token that the new session is to have.")


class IRegistration(IPassword):
    """The wish to make an account, and to begin a session of it."""

    token = Attribute("The token that the new session is to have.")
    invite = Attribute("The code of an invitation, or nothing.")


@implementer(ISessionToken)
class SessionToken:
    """See `ISessionToken`."""

    def __init__(self, token: str) -> None:
        self.token = token


@implementer(INickClaim)
class NickClaim:
    """See `INickClaim`."""

    def __init__(self, nick: str, token: str) -> None:
        self.nick = nick
        self.token = token


@implementer(ICertificate)
class Certificate:
    """See `ICertificate`."""

    def __init__(self, nick: str, fingerprint: str, host: str, token: str) -> None:
        self.nick = nick
        self.fingerprint = fingerprint
        self.host = host
        self.token = token


@implementer(IProof)
class Proof:
    """See `IProof`."""

    def __init__(self, nick: str, right: bool, host: str, token: str) -> None:
        self.nick = nick
        self.right = right
        self.host = host
        self.token = token


@implementer(IPassword)
class Password:
    """See `IPassword`."""

    def __init__(self, nick: str, password: str, host: str) -> None:
        self.nick = nick
        self.password = password
        self.host = host


@implementer(ILogin)
class Login(Password):
    """See `ILogin`."""

    def __init__(self, nick: str, password: str, host: str, token: str) -> None:
        super().__init__(nick, password, host)
        self.token = token


@implementer(IRegistration)
class Registration(Password):
    """See `IRegistration`."""

    def __init__(self, nick: str, password: str, host: str, token: str, invite: str) -> None:
        super().__init__(nick, password, host)
        self.token = token
        self.invite = invite
