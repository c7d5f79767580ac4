"""Steady load: CPU per delivery and the latency of deliveries in a room of 1000.

Once at 100 messages a second, by IRC as well and beside InspIRCd, and once at the rate at which the C loop
has half a core to do.
"""

from collections.abc import Iterable
from contextlib import ExitStack

from bench.common import Scale
from bench.peers.chatd import ChatdPeer
from bench.peers.field import start_c_loop, start_program
from bench.peers.irc_chatd import IrcChatdPeer, IrcDaemon
from bench.results import Result, Row, Target
from bench.runs import PacedParty
from bench.server import Daemon

RATE = 100.0
HALF = 0.5
"""Share of a core that the C loop has to do in the second part."""

OF_C = Target(1.5, least=False)
OF_INSPIRCD = Target(1.2, least=False)
P99 = Target(25.0, least=False)
OF_HALF = Target(1.25, least=False)
P99_OF_C = Target(2.0, least=False)

Figures = dict[str, list[tuple[float, float, float]]]
"""By what tables call a server, for each run: CPU per delivery in µs, p50 and p99 of the latency in ms."""


def run(scale: Scale) -> Result:
    """Measure chatd beside the C loop, and by IRC beside InspIRCd."""
    result = Result("paced")
    members = scale.size(1000, 20)
    with ExitStack() as stack:
        daemon = Daemon(scale.folder)
        stack.callback(daemon.stop)
        peers = [ChatdPeer(daemon), *start_c_loop(stack)]
        parties = [PacedParty(peer, members, scale) for peer in peers]
        irc = IrcDaemon(scale.folder)
        stack.callback(irc.stop)
        by_irc = [IrcChatdPeer(irc), *start_program(stack, "inspircd", scale)]
        others = [PacedParty(peer, members, scale) for peer in by_irc]
        figures = _measure(result, [*parties, *others], members, RATE, scale)
        what = f"{RATE:g} messages/s to {members} members"
        _tell(result, what, figures, OF_C, P99)
        if "C loop" in figures:
            cost = sorted(run[0] for run in figures["C loop"])[scale.rounds // 2] * members / 1e6
            rate = scale.size(round(HALF / cost), 100)
            what = f"{rate} messages/s to {members} members, half a core of the C loop"
            halves = _measure(result, parties, members, rate, scale)
            _tell(result, what, halves, OF_HALF, None)
            _tell_tails(result, what, halves)
    return result


def _measure(result: Result, parties: list[PacedParty], members: int, rate: float, scale: Scale) -> Figures:
    figures: Figures = {}
    for _ in range(scale.rounds):
        for party in parties:
            paced, usage = party.measure(rate, scale.seconds)
            latencies = party.latencies(paced)
            cost = usage.server / (len(paced.due) * members) * 1e6
            figures.setdefault(party.who, []).append(
                (cost, quantile(latencies, 0.5) * 1e3, quantile(latencies, 0.99) * 1e3)
            )
            result.doubt(party.who, usage.doubts())
    return figures


def quantile(values: list[float], share: float) -> float:
    """Return the value below which ``share`` of the sorted ``values`` are."""
    return values[min(len(values) - 1, int(len(values) * share))]


def _tell(result: Result, what: str, figures: Figures, of_c: Target, p99: Target | None) -> None:
    columns = {who: list(zip(*runs, strict=True)) for who, runs in figures.items()}
    for who, (costs, _, _) in columns.items():
        result.rows.append(Row(what, who, "µs CPU/delivery", costs))
    if "C loop" in columns:
        ratios = _ratios(columns["chatd"][0], columns["C loop"][0])
        result.rows.append(Row(what, "chatd / C loop", "ratio of CPU", ratios, of_c))
    if IrcDaemon.name in columns and "inspircd" in columns:
        ratios = _ratios(columns[IrcDaemon.name][0], columns["inspircd"][0])
        result.rows.append(Row(what, f"{IrcDaemon.name} / inspircd", "ratio of CPU", ratios, OF_INSPIRCD))
    for who, (_, medians, tails) in columns.items():
        result.rows.append(Row(what, who, "ms latency p50", medians))
        result.rows.append(Row(what, who, "ms latency p99", tails, p99 if who == "chatd" else None))


def _tell_tails(result: Result, what: str, figures: Figures) -> None:
    tails = {who: [tail for _, _, tail in runs] for who, runs in figures.items()}
    ratios = _ratios(tails["chatd"], tails["C loop"])
    result.rows.append(Row(what, "chatd / C loop", "ratio of latency p99", ratios, P99_OF_C))


def _ratios(ours: Iterable[float], theirs: Iterable[float]) -> tuple[float, ...]:
    return tuple(one / other for one, other in zip(ours, theirs, strict=True))
