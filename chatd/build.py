"""The one wiring of the daemon's parts: for the service, and for the in-memory network of the tests."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from twisted.cred.checkers import ICredentialsChecker

from chatd.chat.permissions import HOUR
from chatd.chat.quota import Quota
from chatd.chat.storage import Snapshot, Store
from chatd.chat.world import Terms
from chatd.clock import Clock
from chatd.files.blobs import BlobStore
from chatd.files.strand import Workers
from chatd.ops.current import Current
from chatd.ops.settings import CERTIFICATES, Config
from chatd.server.auth.portal import Doors
from chatd.server.committer import Committer
from chatd.server.disk_watch import DiskWatch
from chatd.server.erasure import Erasure
from chatd.server.files.expiry import Expiry
from chatd.server.files.library import Library
from chatd.server.housekeeping import Housekeeping
from chatd.server.passwords import Passwords
from chatd.server.rates import Rates
from chatd.server.reaper import Reaper
from chatd.server.sampler import Sampler
from chatd.server.server import Server
from chatd.server.timekeeper import Timekeeper
from chatd.webhooks.deliveries import Deliveries
from chatd.webhooks.seams import Sender


class FileKeeping(NamedTuple):
    """The store of files' contents and the workers for it: see `chatd.server.files.library.Library`."""

    blobs: BlobStore
    workers: Workers
    flushers: Workers


class Part(Protocol):
    """A part of the daemon that runs while the daemon does."""

    def start(self) -> object:
        """Begin."""

    def stop(self) -> None:
        """End."""


class Daemon:
    """The daemon's parts over ``store``, which holds ``snapshot``; they run from `start` to `stop`.

    ``wall`` returns milliseconds since 1970, ``passwords`` checks and hashes them. The daemon takes files if
    there is a ``keeping`` for them. ``make_sender`` makes what posts to other servers, by default over the
    reactor that ``clock`` is.
    Raises `OSError` if that cannot be used.
    """

    def __init__(
        self,
        config: Config,
        snapshot: Snapshot,
        store: Store,
        clock: Clock,
        wall: Callable[[], int],
        keeping: FileKeeping | None,
        passwords: Passwords,
        make_sender: Callable[[], Sender] | None = None,
    ) -> None:
        self.current = current = Current(config)
        self.committer = Committer(snapshot, _terms(config), store, clock)
        hub = self.committer.hub
        self.files = None if keeping is None else Library(current, *keeping, clock, wall, hub)
        self._offer_files()
        doors = Doors(hub, passwords, config.accounts, clock, wall)
        self.server = Server(self.committer, store, doors, clock, wall, current, self.files)
        self.rates = Rates(self.server.counters, clock)
        self.timekeeper = Timekeeper(self.server)
        self._parts: list[Part] = [
            Reaper(self.server),
            self.rates,
            Sampler(self.server),
            DiskWatch(self.server),
            self.timekeeper,
            Housekeeping(self.server),
            Erasure(self.server),
            Deliveries(self.server, make_sender or self._sender),
        ]
        if self.files is not None:
            self._parts.append(Expiry(self.files))

    def _sender(self) -> Sender:
        """Return what reaches other servers over HTTP."""
        from chatd.webhooks.endpoints import Endpoints  # noqa: PLC0415 - it brings HTTP, which few want
        from chatd.webhooks.sender import HttpSender  # noqa: PLC0415 - as above

        clock = self.server.clock
        return HttpSender(clock, Endpoints(clock, lambda: self.current.config.hooks.allow))

    def start(self) -> None:
        """Let the parts run."""
        for part in self._parts:
            part.start()

    def stop(self) -> None:
        """Let the parts end; nobody is told."""
        for part in self._parts:
            part.stop()

    def use(self, config: Config, checkers: list[ICredentialsChecker] | None) -> None:
        """Go on with ``config``, for which `Doors.choose` has returned ``checkers``."""
        self.current.config = config
        self.server.doors.use(config.accounts, checkers)
        self.committer.hub.world.terms = _terms(config)
        self._offer_files()

    def _offer_files(self) -> None:
        if self.files is not None:
            config = self.files.config
            self.committer.hub.offer_files(self.files, config.max_size, config.per_connection)


def verifies_by_scram(config: Config) -> bool:
    """Return whether passwords are verified by SCRAM too: where somebody might ask for it."""
    asked = any(listen.protocol == "irc" for listen in config.listen)
    return asked and config.accounts.scram and "accounts" in config.accounts.checkers


def _terms(config: Config) -> Terms:
    """Return what the chat has to know of ``config``."""
    most, account = config.limits, config.accounts
    quota = Quota(
        most.max_users,
        most.max_rooms,
        most.max_devices,
        most.max_direct,
        most.new_rooms_per_hour,
        most.max_acts,
    )
    return Terms(
        quota,
        config.show_addresses,
        account.registration,
        account.make_rooms,
        account.vouched,
        CERTIFICATES in account.checkers,
        round(config.rooms.remove_hours * HOUR),
        config.announcement if config.announcement.strip() else "",
        round(config.rooms.edit_hours * HOUR),
        config.rooms.typing,
        config.rooms.keep_edits,
        verifies_by_scram(config),
        account.min_password,
    )
