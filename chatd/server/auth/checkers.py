"""The checkers of the portal: one for each kind of credentials that a hello may show."""

from collections.abc import Callable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from chatd.chat import accounts, certificates, places, registering, scrams
from chatd.chat.hub import Hub, digest
from chatd.chat.state import Session, User
from chatd.chat.world import World
from chatd.server.addresses import network_of
from chatd.server.auth.credentials import (
    Entry,
    ICertificate,
    ILogin,
    INickClaim,
    IPassword,
    IPasswordKeeper,
    IProof,
    IRegistration,
    ISessionToken,
)
from chatd.server.auth.gatekeeper import Gatekeeper, GuessError
from chatd.server.passwords import Passwords
from chatd.wire.errors import Code, ProtocolError, RequestError
from chatd.wire.passwords import check_new


@implementer(ICredentialsChecker)
class TokenChecker:
    """Knows the tokens of the hub's sessions; that costs no hashing of a password."""

    credentialInterfaces = (ISessionToken,)

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """Return the way to the session of the token. Raises `ProtocolError` ``unknown-session``."""
        session = self._hub.session(credentials.token)
        return succeed(lambda: session)


@implementer(ICredentialsChecker)
class GuestChecker:
    """Lets anybody have a nick that nobody has."""

    credentialInterfaces = (INickClaim,)

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """Return the way to a new session of a new guest."""
        return succeed(lambda: self._hub.claim(credentials.nick, credentials.token))


@implementer(ICredentialsChecker)
class CertificateChecker:
    """Knows the certificates that open accounts.

    A key cannot be guessed, so that nothing is delayed. Whether there is no such account, it may not be used,
    or the certificate is another one, the answer is the same.
    """

    credentialInterfaces = (ICertificate,)

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """Return the way to a new session of the account."""

        def enter() -> Session:
            world = self._hub.world
            try:
                user = accounts.find(world, credentials.nick)
            except RequestError:
                user = None
            if not certificates.opens(user, credentials.fingerprint):
                raise ProtocolError(Code.WRONG_CERTIFICATE, certificates.WRONG)
            return _enter(world, credentials)

        return succeed(enter)


@implementer(IPasswordKeeper)
class AccountChecker:
    """Knows the passwords of the accounts that the server keeps itself.

    Whether there is no such account, it may not be used, or it has another password, the work and the answer
    are the same. A hash of older parameters is renewed.
    """

    credentialInterfaces = (IPassword,)

    def __init__(self, hub: Hub, passwords: Passwords) -> None:
        self._hub = hub
        self._passwords = passwords

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """Return the nick if the password is that of the account. Raises `RequestError` ``too-fast``."""
        return Deferred.fromCoroutine(self._check(credentials))

    async def _check(self, shown: Any) -> str:
        user = self._usable(shown.nick)
        encoded = "" if user is None or user.account is None else user.account.password
        world = self._hub.world
        salt = scrams.salt_of(world, user.nick) if user is not None and scrams.lacks(world, user) else b""
        verdict = await self._passwords.check(encoded, shown.password, network_of(shown.host), salt)
        if user is None or not verdict.right or user.disabled or self._password_of(user) != encoded:
            raise UnauthorizedLogin
        if verdict.renewed:
            accounts.set_password(
                world, user, verdict.renewed, verdict.scram or world.scrams.get(user.id, "")
            )
        elif verdict.scram:
            scrams.keep(world, user, verdict.scram)
        if verdict.renewed or verdict.scram:
            self._hub.change()
        return user.nick

    def _usable(self, nick: str) -> User | None:
        try:
            user = accounts.find(self._hub.world, nick)
        except RequestError:
            return None
        return None if user is None or user.disabled else user

    @staticmethod
    def _password_of(user: User) -> str:
        return "" if user.account is None else user.account.password


@implementer(ICredentialsChecker)
class ScramChecker:
    """Knows whether somebody has proven to know the password of an account, without telling it."""

    credentialInterfaces = (IProof,)

    def __init__(self, hub: Hub, gatekeeper: Gatekeeper) -> None:
        self._hub = hub
        self._gatekeeper = gatekeeper

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """Return the way to a new session of the account. Raises `RequestError`."""
        self._gatekeeper.judge(credentials, right=credentials.right)
        return succeed(lambda: _enter(self._hub.world, credentials))


@implementer(ICredentialsChecker)
class LoginChecker:
    """Begins sessions of accounts, if the gatekeeper lets them in."""

    credentialInterfaces = (ILogin,)

    def __init__(self, hub: Hub, gatekeeper: Gatekeeper, now: Callable[[], int]) -> None:
        self._hub = hub
        self._gatekeeper = gatekeeper
        self._now = now

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """Return the way to a new session of the account. Raises `ProtocolError`."""
        return Deferred.fromCoroutine(self._check(credentials))

    async def _check(self, wish: Any) -> Entry:
        nick = await self._gatekeeper.ask(wish)
        world = self._hub.world

        def enter() -> Session:
            registering.admit_stranger(world, nick, self._now())
            return _enter(world, wish, nick)

        return enter


@implementer(ICredentialsChecker)
class RegistrationChecker:
    """Makes accounts, where the configuration allows it.

    Whoever registers again with the same nick and password is logged in: the first welcome may be lost.
    """

    credentialInterfaces = (IRegistration,)

    def __init__(
        self, hub: Hub, gatekeeper: Gatekeeper, passwords: Passwords, login: LoginChecker, now: Any
    ) -> None:
        self._hub = hub
        self._gatekeeper = gatekeeper
        self._passwords = passwords
        self._login = login
        self._now = now

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """Return the way to a new session of a new account. Raises `ProtocolError`."""
        return Deferred.fromCoroutine(self._check(credentials))

    async def _check(self, wish: Any) -> Entry:
        world = self._hub.world
        if not wish.password:  # somebody asks whether they might, and is told before they think of one
            check_invitation(self._hub, self._gatekeeper, wish.invite, wish.host)
            world.free_nick(wish.nick)
            check_new(wish.password, world.terms.min_password)
        known, refusal = accounts.find(world, wish.nick) is not None, None
        try:
            registering.check_open(world, wish.invite)
        except RequestError as error:
            if error.code == Code.CLOSED_REGISTRATION:
                raise
            refusal = error
        if known or refusal is not None:
            return await self._again(wish, refusal)
        check_invitation(self._hub, self._gatekeeper, wish.invite, wish.host)
        world.free_nick(wish.nick)
        made = await self._passwords.make(
            wish.password,
            network_of(wish.host),
            scrams.new_salt(world, wish.nick),
            world.terms.min_password,
        )
        if accounts.find(world, wish.nick) is not None:
            return await self._again(wish, None)  # it was made meanwhile, perhaps by the same client

        def enter() -> Session:
            key = digest(wish.token)
            session = registering.register(
                world, wish.nick, made.encoded, wish.invite, key, self._now(), made.scram
            )
            places.note(world, session.user, network_of(wish.host))
            return session

        return enter

    async def _again(self, wish: Any, refusal: RequestError | None) -> Entry:
        """Return the way to a session of an account that is there.

        Whoever shows no invitation that serves gets the ``refusal`` of it, by the same work and delays
        whether there is such an account or not: so nobody learns who has one.
        """
        try:
            entry: Entry = await self._login.requestAvatarId(wish)
        except RequestError as error:
            if error.code != Code.WRONG_PASSWORD:
                raise
            raise self._refusal(wish.nick, refusal or error) from None
        return entry

    def _refusal(self, nick: str, error: RequestError) -> GuessError:
        if error.code == Code.WRONG_PASSWORD:
            try:
                self._hub.world.free_nick(nick)
            except RequestError as taken:
                error = taken
        return GuessError(error.code, error.text, error.suggest)


def _enter(world: World, wish: Any, nick: str = "") -> Session:
    """Return a new session of the account ``nick``, or that which ``wish`` names. Raises `ProtocolError`."""
    session = registering.log_in(world, nick or wish.nick, digest(wish.token))
    places.note(world, session.user, network_of(wish.host))
    return session


def check_invitation(hub: Hub, gatekeeper: Gatekeeper, code: str, host: str) -> None:
    """Raise `RequestError` if nobody of ``host`` may register with the invitation ``code``."""
    if hub.world.terms.registration == "invite":
        gatekeeper.guess(host)
    registering.check_open(hub.world, code)
    if hub.world.terms.registration == "invite":
        gatekeeper.right(host)
