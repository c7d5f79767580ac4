"""Peers of a fan-out: each server behind the same few methods, so that another one is one class more."""

from itertools import pairwise
from typing import Protocol

from bench.clients import SETTLED, connect, enter
from bench.common import BenchError
from bench.load import Crowd, Sender
from bench.server import CLoop, Daemon, Server
from chatd.wire.frames import FrameDecoder
from chatd.wire.messages import Event, Send, decode_from_server, encode

TEXT_SIZE = 200
"""Bytes of text in one message."""

ROOM = "#bench"


class Peer(Protocol):
    """A server in whose one room a sender and readers meet."""

    @property
    def server(self) -> Server:
        """Return the server itself."""

    def gather(self, readers: int, window: int, *, keep: bool = False) -> tuple[Sender, Crowd]:
        """Return a sender and ``readers`` others, all in the room and quiet; see `Sender` and `Crowd`."""

    def numbers(self, data: bytes) -> list[int]:
        """Return the numbers of the messages that a reader received, in their order."""


class ChatdPeer:
    """Chatd: authenticated sessions, every message durable before anyone hears of it."""

    def __init__(self, server: Daemon) -> None:
        self.server = server

    def gather(self, readers: int, window: int, *, keep: bool = False) -> tuple[Sender, Crowd]:
        """Enter ``readers`` + 1 members; the last one sends."""
        *others, sender = enter(self.server.port, [ROOM] * (readers + 1))
        crowd = Crowd([other.link for other in others], b'{"t":"event"', keep=keep)
        crowd.hush(SETTLED)
        Crowd([sender.link], b"\0").hush(0)
        return Sender(sender.link, chatd_message, b'{"t":"ok"', window), crowd

    def numbers(self, data: bytes) -> list[int]:
        """Return ``n`` of every event; raise `BenchError` where the log has a hole or a text is wrong."""
        events = chatd_events(data)
        for before, event in pairwise(events):
            if event.seq != before.seq + 1:
                raise BenchError(f"event {event.seq} came behind {before.seq}")
        for event in events:
            if event.text != text(event.n):
                raise BenchError(f"event {event.seq} does not say what was sent as {event.n}")
        return [event.n for event in events]


class CLoopPeer:
    """The bare C loop, with frames of ``size`` bytes."""

    def __init__(self, server: CLoop, size: int) -> None:
        self.server = server
        self._size = size

    def gather(self, readers: int, window: int, *, keep: bool = False) -> tuple[Sender, Crowd]:
        """Connect ``readers`` + 1 members; what the sender hears of itself is the acknowledgement."""
        links = [connect(self.server.port, number) for number in range(readers + 1)]
        crowd = Crowd(links[1:], _MARK, keep=keep)
        crowd.hush()
        return Sender(links[0], self.message, _MARK, window), crowd

    def message(self, number: int) -> bytes:
        """Return frame ``number``."""
        body = _MARK + b"%d" % number
        return (self._size - 4).to_bytes(4, "big") + body.ljust(self._size - 4)

    def numbers(self, data: bytes) -> list[int]:
        """Return the number in every frame."""
        frames = [data[begin : begin + self._size] for begin in range(0, len(data), self._size)]
        return [int(frame[4 + len(_MARK) :]) for frame in frames]


_MARK = b"message "


def text(number: int) -> str:
    """Return the text of message ``number``."""
    return f"{number} ".ljust(TEXT_SIZE, "x")


def chatd_message(number: int) -> bytes:
    """Return the frame that sends message ``number``."""
    return encode(Send(id=number + 1, n=number, room=ROOM, text=text(number)))


def chatd_events(data: bytes) -> list[Event]:
    """Return the events in ``data``; there may be nothing else."""
    decoder = FrameDecoder()
    decoder.feed(data)
    events = []
    while (taken := decoder.take()) is not None:
        message = decode_from_server(taken[1])
        if not isinstance(message, Event):
            raise BenchError(f"a reader received {taken[1][:200]!r}")
        events.append(message)
    return events


def check(peer: Peer, sender: Sender, crowd: Crowd) -> None:
    """Raise `BenchError` unless every reader received every message once, in order, and the same bytes."""
    assert crowd.kept is not None
    witness, *others = crowd.kept.values()
    if any(other != witness for other in others):
        raise BenchError(f"readers of {peer.server.name} received different bytes")
    numbers = peer.numbers(bytes(witness))
    if numbers != list(range(1, sender.sent + 1)) or sender.acked != sender.sent:
        raise BenchError(
            f"{peer.server.name}: {sender.sent} sent, {sender.acked} acknowledged, {len(numbers)} received"
        )
