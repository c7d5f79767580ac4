"""The portal: which checkers there are, by the configuration, and the realm that they lead to."""

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Any, Final

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.portal import IRealm, Portal
from zope.interface import implementer

from chatd.chat.hub import Hub
from chatd.ops.settings import CERTIFICATES, AccountsConfig
from chatd.server.auth.checkers import (
    AccountChecker,
    CertificateChecker,
    GuestChecker,
    LoginChecker,
    RegistrationChecker,
    ScramChecker,
    TokenChecker,
)
from chatd.server.auth.command import CommandChecker
from chatd.server.auth.credentials import IEntry
from chatd.server.auth.gatekeeper import Gatekeeper
from chatd.server.passwords import Passwords

GROUP: Final = "chatd.checkers"
"""The entry points of checkers that other packages bring: each is a function without arguments."""


@implementer(IRealm)
class Realm:
    """Hands out the way in that a checker has found."""

    def requestAvatar(self, avatarId: Any, _mind: object, *_interfaces: object) -> Any:
        """Return the way in as the avatar; the connection lets go of the session by departing."""
        return IEntry, avatarId, lambda: None


class CheckerError(Exception):
    """A checker that another package brings, and that cannot be had; the text is a sentence."""


class Doors:
    """The ``portal`` for every hello, and the ``gatekeeper`` for passwords that come in a request."""

    def __init__(
        self, hub: Hub, passwords: Passwords, config: AccountsConfig, reactor: Any, now: Callable[[], int]
    ) -> None:
        self.passwords = passwords
        self._hub = hub
        self._reactor = reactor
        self._chosen = config
        self.gatekeeper = Gatekeeper(hub, list(_chosen(hub, passwords, config, reactor)), reactor)
        login = LoginChecker(hub, self.gatekeeper, now)
        register = RegistrationChecker(hub, self.gatekeeper, passwords, login, now)
        proof = ScramChecker(hub, self.gatekeeper)
        self.portal = Portal(
            Realm(), [TokenChecker(hub), GuestChecker(hub), CertificateChecker(hub), proof, login, register]
        )

    def choose(self, config: AccountsConfig) -> list[ICredentialsChecker] | None:
        """Return the checkers of passwords that ``config`` names; None if they are those that are asked.

        Raises `CheckerError`.
        """
        if _named(config) == _named(self._chosen):
            return None
        return list(_chosen(self._hub, self.passwords, config, self._reactor))

    def use(self, config: AccountsConfig, checkers: list[ICredentialsChecker] | None) -> None:
        """Ask ``checkers`` from now on, which `choose` has returned for ``config``."""
        self._chosen = config
        if checkers is not None:
            self.gatekeeper.checkers = checkers


def _named(config: AccountsConfig) -> tuple[object, ...]:
    """Return what the checkers are made of."""
    return config.checkers, config.command, config.command_timeout, config.command_processes


def _chosen(
    hub: Hub, passwords: Passwords, config: AccountsConfig, reactor: Any
) -> Iterator[ICredentialsChecker]:
    """Yield the checkers of passwords that the configuration names, in its order."""
    for name in config.checkers:
        if name == "accounts":
            yield AccountChecker(hub, passwords)
        elif name == CERTIFICATES:
            continue  # it is shown no password
        elif name == "command":
            yield CommandChecker(reactor, config.command, config.command_timeout, config.command_processes)
        else:
            (brought,) = entry_points(group=GROUP, name=name)
            try:
                checker: ICredentialsChecker = brought.load()()
            except Exception as error:
                raise CheckerError(
                    f"accounts.checkers: the checker {name!r} cannot be had ({type(error).__name__});"
                    " look at the package that brings it, or leave it out."
                ) from error
            yield checker
