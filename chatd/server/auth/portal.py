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


class Doors:
    """The ``portal`` for every hello, and the ``gatekeeper`` for passwords that come in a request."""

    def __init__(
        self, hub: Hub, passwords: Passwords, config: AccountsConfig, reactor: Any, now: Callable[[], int]
    ) -> None:
        self.passwords = passwords
        self.gatekeeper = Gatekeeper(hub, list(_chosen(hub, passwords, config, reactor)), reactor)
        login = LoginChecker(hub, self.gatekeeper, now)
        register = RegistrationChecker(hub, self.gatekeeper, passwords, login, now)
        self.portal = Portal(
            Realm(), [TokenChecker(hub), GuestChecker(hub), CertificateChecker(hub), login, register]
        )


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
            checker: ICredentialsChecker = brought.load()()
            yield checker
