"""Fan-out: deliveries per second to many members, chatd beside the bare C loop and other servers."""

from collections.abc import Iterator
from contextlib import ExitStack

from bench.common import BenchError, Scale
from bench.peers.chatd import ChatdPeer
from bench.peers.field import PROGRAMS, missing, start_c_loop, start_program
from bench.peers.irc_chatd import IrcChatdPeer, IrcDaemon, TaggedDaemon
from bench.peers.web import WebDaemon, WebPeer
from bench.results import Result, Row, Target
from bench.runs import Party, optional
from bench.server import Daemon

WINDOW = 64
SENDERS = 4
OF_C = Target(0.6)
OF_C_LARGE = Target(0.75)
LARGE = 1000
OF_PEER = Target(2.0)
OF_NATIVE = Target(0.8)
OF_NATIVE_COST = Target(1.25, least=False)
IRC_OF_NATIVE = Target(0.7)
INSPIRCD = "inspircd"


def run(scale: Scale) -> Result:
    """Measure rooms of 100 and 1000 members, 200-byte messages, 64 in flight."""
    result = Result("fanout")
    result.notes += [f"not installed, so left out: {name}" for name in missing()]
    for members in (5,) if scale.smoke else (100, 1000):
        with ExitStack() as stack:
            parties = list(_gather(stack, result, members, scale))
            _measure(result, parties, members, scale)
    return result


def _gather(stack: ExitStack, result: Result, members: int, scale: Scale) -> Iterator[Party]:
    for senders in (1, SENDERS):
        daemon = Daemon(scale.folder)
        stack.callback(daemon.stop)
        yield Party(ChatdPeer(daemon), members, WINDOW // senders, scale, senders)
    web = WebDaemon(scale.folder)
    stack.callback(web.stop)
    yield Party(WebPeer(web), members, WINDOW, scale)
    for kind in (IrcDaemon, TaggedDaemon):
        irc = kind(scale.folder)
        stack.callback(irc.stop)
        yield Party(IrcChatdPeer(irc), members, WINDOW, scale)
    for peer in start_c_loop(stack):
        yield Party(peer, members, WINDOW, scale)
    for peer in [peer for name in PROGRAMS for peer in start_program(stack, name, scale)]:
        with optional(result, peer, members, scale):
            yield Party(peer, members, WINDOW, scale)


class Figures:
    """What the runs of each party gave, by what tables call it."""

    def __init__(self, whose: list[str]) -> None:
        self.rates: dict[str, list[float]] = {who: [] for who in whose}
        self.costs: dict[str, list[float]] = {who: [] for who in whose}

    def ratios(self, whose: str, to: str) -> tuple[float, ...]:
        """Return the ratios of rates, run by run."""
        return tuple(a / b for a, b in zip(self.rates[whose], self.rates[to], strict=True))

    def best_peer(self) -> str | None:
        """Return which of the other servers has the best median."""
        others = {
            who: sorted(rates)[len(rates) // 2]
            for who, rates in self.rates.items()
            if rates and not who.startswith("chatd") and who != "C loop"
        }
        return max(others, key=lambda who: others[who], default=None)


def _measure(result: Result, parties: list[Party], members: int, scale: Scale) -> None:
    figures = Figures([party.who for party in parties])
    going = list(parties)
    for _ in range(scale.rounds):
        for party in list(going):
            try:
                load, usage = party.measure()
            except BenchError as error:
                if scale.smoke or party.who.startswith("chatd"):
                    raise
                result.doubt(party.who, [f"left out with {members} members: {error}"])
                going.remove(party)
                del figures.rates[party.who], figures.costs[party.who]
                continue
            deliveries = load.messages * members
            figures.rates[party.who].append(deliveries / load.seconds)
            figures.costs[party.who].append(usage.server / deliveries * 1e6)
            result.doubt(party.who, usage.doubts())
    of_c = OF_C_LARGE if members >= LARGE else OF_C
    _tell(result, f"fan-out to {members} members", figures, of_c)


def _tell(result: Result, what: str, figures: Figures, of_c: Target) -> None:
    for who, values in figures.rates.items():
        result.rows.append(Row(what, who, "deliveries/s", tuple(values)))
    for other, target in (("C loop", of_c), (figures.best_peer(), OF_PEER)):
        if other in figures.rates:
            ratios = figures.ratios("chatd", other)
            result.rows.append(Row(what, f"chatd / {other}", "ratio", ratios, target))
    web = figures.ratios(WebDaemon.name, "chatd")
    result.rows.append(Row(what, f"{WebDaemon.name} / chatd", "ratio", web, OF_NATIVE))
    costs = zip(figures.costs[WebDaemon.name], figures.costs["chatd"], strict=True)
    ratios = tuple(web / native for web, native in costs)
    result.rows.append(Row(what, f"{WebDaemon.name} / chatd", "ratio of CPU", ratios, OF_NATIVE_COST))
    for irc in (IrcDaemon.name, TaggedDaemon.name):
        ratios = figures.ratios(irc, "chatd")
        result.rows.append(Row(what, f"{irc} / chatd", "ratio", ratios, IRC_OF_NATIVE))
        if INSPIRCD in figures.rates:
            ratios = figures.ratios(irc, INSPIRCD)
            result.rows.append(Row(what, f"{irc} / {INSPIRCD}", "ratio", ratios, OF_PEER))
    for who, values in figures.costs.items():
        result.rows.append(Row(what, who, "µs CPU/delivery", tuple(values)))
