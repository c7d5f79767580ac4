"""Budgets: how often one user and one address may do what costs the server something (P5, P6).

Pure: time comes in as an argument, in monotonic seconds. The numbers are those of ``[limits]``, as they are
in force. docs/OPERATIONS.md has the table of all budgets, and a test compares it with `BUDGETS`.

An address is an IPv4 address or an IPv6 network of 64 bits, since one subscriber has all of it. The network
of 48 bits around it is counted beside it, since one contract may bring all of that. This machine (loopback,
UNIX sockets) is no address: there a relay may speak for many.
"""

import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from chatd.chat.quota import LEASED, Bucket, Lease, Meter, Ration
from chatd.chat.state import User
from chatd.ops.current import Current
from chatd.ops.settings import LimitsConfig
from chatd.server.addresses import is_local, network_of, wide_network_of
from chatd.wire.errors import ChatdError, Code, ProtocolError, RequestError

MINUTE: Final = 60.0
HOUR: Final = 3600.0

BURST: Final = 10.0
"""After a pause of so many seconds, a user may ask at once what the rate allows for as many."""

MAX_IDLE: Final = 8192
"""Addresses without a connection that are remembered; the one that was idle for longest is forgotten."""


class Action(Enum):
    """What has a budget."""

    CONNECTION = "connection"
    RESUME = "resume"
    SESSION = "session"
    WEB = "web"
    FAILURE = "failure"
    LOGIN = "login"
    REGISTRATION = "registration"
    JOIN = "join"
    ACT = "act"
    ROOM = "room"
    HISTORY = "history"
    FILE = "file"


class Flow(Enum):
    """What goes at a rate, by the field of `LimitsConfig` that is the rate in a second."""

    REQUESTS = "requests_per_second"
    BYTES = "bytes_per_second"


_LEASED: Final = {Flow.REQUESTS: LEASED, Flow.BYTES: 262_144}
"""Units that a connection leases at once: so seldom is it looked at what user and address may use."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The budget of an action: the field ``setting`` of `LimitsConfig` is its amount in ``seconds``.

    ``what`` is that in words. One that is ``shared`` is a user's, and its address may do as much as
    ``users_per_address`` of them; any other is the address's alone.
    """

    setting: str
    seconds: float
    what: str
    shared: bool = False


BUDGETS: Final[dict[Action, Budget]] = {
    Action.CONNECTION: Budget("connections_per_minute", MINUTE, "connections in a minute"),
    Action.RESUME: Budget("resumes_per_minute", MINUTE, "returns of a user in a minute", shared=True),
    Action.SESSION: Budget("new_sessions_per_minute", MINUTE, "new sessions in a minute"),
    Action.WEB: Budget("web_requests_per_minute", MINUTE, "requests over HTTP in a minute"),
    Action.FAILURE: Budget("failed_logins_per_minute", MINUTE, "failed logins in a minute"),
    Action.LOGIN: Budget("logins_per_minute", MINUTE, "logins with a password in a minute"),
    Action.REGISTRATION: Budget("registrations_per_hour", HOUR, "new accounts in an hour"),
    Action.JOIN: Budget("joins_per_minute", MINUTE, "joins of a user in a minute", shared=True),
    Action.ACT: Budget(
        "acts_per_hour", HOUR, "bans, mutes, removals and invitations of a user in an hour", shared=True
    ),
    Action.ROOM: Budget("new_rooms_per_hour", HOUR, "new rooms of a user in an hour", shared=True),
    Action.HISTORY: Budget("history_per_minute", MINUTE, "pages of a user in a minute", shared=True),
    Action.FILE: Budget("files_per_hour", HOUR, "transfers of a user in an hour", shared=True),
}
"""All budgets. As much as in the time may be done at once; after that evenly. An amount of 0 is no limit."""

_UNLIMITED: Final = Bucket(0, 0, 0.0)
"""The one lease of all who may use as much as they like."""

_WORLDS: Final = frozenset({Action.ROOM})
"""Actions that are counted where the thing is made, so that what is refused costs nothing."""


class TooFastError(Exception):
    """A budget is used up: ``text`` names it, and ``wait`` is the seconds until the next may be had."""

    def __init__(self, text: str, wait: float) -> None:
        super().__init__(text)
        self.text = text
        self.wait = wait

    def of_request(self) -> RequestError:
        """Return the refusal of a request."""
        return RequestError(Code.TOO_FAST, self.text, retry_after=round(self.wait, 3))

    def of_hello(self) -> ProtocolError:
        """Return the refusal of a connection or its hello."""
        return ProtocolError(Code.TOO_FAST, self.text, retry_after=round(self.wait, 3))


class Address(Meter):
    """What an address has used, and the number of its open connections."""

    __slots__ = ("connections",)

    def __init__(self) -> None:
        super().__init__()
        self.connections = 0


class Budgets:
    """Counts what users and addresses do, and says who has to wait."""

    def __init__(self, current: Current) -> None:
        self._current = current
        self._open: dict[str, Address] = {}
        self._idle: OrderedDict[str, Address] = OrderedDict()

    def __len__(self) -> int:
        """Return how many addresses are remembered."""
        return len(self._open) + len(self._idle)

    @property
    def _limits(self) -> LimitsConfig:
        return self._current.config.limits

    def known(self) -> list[str]:
        """Return the addresses that are remembered."""
        return [*self._open, *self._idle]

    def exhausted(self, name: str, now: float) -> list[str]:
        """Return the settings of the budgets that the address ``name`` has used up for now."""
        address = self._open.get(name, self._idle.get(name))
        if address is None:
            return []
        return [
            BUDGETS[action].setting
            for action, ration in address.items()
            if isinstance(action, Action) and ration.rate and ration.wait(now)
        ]

    # ---- connections --------------------------------------------------------------------------------

    def open(self, host: str, now: float) -> ChatdError | None:
        """Count a connection of ``host``, which `close` has to follow; return why it may not stay."""
        most = self._limits.max_connections_per_address
        crowded = None
        for name, factor in self._networks(host):
            address = self._address(name)
            address.connections += 1
            self._idle.pop(name, None)
            self._open[name] = address
            if most and crowded is None and address.connections > most * factor:
                crowded = ProtocolError(
                    Code.TOO_MANY_CONNECTIONS,
                    f"There are {most * factor} connections from {name} already; close one of them.",
                )
        if crowded is not None:
            return crowded
        try:
            self.spend(Action.CONNECTION, host, None, now)
        except TooFastError as error:
            return error.of_hello()
        return None

    def tries(self, host: str, now: float) -> ChatdError | None:
        """Return why ``host`` may open no connection now, or None; nothing is counted."""
        for words, ration in self._rations(Action.CONNECTION, host, now):
            wait = ration.wait(now)
            if wait:
                return _too_fast(words, Action.CONNECTION, wait).of_hello()
        return None

    def close(self, host: str) -> None:
        """Note that a connection of ``host`` has ended."""
        for name, _ in self._networks(host):
            address = self._open[name]
            address.connections -= 1
            if not address.connections:
                del self._open[name]
                self._remember(name, address)

    def returned(self, host: str, now: float) -> None:
        """Note that a connection of ``host`` belongs to a session that is known: it costs no connection."""
        for _, ration in self._rations(Action.CONNECTION, host, now):
            ration.left = min(ration.left + 1, ration.burst)

    # ---- budgets ------------------------------------------------------------------------------------

    def spend(
        self,
        action: Action,
        host: str,
        user: User | None,
        now: float,
        *,
        patience: float = 0.0,
        count: bool = True,
    ) -> float:
        """Count one ``action`` that ``user`` does at ``host``; return the seconds to pause behind it.

        That is 0 while the budgets last, and ``patience`` at the most. Raises `TooFastError`, and counts
        nothing, if it would be more. Without ``count`` it only looks, and counts nothing either.
        """
        budget = BUDGETS[action]
        rations = self._rations(action, host, now)
        amount = getattr(self._limits, budget.setting)
        if user is not None and budget.shared and action not in _WORLDS:
            own = user.meter.ration(action, amount / budget.seconds, amount, now)
            rations.append((f"{amount} {budget.what}", own))
        longest, text, scarce = 0.0, "", None
        for name, ration in rations:
            wait = ration.wait(now)
            if wait > longest:
                longest, text, scarce = wait, name, ration
        if scarce is not None and longest > patience:
            raise _too_fast(text, action, scarce.slot(now, longest))
        if count:
            for _, ration in rations:
                ration.left -= 1
        return longest

    def lease(self, flow: Flow, user: User, host: str, now: float, *, left: float = 0.0) -> Lease | Bucket:
        """Return what a connection of ``user`` from ``host`` may use of ``flow``; ``left`` is in its hand."""
        rate: int = getattr(self._limits, flow.value)
        if not rate:
            return _UNLIMITED
        share = rate * self._limits.users_per_address
        pools = [
            self._address(name).pool(flow, share * factor, BURST * share * factor, now)
            for name, factor in self._networks(host)
        ]
        own = user.meter.pool(flow, rate, BURST * rate, now)
        return Lease(own, *pools, left=left, leased=_LEASED[flow])

    def _rations(self, action: Action, host: str, now: float) -> list[tuple[str, Ration]]:
        """Return what the networks of ``host`` have left, each with the words for its limit."""
        budget = BUDGETS[action]
        amount = getattr(self._limits, budget.setting)
        if budget.shared:
            amount *= self._limits.users_per_address
        if not amount:
            return []
        what = budget.what.replace(" of a user", "")
        found = []
        for name, factor in self._networks(host):
            most = amount * factor
            ration = self._address(name).ration(action, most / budget.seconds, most, now)
            found.append((f"{most} {what} from {name}", ration))
        return found

    # ---- addresses ----------------------------------------------------------------------------------

    def _networks(self, host: str) -> Iterator[tuple[str, int]]:
        """Return the networks that ``host`` is in, each with the number of addresses that it counts for."""
        if is_local(host):
            return
        yield network_of(host), 1
        wide = wide_network_of(host)
        if wide is not None:
            yield wide, self._limits.networks_per_48

    def _address(self, name: str) -> Address:
        address = self._open.get(name)
        if address is None:
            address = self._idle.pop(name, None)
            if address is None:
                address = Address()
            self._remember(name, address)
        return address

    def _remember(self, name: str, address: Address) -> None:
        self._idle[name] = address
        if len(self._idle) > MAX_IDLE:
            self._idle.popitem(last=False)


def _too_fast(words: str, action: Action, wait: float) -> TooFastError:
    setting = BUDGETS[action].setting
    return TooFastError(f"{words} are the limit ({setting}); come back in {math.ceil(wait)} seconds.", wait)
