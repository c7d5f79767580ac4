"""The cases: which fault, in which phases, and what must be true of what is measured."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from tests.network import faults
from tests.network.faults import Fault
from tests.network.lab import machine
from tests.network.lab.chat import RATE


class Phase(Enum):
    """When the fault comes: before the client connects, or while it is connected."""

    BEFORE = "before"
    CONNECTED = "connected"


BOTH: Final = (Phase.BEFORE, Phase.CONNECTED)
ONCE_CONNECTED: Final = (Phase.CONNECTED,)
FIRST: Final = (Phase.BEFORE,)

SLACK: Final = 0.7
"""Seconds that a busy machine may add to every figure: a Python that starts, a look of the reaper."""


@dataclass(frozen=True, slots=True)
class Case:
    """One fault and what is promised for it; a promise of None is none.

    While connected, ``suspect``, ``notice`` and ``server`` are seconds from the cut until the client suspects
    or knows, until it knows, and until the server knows. ``back``: seconds from the heal until service is
    back; ``served``: the same from the cut on, where a new connection comes through at once. ``losses``:
    links that may be declared lost; ``reaped``: links that the server may give up; ``attempts``:
    connections that the client may make; ``wait``: seconds that it may let pass before each; ``outage``:
    seconds from the cut to the heal where the usual ones do not fit; ``rate``: messages that each side
    says in a second. ``alive``: bytes move all the time. ``run``: of several, which lose other packets.
    ``web``: the client comes by WebSocket.
    """

    name: str
    title: str
    fault: Fault
    phases: tuple[Phase, ...] = BOTH
    proxied: bool = False
    web: bool = False
    by_name: bool = False
    server_lives: bool = True
    suspect: float | None = 4.0
    notice: float | None = 8.0
    server: float | None = 8.5
    back: float | None = 3.0
    served: float | None = None
    losses: int = 1
    reaped: int = 1
    attempts: int | None = None
    wait: float = 2.0
    outage: float | None = None
    rate: float = RATE
    alive: bool = False
    run: int = 0
    needs: tuple[Callable[[], str], ...] = ()


def _path(name: str, title: str, fault: Fault) -> Case:
    """A cut path: nothing comes through until it heals."""
    return Case(name, title, fault)


def _through_proxy(name: str, title: str, fault: Fault) -> Case:
    return Case(name, title, fault, proxied=True, needs=(machine.why_no_proxy,))


def _beside(name: str, title: str, fault: Fault) -> Case:
    """The old connection is dead but a new one works: make before break."""
    return Case(
        name,
        title,
        fault,
        ONCE_CONNECTED,
        notice=None,
        server=None,
        back=None,
        served=4.0,
        losses=1,
        outage=12,
    )


def _bad(
    name: str, title: str, fault: Fault, losses: int, *needs: Callable[[], str], rate: float = RATE
) -> Case:
    """Bytes still move: nobody may be given up."""
    return Case(
        name,
        title,
        fault,
        suspect=None,
        notice=None,
        server=None,
        back=None,
        losses=losses,
        reaped=losses,
        outage=60,
        rate=rate,
        alive=True,
        needs=needs,
    )


def _other_server(name: str, title: str, fault: Fault) -> Case:
    """The server is there but serves nobody: who is turned away waits up to 5 s, for all its peers."""
    return Case(
        name, title, fault, notice=1.0, server=None, server_lives=False, back=5.0, attempts=25, wait=5.0
    )


CASES: Final = (
    _path("client-cable", "client's cable out", faults.CLIENT_CABLE),
    _path("client-interface", "client's interface switched off", faults.CLIENT_INTERFACE),
    _path("client-adapter", "client's network adapter unplugged", faults.CLIENT_ADAPTER),
    _path("client-black-hole", "client's network black-holed", faults.CLIENT_BLACK_HOLE),
    Case(
        "web-black-hole",
        "client's network black-holed, by WebSocket",
        faults.CLIENT_BLACK_HOLE,
        ONCE_CONNECTED,
        web=True,
    ),
    _path("black-hole-out", "black hole, client to server only", faults.ONE_WAY_OUT),
    _path("black-hole-in", "black hole, server to client only", faults.ONE_WAY_IN),
    _through_proxy("proxy-killed", "proxy's process stops", faults.PROXY_KILLED),
    _through_proxy("proxy-hung", "proxy hangs", faults.PROXY_STOPPED),
    _through_proxy("proxy-black-hole", "proxy's network black-holed", faults.PROXY_BLACK_HOLE),
    _through_proxy("proxy-cable", "proxy's cable out", faults.PROXY_CABLE),
    Case(
        "server-killed",
        "server's process killed",
        faults.SERVER_KILLED,
        notice=1.0,
        server=None,
        server_lives=False,
    ),
    _path("server-host", "server's host vanishes", faults.SERVER_HOST),
    Case("server-hung", "server hangs", faults.SERVER_STOPPED, server=None, server_lives=False, reaped=0),
    Case(
        "server-hiccup",
        "server stops for 3 s",
        faults.SERVER_STOPPED,
        ONCE_CONNECTED,
        notice=None,
        server=None,
        losses=0,
        reaped=0,
        outage=3,
    ),
    Case(
        "client-sleep",
        "client stops, as a laptop that sleeps",
        faults.CLIENT_STOPPED,
        ONCE_CONNECTED,
        suspect=None,
        notice=None,
    ),
    Case(
        "client-hiccup",
        "client stops for 5 s",
        faults.CLIENT_STOPPED,
        ONCE_CONNECTED,
        suspect=None,
        notice=None,
        server=None,
        losses=0,
        reaped=0,
        outage=5,
    ),
    _beside("flow-forgotten", "firewall forgets the connection", faults.FLOW_FORGOTTEN),
    _beside("roaming", "client's address changes", faults.ROAMING),
    _bad("bad-link", "30 % loss, 300 ms delay each way", faults.BAD_LINK, 1, machine.why_no_bad_links),
    _bad("slow-link", "link of 8 kbit/s", faults.SLOW_LINK, 0, machine.why_no_slow_links, rate=0.5),
    _bad(
        "jammed-link",
        "link of 8 kbit/s with 20 kbit/s to carry",
        faults.SLOW_LINK,
        2,  # A retransmission that the full queue drops leaves TCP silent for 15 s: a new link is faster.
        machine.why_no_slow_links,
    ),
    Case("names-hang", "DNS hangs", faults.NAMES_HANG, FIRST, by_name=True),
    Case("names-fail", "DNS fails", faults.NAMES_FAIL, FIRST, by_name=True),
    _other_server("silent-server", "server accepts and says nothing", faults.SILENT_SERVER),
    _other_server("closing-server", "server accepts and closes at once", faults.CLOSING_SERVER),
)

BY_NAME: Final = {case.name: case for case in CASES}
