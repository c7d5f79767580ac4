"""Mosquitto as a peer: MQTT 3.1.1 of quality 0; the sender goes by what the first reader has received."""

from bench.clients import connect
from bench.peers import TEXT_SIZE, Links, await_bytes, numbers_behind, text
from bench.server import Program

COMMAND = ["-c", "@CONFIG@"]
_TOPIC = b"\0\5bench"
_CONNECT, _SUBSCRIBE, _PUBLISH = 0x10, 0x82, 0x30
_CONNACK, _SUBACK = b"\x20\2\0\0", b"\x90\3\0\1\0"


class MqttPeer:
    """A topic of an MQTT broker."""

    mark = _TOPIC
    ack = None
    quiet = 0.3

    def __init__(self, server: Program) -> None:
        self.server = server

    def gather(self, readers: int, senders: int) -> Links:
        """Connect that many; only the readers subscribe."""
        links = [connect(self.server.port, number) for number in range(readers + senders)]
        for number, link in enumerate(links):
            name = b"b%d" % number
            link.sendall(_packet(_CONNECT, b"\0\4MQTT\4\2\0\0" + len(name).to_bytes(2, "big") + name))
        await_bytes(links, _CONNACK)
        for link in links[:readers]:
            link.sendall(_packet(_SUBSCRIBE, b"\0\1" + _TOPIC + b"\0"))
        await_bytes(links[:readers], _SUBACK)
        return Links(links[readers:], links[:readers])

    def message(self, number: int) -> bytes:
        """Return the packet that publishes message ``number``."""
        return _packet(_PUBLISH, _TOPIC + text(number, TEXT_SIZE).encode())

    def numbers(self, data: bytes) -> list[int]:
        """Return the number in every packet."""
        return numbers_behind(self.mark, data)


def _packet(kind: int, body: bytes) -> bytes:
    """Return a control packet; its length takes one or two bytes here (MQTT 3.1.1 section 2.2.3)."""
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([size % 128 | 128, size // 128])
    return bytes([kind]) + length + body
