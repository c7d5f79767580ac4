"""How cost grows with members, rooms, message size and connections, and latency with load; one run each."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from bench.clients import SETTLED, enter
from bench.common import BenchError, Scale
from bench.load import Crowd, Hall
from bench.pace import pace
from bench.paced import RATE, quantile
from bench.peers import Peer
from bench.peers.chatd import ChatdPeer
from bench.peers.field import PROGRAMS, start_c_loop, start_program
from bench.process import Gauge, raise_file_limit
from bench.results import Result, Row
from bench.runs import PacedParty, settle
from bench.server import Daemon


def run(scale: Scale) -> Result:
    """Measure each growth at a steady 100 messages a second."""
    raise_file_limit()
    result = Result("growth")
    for grow in (_members, _latency, _rooms, _sizes, _connections):
        grow(result, scale)
    return result


def _steps(scale: Scale, *full: int) -> tuple[int, ...]:
    return (5,) if scale.smoke else full


def _seconds(scale: Scale) -> float:
    return min(2.0, scale.seconds)


def _servers(scale: Scale) -> Iterator[Peer]:
    """Yield one server after the other, each fresh, alone and ended before the next."""
    with ExitStack() as stack:
        daemon = Daemon(scale.folder)
        stack.callback(daemon.stop)
        yield ChatdPeer(daemon)
    with ExitStack() as stack:
        yield from start_c_loop(stack)
    for name in [] if scale.smoke else PROGRAMS:
        with ExitStack() as stack:
            yield from start_program(stack, name, scale)


def _cost(peer: Peer, members: int, scale: Scale) -> float:
    """Return microseconds of CPU per delivery at `RATE`."""
    paced, usage = PacedParty(peer, members, scale, timed=1).measure(RATE, _seconds(scale))
    return usage.server / (len(paced.due) * members) * 1e6


def _each(result: Result, peers: Iterator[Peer], measure: Callable[[Peer], None]) -> None:
    for peer in peers:
        try:
            measure(peer)
        except (BenchError, OSError) as error:
            if peer.server.name == "chatd":
                raise
            result.doubt(peer.server.name, [f"left out: {error}"])


def _members(result: Result, scale: Scale) -> None:
    for members in _steps(scale, 10, 100, 300, 1000):

        def measure(peer: Peer, members: int = members) -> None:
            who, cost = peer.server.name, _cost(peer, members, scale)
            result.rows.append(Row(f"by members: {members}", who, "µs CPU/delivery", (cost,)))
            result.curves.cost.setdefault(who, []).append((members, cost))

        _each(result, _servers(scale), measure)


def _latency(result: Result, scale: Scale) -> None:
    members = scale.size(1000, 10)

    def measure(peer: Peer) -> None:
        party, who = PacedParty(peer, members, scale), peer.server.name
        for rate in _steps(scale, 10, 25, 50, 100, 150, 200):
            paced, _ = party.measure(rate, _seconds(scale))
            latencies = party.latencies(paced)
            p50, p99 = (quantile(latencies, share) * 1e3 for share in (0.5, 0.99))
            what = f"by load: {rate} messages/s to {members} members"
            result.rows += [
                Row(what, who, "ms latency p50", (p50,)),
                Row(what, who, "ms latency p99", (p99,)),
            ]
            result.curves.median.setdefault(who, []).append((rate, p50))
            result.curves.tail.setdefault(who, []).append((rate, p99))
            if paced.seconds > 1.5 * _seconds(scale) and not scale.smoke:
                result.doubt(who, [f"cannot keep up with {rate} messages/s to {members} members"])
                break

    _each(result, _servers(scale), measure)


def _rooms(result: Result, scale: Scale) -> None:
    """Have as many members in more and more rooms, `RATE` messages a second in each."""
    members = scale.size(1000, 20)
    for rooms in _steps(scale, 1, 10, 100):
        daemon = Daemon(scale.folder)
        try:
            halls = [_hall(ChatdPeer(daemon, f"#bench{room}"), members // rooms) for room in range(rooms)]
            gauge = Gauge(daemon.pid)
            paced = pace(halls, RATE, _seconds(scale))
            cost = gauge.read().server / (len(paced.due) * (members // rooms) * rooms) * 1e6
        finally:
            daemon.stop()
        what = f"by rooms: {rooms} of {members // rooms} members, {RATE:g} messages/s in each"
        result.rows.append(Row(what, "chatd", "µs CPU/delivery", (cost,)))


def _hall(peer: ChatdPeer, readers: int) -> Hall:
    links = peer.gather(readers, 1)
    return settle(peer, links, Crowd(links.readers, peer.mark))


def _sizes(result: Result, scale: Scale) -> None:
    members = scale.size(100, 10)
    for size in _steps(scale, 20, 200, 2000, 10_000):
        with ExitStack() as stack:
            daemon = Daemon(scale.folder)
            stack.callback(daemon.stop)
            envelope = 131
            for peer in (ChatdPeer(daemon, size=size), *start_c_loop(stack, size + envelope)):
                what, cost = f"by size: {size} bytes to {members} members", _cost(peer, members, scale)
                result.rows.append(Row(what, peer.server.name, "µs CPU/delivery", (cost,)))


def _connections(result: Result, scale: Scale) -> None:
    members = scale.size(100, 10)
    for idle in _steps(scale, 0, 1000, 10_000):
        daemon = Daemon(scale.folder)
        clients = enter(daemon, [f"#idle{number // 100}" for number in range(idle)])
        try:
            if clients:
                Crowd([client.link for client in clients], b"\0").hush(SETTLED)
            cost = _cost(ChatdPeer(daemon), members, scale)
        finally:
            daemon.stop()
            for client in clients:
                client.link.close()
        what = f"by connections: {idle} idle ones beside {members} members"
        result.rows.append(Row(what, "chatd", "µs CPU/delivery", (cost,)))
