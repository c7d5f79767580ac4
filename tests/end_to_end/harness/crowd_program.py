"""The program of a `tests.end_to_end.harness.crowd.Crowd`."""

import json
import sys
import time
from typing import Any

from twisted.internet import stdio
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import LoopingCall, deferLater
from twisted.python.failure import Failure

from chatd.client.api import Client, open_client
from chatd.client.core.address import parse_address
from chatd.client.core.notices import CannotConnect, EventSeen, Lost
from chatd.client.values import Options

ROOM = "#crowd"

LONG = 0.2
"""Seconds without an event from which on a silence is told."""

TICK = 0.02


class Reader:
    """A client that listens: the texts that it has heard, the silences between, what befell its links."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.heard: list[str] = []
        self.silences: list[float] = []
        self.lost = self.refused = 0
        self._last = 0.0
        client.subscribe(self._take)

    def _take(self, notice: object) -> None:
        self.lost += isinstance(notice, Lost)
        self.refused += isinstance(notice, CannotConnect) and "refused" in notice.reason
        if isinstance(notice, EventSeen) and notice.event.kind == "message":
            now = time.monotonic()
            if self._last and now - self._last > LONG:
                self.silences.append(round(now - self._last, 3))
            self._last = now
            self.heard.append(notice.event.text)


class Input(Protocol):
    """Tells when the standard input ends."""

    def __init__(self) -> None:
        self.ended: Deferred[None] = Deferred()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell it."""
        del reason
        self.ended.callback(None)


async def run(reactor: Any, port: int, count: int, rate: float) -> dict[str, object]:
    """Talk until the standard input ends; return what became of it once everybody has heard everything."""

    def client(nick: str) -> Client:
        server = parse_address(f"tcp://127.0.0.1:{port}")
        made = open_client(reactor, Options(server=server, nick=nick, profile=None))
        made.start()
        return made

    readers = [Reader(client(f"reader{number}")) for number in range(count)]
    sender = client("sender")
    everybody = [*(reader.client for reader in readers), sender]
    await gatherResults([one.ready() for one in everybody])
    await gatherResults([one.join(ROOM) for one in everybody])
    begin = time.monotonic()
    sent: list[Deferred[Any]] = []

    def talk() -> None:
        while len(sent) < (time.monotonic() - begin) * rate:
            sent.append(sender.send(ROOM, str(len(sent))))

    talking = LoopingCall(talk)
    talking.start(TICK)
    while not all(reader.heard for reader in readers):
        await deferLater(reactor, TICK)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    end = Input()
    stdio.StandardIO(end)
    await end.ended
    talking.stop()
    await gatherResults(sent)
    while any(len(reader.heard) < len(sent) for reader in readers):
        await deferLater(reactor, TICK)
    return {
        "readers": [reader.heard for reader in readers],
        "acknowledged": len(sent),
        "silences": [reader.silences for reader in readers],
        "lost": sum(reader.lost for reader in readers),
        "refused": sum(reader.refused for reader in readers),
    }


def main() -> None:
    """Be the crowd."""
    from twisted.internet import reactor  # noqa: PLC0415 - not where a test imports this

    loop: Any = reactor

    def begin() -> None:
        running = Deferred.fromCoroutine(run(loop, int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
        running.addCallbacks(lambda outcome: sys.stdout.write(json.dumps(outcome)), Failure.printTraceback)
        running.addBoth(lambda _: loop.stop())

    loop.callWhenRunning(begin)
    loop.run()


if __name__ == "__main__":
    main()
