"""Resume: 1,000 clients, then 10,000, whose daemon dies and comes back, each missing ten messages."""

import signal
import time
from collections.abc import Sequence

from bench.clients import CALM, Client, enter, is_ok, listen
from bench.common import BenchError, Scale
from bench.process import cpu_seconds, raise_file_limit
from bench.results import Result, Row, Target
from bench.server import Daemon
from chatd.wire.messages import FromServer, Hello, Send

PER_ROOM = 100
MISSED = 10
TIME = Target(2.0, least=False)
CPU = Target(5.0, least=False)


def run(scale: Scale) -> Result:
    """Measure, after SIGKILL and after SIGTERM, from the daemon's listening to the last one's last event."""
    raise_file_limit()
    result = Result("resume")
    few, many = scale.size(1000, 20), scale.size(10_000, 40)
    _measure(result, scale, few, [signal.SIGKILL, signal.SIGTERM], time_target=TIME)
    _measure(result, scale, many, [signal.SIGKILL], cpu_target=CPU)
    return result


def _measure(
    result: Result,
    scale: Scale,
    count: int,
    numbers: Sequence[signal.Signals],
    *,
    time_target: Target | None = None,
    cpu_target: Target | None = None,
) -> None:
    daemon = Daemon(scale.folder)
    try:
        clients = enter(daemon, [f"#bench{number // PER_ROOM}" for number in range(count)])
        heads = _fill(clients)
        taken: dict[signal.Signals, list[tuple[float, float]]] = {number: [] for number in numbers}
        for _ in range(scale.rounds):
            for number, values in taken.items():
                daemon.end(number)
                values.append(_resume(daemon, clients, heads))
    finally:
        daemon.stop()
    for number, values in taken.items():
        times, cpu = zip(*values, strict=True)
        what = f"{count} clients resumed after {number.name}, {MISSED} messages missed each"
        result.rows.append(Row(what, "chatd", "s", times, time_target))
        result.rows.append(Row(what, "chatd", "s CPU", cpu, cpu_target))
    for client in clients:
        client.link.close()


def _fill(clients: list[Client]) -> dict[str, int]:
    """Send `MISSED` messages to each room; return the rooms' heads."""
    senders = list({client.room: client for client in clients}.values())
    heads: dict[str, int] = {}

    def acked(client: Client, message: FromServer) -> bool:
        if is_ok(client, message):
            heads[client.room] = max(heads.get(client.room, 0), getattr(message, "seq", None) or 0)
        return is_ok(client, message)

    for number in range(1, MISSED + 1):
        for client in senders:
            client.say(Send(id=number + 1, n=number, room=client.room, text=f"message {number}"))
        listen(senders, acked)
    return heads


def _resume(daemon: Daemon, clients: list[Client], heads: dict[str, int]) -> tuple[float, float]:
    begin = daemon.start()
    cpu = cpu_seconds(daemon.pid)
    for client in clients:
        client.reconnect(daemon.port)
        client.cursor = heads[client.room] - MISSED
        hello = Hello(
            software="bench", token=client.token, heartbeat=CALM, cursors={client.room: client.cursor}
        )
        client.say(hello)
    listen(clients, lambda client, _: client.cursor == heads[client.room])
    taken = time.monotonic() - begin
    for client in clients:
        if client.cursor != heads[client.room]:
            raise BenchError(f"client {client.number} is at {client.cursor}, not {heads[client.room]}")
    return taken, cpu_seconds(daemon.pid) - cpu
