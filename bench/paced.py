"""Steady load: CPU per delivery and the latency of deliveries at 100 messages a second in a room of 1000."""

from contextlib import ExitStack

from bench.common import Scale
from bench.peers.chatd import ChatdPeer
from bench.peers.field import start_c_loop
from bench.results import Result, Row, Target
from bench.runs import PacedParty
from bench.server import Daemon

RATE = 100.0
OF_C = Target(1.5, least=False)
P99 = Target(25.0, least=False)


def run(scale: Scale) -> Result:
    """Measure chatd beside the C loop."""
    result = Result("paced")
    members = scale.size(1000, 20)
    figures: dict[str, list[tuple[float, float, float]]] = {}
    with ExitStack() as stack:
        daemon = Daemon(scale.folder)
        stack.callback(daemon.stop)
        peers = [ChatdPeer(daemon), *start_c_loop(stack)]
        parties = [PacedParty(peer, members, scale) for peer in peers]
        for _ in range(scale.rounds):
            for party in parties:
                paced, usage = party.measure(RATE, scale.seconds)
                latencies = party.latencies(paced)
                cost = usage.server / (len(paced.due) * members) * 1e6
                figures.setdefault(party.who, []).append(
                    (cost, quantile(latencies, 0.5) * 1e3, quantile(latencies, 0.99) * 1e3)
                )
                result.doubt(party.who, usage.doubts())
    _tell(result, f"{RATE:g} messages/s to {members} members", figures)
    return result


def quantile(values: list[float], share: float) -> float:
    """Return the value below which ``share`` of the sorted ``values`` are."""
    return values[min(len(values) - 1, int(len(values) * share))]


def _tell(result: Result, what: str, figures: dict[str, list[tuple[float, float, float]]]) -> None:
    columns = {who: list(zip(*runs, strict=True)) for who, runs in figures.items()}
    for who, (costs, _, _) in columns.items():
        result.rows.append(Row(what, who, "µs CPU/delivery", costs))
    if "C loop" in columns:
        pairs = zip(columns["chatd"][0], columns["C loop"][0], strict=True)
        ratios = tuple(ours / theirs for ours, theirs in pairs)
        result.rows.append(Row(what, "chatd / C loop", "ratio of CPU", ratios, OF_C))
    for who, (_, medians, tails) in columns.items():
        result.rows.append(Row(what, who, "ms latency p50", medians))
        result.rows.append(Row(what, who, "ms latency p99", tails, P99 if who == "chatd" else None))
