"""Chatd as a peer: authenticated sessions, every message durable before anyone hears of it."""

from bench.clients import SETTLED, enter
from bench.common import BenchError
from bench.peers import TEXT_SIZE, Links, text
from bench.server import Daemon
from chatd.wire.frames import FrameDecoder, FrameType
from chatd.wire.messages import Event, Presence, Send
from chatd.wire.native import decode_from_server, encode

ROOM = "#bench"


class ChatdPeer:
    """Room ``room`` of a daemon, with texts of ``size`` bytes."""

    mark = b'{"t":"event"'
    ack = b'{"t":"ok"'
    quiet = SETTLED

    def __init__(self, server: Daemon, room: str = ROOM, size: int = TEXT_SIZE) -> None:
        self.server = server
        self.room = room
        self._size = size

    def gather(self, readers: int, senders: int) -> Links:
        """Enter that many members."""
        links = [client.link for client in enter(self.server, [self.room] * (readers + senders))]
        return Links(links[readers:], links[:readers])

    def message(self, number: int) -> bytes:
        """Return the frame that sends message ``number``."""
        return chatd_message(number, self.room, self._size)

    def numbers(self, data: bytes) -> list[int]:
        """Return ``n`` of every event; raise `BenchError` where the log has a hole or a text is wrong."""
        events = dense_events(data)
        for event in events:
            if event.text != text(event.n, self._size):
                raise BenchError(f"event {event.seq} does not say what was sent as {event.n}")
        return [event.n for event in events]


def chatd_message(number: int, room: str = ROOM, size: int = TEXT_SIZE) -> bytes:
    """Return the frame that sends message ``number`` to ``room``."""
    return encode(Send(id=number + 1, n=number, room=room, text=text(number, size)))


def dense_events(data: bytes) -> list[Event]:
    """Return the events in ``data``; raise `BenchError` for a hole in a log or for an answer.

    Presence is told when there is time: on a busy machine later than when a crowd is taken to be quiet.
    """
    decoder = FrameDecoder()
    decoder.feed(data)
    events: list[Event] = []
    last: dict[str, int] = {}
    while (taken := decoder.take()) is not None:
        if taken[0] is not FrameType.MESSAGE:
            continue
        event = decode_from_server(taken[1])
        if isinstance(event, Presence):
            continue
        if not isinstance(event, Event):
            raise BenchError(f"a reader received {taken[1][:200]!r}")
        if event.seq != last.get(event.room, event.seq - 1) + 1:
            raise BenchError(f"event {event.seq} of {event.room} came behind {last[event.room]}")
        last[event.room] = event.seq
        events.append(event)
    return events
