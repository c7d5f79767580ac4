"""Resume: a thousand clients whose daemon dies and comes back, each missing ten messages."""

import signal
import time

from bench.clients import CALM, Client, enter, is_ok, listen
from bench.common import BenchError, Scale
from bench.process import cpu_seconds, raise_file_limit
from bench.results import Result, Row, Target
from bench.server import Daemon
from chatd.wire.messages import FromServer, Hello, Send

PER_ROOM = 100
MISSED = 10
TIME = Target(2.0, least=False)


def run(scale: Scale) -> Result:
    """Measure, after SIGKILL and after SIGTERM, from the daemon's listening to the last one's last event."""
    raise_file_limit()
    count = scale.size(1000, 20)
    result = Result("resume")
    daemon = Daemon(scale.folder)
    try:
        clients = enter(daemon.port, [f"#bench{number // PER_ROOM}" for number in range(count)])
        heads = _fill(clients)
        taken: dict[signal.Signals, list[tuple[float, float]]] = {signal.SIGKILL: [], signal.SIGTERM: []}
        for _ in range(scale.rounds):
            for number, values in taken.items():
                daemon.end(number)
                values.append(_resume(daemon, clients, heads))
    finally:
        daemon.stop()
    for number, values in taken.items():
        times, cpu = zip(*values, strict=True)
        what = f"{count} clients resumed after {number.name}, {MISSED} messages missed each"
        result.rows.append(Row(what, "chatd", "s", times, TIME))
        result.rows.append(Row(what, "chatd", "s CPU", cpu))
    return result


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
