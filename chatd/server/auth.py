"""Authentication: every hello goes through the portal of twisted.cred.

Two kinds of credentials exist: a session's token, and a claim to a nick. Accounts will be a third.
"""

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, succeed
from zope.interface import Attribute, Interface, implementer

from chatd.chat.hub import Hub


class ISessionToken(Interface):
    """The token of a session."""

    token = Attribute("The token.")


class INickClaim(Interface):
    """The wish of somebody who is not known yet to be called by a nick."""

    nick = Attribute("The nick.")
    token = Attribute("The token that the new session is to have.")


class ISession(Interface):
    """The avatar: a `chatd.chat.state.Session`."""


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


@implementer(ICredentialsChecker)
class TokenChecker:
    """Knows the tokens of the hub's sessions."""

    credentialInterfaces = (ISessionToken,)

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """Return the session of the token. Raises `ProtocolError` ``unknown-session``."""
        return succeed(self._hub.session(credentials.token))


@implementer(ICredentialsChecker)
class NickChecker:
    """Lets anybody have a nick that nobody has."""

    credentialInterfaces = (INickClaim,)

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """Return a new session of a new user. Raises `ProtocolError` ``nick-taken`` or ``bad-nick``."""
        return succeed(self._hub.claim(credentials.nick, credentials.token))


@implementer(IRealm)
class SessionRealm:
    """Hands out the session that a checker has found."""

    def requestAvatar(self, avatarId: Any, _mind: object, *_interfaces: object) -> Any:
        """Return the session as the avatar; the connection lets go of it by departing."""
        return ISession, avatarId, lambda: None


def make_portal(hub: Hub) -> Portal:
    """Return the portal to the sessions of ``hub``."""
    return Portal(SessionRealm(), [TokenChecker(hub), NickChecker(hub)])
