"""The account that we are for the server, or may become, and its sessions."""

from twisted.internet.defer import Deferred, fail

from chatd.client.awaiting import Awaiting
from chatd.client.core.problems import ClientError
from chatd.client.core.session import DELETED, LOGGED_OUT
from chatd.client.driver import Driver
from chatd.client.values import Options
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError


class Account:
    """Makes an account of a guest, logs it out, and tells what the server says of it."""

    def __init__(self, options: Options, driver: Driver, awaiting: Awaiting) -> None:
        self._options = options
        self._driver = driver
        self._awaiting = awaiting

    @property
    def registered(self) -> bool:
        """Return whether the server knows us as an account, and not as a guest."""
        return self._driver.machine.session.account

    @property
    def kept(self) -> bool:
        """Return whether there is a session to go on with, as far as we know."""
        return bool(self._driver.machine.session.token)

    @property
    def failed(self) -> int:
        """Return how many attempts to log in to this account have failed, as the server has told last."""
        return self._driver.machine.session.failed

    def register(self, password: str, invite: str = "") -> Deferred[m.Ok]:
        """Make an account of us, who are guests; nick, rooms and session stay."""
        return self._secretly(m.Register(id=0, password=password, invite=invite)).addCallback(self._made)

    def _made(self, ok: m.Ok) -> m.Ok:
        self._driver.machine.session.account = True
        return ok

    def passwd(self, password: str, old: str = "") -> Deferred[m.Ok]:
        """Give our account another password."""
        return self._secretly(m.Passwd(id=0, password=password, old=old))

    async def check_passwd(self, old: str) -> str:
        """Return ``old`` if it is the present password, before somebody thinks of another one.

        An account without a password takes any. Raises `RequestError` if the password cannot be changed.
        """
        try:
            await self.passwd("", old)
        except RequestError as error:
            if error.code != Code.BAD_PASSWORD:
                raise
        return old

    async def check_register(self, invite: str = "") -> None:
        """Ask whether we might become an account, before somebody thinks of a password.

        Raises `RequestError` if not: registration is closed, or wants another ``invite``.
        """
        try:
            await self._secretly(m.Register(id=0, password="", invite=invite))
        except RequestError as error:
            if error.code != Code.BAD_PASSWORD:
                raise

    def delete(self, password: str = "", *, erase: bool = False) -> Deferred[None]:
        """Delete our account for good, with ``erase`` all that it has said too; the client stops.

        ``password`` is the present one; nothing where a certificate that opens the account is shown.
        """
        message = m.DeleteAccount(id=0, password=password, erase=erase)
        return self._secretly(message).addCallback(self._deleted)

    def _deleted(self, ok: m.Ok) -> None:
        self._driver.machine.session.deleted = True
        self._logged_out(ok, DELETED)

    def _secretly(self, message: m.Request) -> Deferred[m.Ok]:
        try:
            check_secret(self._options)
        except ClientError as error:
            return fail(error)
        return self._awaiting.ask(message)

    def logout(self, *, everywhere: bool = False) -> Deferred[None]:
        """End this session for good, and all others of ours if wanted; the client stops."""
        return self._awaiting.ask(m.Logout(id=0, everywhere=everywhere)).addCallback(self._logged_out)

    def _logged_out(self, _: m.Ok, sentence: str = LOGGED_OUT) -> None:
        self._driver.feed(self._driver.machine.log_out(sentence))

    def sessions(self) -> Deferred[list[m.SessionInfo]]:
        """Return our sessions, this one first."""
        return self._awaiting.ask(m.Sessions(id=0)).addCallback(lambda ok: ok.sessions or [])

    def end_session(self, session: int) -> Deferred[m.Ok]:
        """End another session of ours for good."""
        return self._awaiting.ask(m.End(id=0, session=session))

    def invite(self, uses: int = 1, days: int = 7) -> Deferred[str]:
        """Return the code of a new invitation, by which so many can register within so many days."""
        return self._awaiting.ask(m.Invite(id=0, uses=uses, days=days)).addCallback(lambda ok: ok.invite)

    def certificates(self) -> Deferred[list[m.CertificateInfo]]:
        """Return the certificates that open our account, the newest first."""
        return self._awaiting.ask(m.Certificates(id=0)).addCallback(lambda ok: ok.certificates or [])

    def add_certificate(self, fingerprint: str = "", name: str = "") -> Deferred[m.Ok]:
        """Let a certificate open our account: the one that we show, or that with ``fingerprint``."""
        return self._awaiting.ask(m.AddCertificate(id=0, fingerprint=fingerprint, name=name))

    def drop_certificate(self, fingerprint: str) -> Deferred[m.Ok]:
        """Let a certificate open our account no more; sessions go on."""
        return self._awaiting.ask(m.DropCertificate(id=0, fingerprint=fingerprint))


def check_secret(options: Options) -> None:
    """Raise `ClientError` ``secure-required`` if a password would go to the server in plain text."""
    if not options.secret:
        raise ClientError(
            Code.SECURE_REQUIRED,
            f"A password is not sent in plain text; use --server {options.server.secured}, or a UNIX socket.",
        )
