"""Durable messages: one pipelining sender, one receiver, every message on disk before it is heard of."""

from bench.common import Scale
from bench.peers.chatd import ChatdPeer
from bench.results import Result, Row, Target
from bench.runs import Party
from bench.server import Daemon
from chatd.wire.limits import MAX_UNANSWERED

RATE = Target(60_000)


def run(scale: Scale) -> Result:
    """Measure messages per second with as many in flight as the protocol allows."""
    result = Result("durable")
    rates, costs = [], []
    daemon = Daemon(scale.folder)
    try:
        party = Party(ChatdPeer(daemon), 1, MAX_UNANSWERED, scale)
        for _ in range(scale.rounds):
            load, usage = party.measure()
            rates.append(load.messages / load.seconds)
            costs.append(usage.server / load.messages * 1e6)
            result.doubt(party.who, usage.doubts())
    finally:
        daemon.stop()
    what = f"durable, 1 sender, 1 receiver, {MAX_UNANSWERED} in flight"
    result.rows += [
        Row(what, "chatd", "messages/s", tuple(rates), RATE),
        Row(what, "chatd", "µs CPU/message", tuple(costs)),
    ]
    return result
