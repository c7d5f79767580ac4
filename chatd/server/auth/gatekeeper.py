"""The gatekeeper: asks the configured checkers about passwords, and delays those who guess."""

import math
from collections.abc import Sequence
from typing import Any, Final

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import maybeDeferred

from chatd.chat import accounts
from chatd.chat.hub import Hub
from chatd.chat.names import check_nick
from chatd.chat.quota import Slots
from chatd.chat.registering import WRONG, may_be_vouched
from chatd.chat.state import User
from chatd.clock import Clock
from chatd.ops.log import Log
from chatd.server import addresses
from chatd.server.attempts import Attempts
from chatd.server.auth.command import CommandError
from chatd.server.auth.credentials import IPasswordKeeper, Password, Proof
from chatd.wire.errors import ChatdError, Code, RequestError

log = Log(__name__)

MOST_PER_ACCOUNT: Final = 30.0
"""Seconds between two attempts at one account at most: more would let strangers keep its owner out.

That is of all from networks where it was never logged in to, together, and of each other network alone.
"""

MOST_PER_ADDRESS: Final = 900.0
"""Seconds between two attempts of one address at most, so that it tries a hundred passwords in a day."""

BETWEEN: Final = 0.1
"""Seconds between the moments that two who have to wait are named: enough for more of them than come in."""


class GuessError(RequestError):
    """An attempt that counts as a failed login, whatever the answer is."""


class Gatekeeper:
    """Asks ``checkers``, in order, until one knows the password; counts what failed."""

    def __init__(self, hub: Hub, checkers: Sequence[ICredentialsChecker], clock: Clock) -> None:
        self._hub = hub
        self.checkers = checkers
        self._clock = clock
        self._slots = Slots(BETWEEN)
        self._attempts = {"account": Attempts(MOST_PER_ACCOUNT), "address": Attempts(MOST_PER_ADDRESS)}

    async def ask(self, shown: Password) -> str:
        """Return the nick of the account that ``shown`` opens.

        Raises `RequestError` ``wrong-password``, ``too-fast`` or ``login-unavailable``. What a checker has
        refused counts as a failed attempt, also if another one could not be asked: it is a `GuessError`.
        """
        keys = self._begin(shown)
        try:
            nick = await self._first(shown)
        except GuessError:
            self._note(shown)
            raise
        except ChatdError:
            self._forgive(keys)
            raise
        if nick is None:
            self._note(shown)
            raise GuessError(Code.WRONG_PASSWORD, WRONG)
        self._forgive(keys)
        return nick

    def judge(self, shown: Proof, *, right: bool) -> None:
        """Count an attempt that was looked at already, and was ``right`` or not.

        Raises `RequestError` ``too-fast``, and `GuessError` ``wrong-password`` for one that was not.
        """
        keys = self._begin(shown)
        if not right:
            self._note(shown)
            raise GuessError(Code.WRONG_PASSWORD, WRONG)
        self._forgive(keys)

    async def _first(self, shown: Password) -> str | None:
        """Return what the first checker says that knows the password; None if none does.

        What others say than the server itself counts only for accounts that can be nobody else's than theirs.
        Of an exception only the kind is logged: its text might repeat the password.
        """
        broken = refused = False
        for checker in self.checkers:
            try:
                nick: Any = await maybeDeferred(checker.requestAvatarId, shown)
            except UnauthorizedLogin:
                refused = True
                continue
            except ChatdError as error:
                if refused:
                    raise GuessError(error.code, error.text, retry_after=error.retry_after) from None
                raise
            except Exception as error:  # noqa: BLE001 - whatever a checker does, the others are asked
                why = str(error) if isinstance(error, CommandError) else type(error).__name__
                log.warn("checker-fault", checker=type(checker).__name__, error=why)
                broken = True
                continue
            if IPasswordKeeper.providedBy(checker) or may_be_vouched(self._hub.world, str(nick)):
                return str(nick)
            refused = True
        if broken:
            kind = GuessError if refused else RequestError
            raise kind(Code.LOGIN_UNAVAILABLE, "Passwords cannot be checked now; try again later.")
        return None

    def keeps_passwords(self) -> bool:
        """Return whether passwords that the server keeps itself open accounts."""
        return any(IPasswordKeeper.providedBy(checker) for checker in self.checkers)

    def guess(self, host: str) -> None:
        """Count that ``host`` shows a code that may be a guess. Raises `RequestError` ``too-fast``."""
        self._admit(_address_key(host))

    def right(self, host: str) -> None:
        """Take back a `guess` that was right."""
        self._forgive(_address_key(host))

    def _begin(self, shown: Password | Proof) -> dict[str, str]:
        """Count an attempt; return its keys. Raises `RequestError` ``too-fast``.

        Nicks that nobody has are counted as those of accounts are. Whoever comes from where the account was
        logged in to before is counted apart: strangers elsewhere do not delay them.
        """
        keys = _address_key(shown.host)
        try:
            key = check_nick(shown.nick)[1]
        except RequestError:
            key = ""
        user = self._hub.world.nicks.get(key)
        keys["account"] = f"@{key}" if user is None else _account_key(user, shown.host)
        self._admit(keys)
        return keys

    def _admit(self, keys: dict[str, str]) -> None:
        now = self._clock.seconds()
        wait = max((self._attempts[kind].wait(key, now) for kind, key in keys.items()), default=0.0)
        if wait:
            wait = self._slots.take(now, wait)
            raise RequestError(
                Code.TOO_FAST,
                f"There were too many failed attempts; try again in {math.ceil(wait)} seconds.",
                retry_after=round(wait, 3),
            )
        for kind, key in keys.items():
            self._attempts[kind].begin(key, now)

    def _forgive(self, keys: dict[str, str]) -> None:
        for kind, key in keys.items():
            self._attempts[kind].forgive(key)

    def _note(self, shown: Password | Proof) -> None:
        """Tell the owner and the operator of a failed attempt."""
        try:
            user = accounts.find(self._hub.world, shown.nick)
        except RequestError:
            user = None
        if user is not None:
            accounts.note_failure(self._hub.world, user)
            self._hub.change()
        log.info("login-failed", peer=shown.host, nick=None if user is None else user.nick)


def _account_key(user: User, host: str) -> str:
    """Return the key by which attempts of ``host`` at the account of ``user`` are counted, by any nick."""
    network = addresses.network_of(host)
    known = network in user.places or any(
        session.confirmed and addresses.network_of(session.host) == network for session in user.sessions
    )
    return f"{user.id} {network}" if known else f"{user.id}"


def _address_key(host: str) -> dict[str, str]:
    """Return the key by which the attempts of ``host`` are counted; none for this machine."""
    return {} if addresses.is_local(host) else {"address": addresses.network_of(host)}
