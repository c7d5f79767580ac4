"""A client that says the time and carries files over one connection, and tells how late others' times come.

    python -m tests.network.lab.carrier SERVER NICK ROOM RATE

It says the time RATE times a second. It prints ``late SECONDS`` for each time that somebody else said, and
does what its standard input says: ``put PATH``, ``get SEQ PATH``. It prints ``posted SEQ``, and a few times a
second while a file is under way ``moved BYTES``. All are on one machine, so their clock is the same.
"""

import sys
import threading
import time
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from chatd.client.api import Client, open_client
from chatd.client.core.address import parse_address
from chatd.client.core.notices import EventSeen, Notice
from chatd.client.values import Options

_LOOK = 0.25


def tell(words: str) -> None:
    """Print ``words`` at once."""
    print(words, flush=True)  # noqa: T201 - who started it reads that


class Carrier:
    """What is said, heard and moved."""

    def __init__(self, client: Client, room: str) -> None:
        self._client = client
        self._room = room
        client.subscribe(self._heard)

    def say(self) -> None:
        """Say the time."""
        self._client.send(self._room, str(time.monotonic())).addErrback(lambda _: None)

    def _heard(self, notice: Notice) -> None:
        if not isinstance(notice, EventSeen):
            return
        event = notice.event
        if event.kind == "message" and event.by != self._client.nickname:
            tell(f"late {time.monotonic() - float(event.text)}")
        elif event.kind == "file" and event.by == self._client.nickname:
            tell(f"posted {event.seq}")

    def look(self) -> None:
        """Tell how far the files are."""
        for transfer in self._client.files.transfers():
            tell(f"moved {transfer.done if transfer.stage in {'sending', 'receiving'} else 0}")

    def do(self, line: str) -> None:
        """Do what a line of the input says."""
        manner, *words = line.split()
        moving: Deferred[object]
        if manner == "put":
            moving = self._client.files.put(self._room, Path(words[0]), "")
        else:
            moving = self._client.files.get(self._room, int(words[0]), "", words[1])
        moving.addCallbacks(lambda _: tell("over"), lambda failure: tell(f"failed {failure.value}"))


def main(server: str, nick: str, room: str, rate: str) -> None:
    """Run until killed."""
    from twisted.internet import reactor  # noqa: PLC0415 - not where a process that forks imports this

    options = Options(server=parse_address(server), nick=nick, profile=None, rooms=(room,))
    client = open_client(reactor, options)
    carrier = Carrier(client, room)

    def listen() -> None:
        for line in sys.stdin:
            reactor.callFromThread(carrier.do, line)

    def begin(_: None) -> None:
        tell("ready")
        LoopingCall(carrier.say).start(1 / float(rate))
        LoopingCall(carrier.look).start(_LOOK)
        threading.Thread(target=listen, daemon=True).start()

    client.start()
    client.ready().addCallback(begin)
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
