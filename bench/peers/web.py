"""Chatd as a peer whose people come by WebSocket."""

import socket
from typing import Final

from bench.clients import CALM, connect
from bench.peers import Links, await_bytes, in_waves
from bench.peers.chatd import ChatdPeer
from bench.server import ProtocolDaemon
from chatd.wire.frames import HEAD_SIZE, FrameType, frame
from chatd.wire.messages import Hello, Join
from chatd.wire.objects import write
from chatd.wire.websocket import FINAL, TEXT
from chatd.wire.websocket_decoder import WebSocketDecoder

_HANDSHAKE: Final = (
    b"GET /ws HTTP/1.1\r\nHost: chat.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class WebDaemon(ProtocolDaemon):
    """A daemon with one more port, for WebSocket."""

    name = "chatd, WebSocket"
    protocol = "web"


class WebPeer(ChatdPeer):
    """A room of a daemon; everybody in it speaks WebSocket."""

    server: WebDaemon

    def gather(self, readers: int, senders: int) -> Links:
        """Enter that many members."""
        return in_waves(readers, senders, self._wave)

    def _wave(self, count: int) -> list[socket.socket]:
        numbers = [next(self.server.newcomers) for _ in range(count)]
        links = [connect(self.server.other, number) for number in numbers]
        for link, number in zip(links, numbers, strict=True):
            hello = Hello(software="bench", nick=f"bench{number}", heartbeat=CALM)
            link.sendall(_HANDSHAKE + framed(write(hello)) + framed(write(Join(id=1, room=self.room))))
        await_bytes(links, self.ack)
        return links

    def message(self, number: int) -> bytes:
        """Return the frame that sends message ``number``."""
        return framed(super().message(number)[HEAD_SIZE:])

    def numbers(self, data: bytes) -> list[int]:
        """Return ``n`` of every event, as `ChatdPeer.numbers` does."""
        decoder = WebSocketDecoder(masked=False)
        decoder.feed(data)
        native = bytearray()
        while (taken := decoder.take()) is not None:
            native += frame(FrameType.MESSAGE, taken[1])
        return super().numbers(bytes(native))


def framed(text: bytes) -> bytes:
    """Return the frame of a client that carries ``text``, with a mask that changes nothing."""
    size = len(text)
    head = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes((FINAL | TEXT,)) + head + bytes(4) + text
