"""Fan-out: deliveries per second from one sender to many members, chatd beside the bare C loop."""

from contextlib import ExitStack

from bench.common import Scale
from bench.peers import ChatdPeer, CLoopPeer
from bench.results import Result, Row, Target
from bench.runs import Party
from bench.server import CLoop, Daemon, compile_c_loop

WINDOW = 64
RATE = Target(2_000_000)
RATIO = Target(0.25)  # 2 M where the C loop does 8 M


def run(scale: Scale) -> Result:
    """Measure rooms of 100 and 1000 members, 200-byte messages, 64 in flight."""
    result = Result("fanout")
    for members in (scale.size(100, 5), scale.size(1000, 20)):
        with ExitStack() as stack:
            parties = _gather(stack, members, scale)
            _measure(result, parties, members, scale)
    return result


def _gather(stack: ExitStack, members: int, scale: Scale) -> list[Party]:
    daemon = Daemon(scale.folder)
    stack.callback(daemon.stop)
    parties = [Party(ChatdPeer(daemon), members, WINDOW, scale)]
    binary = compile_c_loop()
    if binary is not None:
        loop = CLoop(binary)
        stack.callback(loop.stop)
        size = round(parties[0].crowd.frame_size)
        parties.append(Party(CLoopPeer(loop, size), members, WINDOW, scale))
    return parties


def _measure(result: Result, parties: list[Party], members: int, scale: Scale) -> None:
    rates: dict[str, list[float]] = {party.who: [] for party in parties}
    costs: dict[str, list[float]] = {party.who: [] for party in parties}
    for _ in range(scale.rounds):
        for party in parties:
            load, usage = party.measure()
            deliveries = load.messages * members
            rates[party.who].append(deliveries / load.seconds)
            costs[party.who].append(usage.server / deliveries * 1e6)
            result.doubt(party.who, usage.doubts())
    _tell(result, f"fan-out to {members} members", rates, costs)


def _tell(result: Result, what: str, rates: dict[str, list[float]], costs: dict[str, list[float]]) -> None:
    for who, values in rates.items():
        result.rows.append(Row(what, who, "deliveries/s", tuple(values), RATE if who == "chatd" else None))
    if "C loop" in rates:
        ratios = [a / b for a, b in zip(rates["chatd"], rates["C loop"], strict=True)]
        result.rows.append(Row(what, "chatd / C loop", "ratio", tuple(ratios), RATIO))
    for who, values in costs.items():
        result.rows.append(Row(what, who, "µs CPU/delivery", tuple(values)))
