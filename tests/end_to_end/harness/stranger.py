"""A client made from docs/PROTOCOL.md alone: a socket, struct and json, nothing of chatd's. So it can lie."""

import hashlib
import json
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from tests.end_to_end.harness.peer import Peer, dial
from tests.end_to_end.harness.processes import PATIENCE

MESSAGE, CHUNK, PING, PONG = 1, 2, 3, 4
LARGEST_CHUNK = 65_523
WINDOW = 1 << 20

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file."""

    transfer: int
    offset: int
    data: bytes


def frame(kind: int, payload: bytes) -> bytes:
    """Return one frame."""
    return struct.pack(">IB", len(payload) + 1, kind) + payload


def chunk(transfer: int, offset: int, data: bytes) -> bytes:
    """Return one chunk frame."""
    return frame(CHUNK, struct.pack(">IQ", transfer, offset) + data)


def digest(data: bytes) -> str:
    """Return the name of these bytes."""
    return hashlib.sha256(data).hexdigest()


def about(data: bytes, name: str = "some.bin", **lies: Any) -> Fields:
    """Return the ``file`` of a send; ``lies`` replace what is true."""
    return {"name": name, "size": len(data), "sha256": digest(data), **lies}


class Stranger(Peer[Fields | Chunk]):
    """One connection. Pings are answered while it listens."""

    def __init__(self, port: int, patience: float = PATIENCE, receive_buffer: int = 0) -> None:
        super().__init__(dial(port, patience, receive_buffer), patience)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.nick = self.token = ""
        self.last = 0
        self._buffer = bytearray()
        self._transfers = 0

    # ---- saying -------------------------------------------------------------------------------------

    def say(self, t: str, **fields: Any) -> None:
        """Send one message."""
        self.write(frame(MESSAGE, json.dumps({"t": t, **fields}).encode()))

    def next_transfer(self) -> int:
        """Return a number that no transfer of this connection has had."""
        self._transfers += 1
        return self._transfers

    # ---- hearing ------------------------------------------------------------------------------------

    def _take_in(self, data: bytes) -> None:
        self._buffer += data
        for kind, payload in self._frames():
            self._take(kind, payload)

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        begin, view = 0, bytes(self._buffer)
        while len(view) - begin >= 5:
            size, kind = struct.unpack_from(">IB", view, begin)
            if len(view) - begin < 4 + size:
                break
            yield kind, view[begin + 5 : begin + 4 + size]
            begin += 4 + size
        del self._buffer[:begin]

    def _take(self, kind: int, payload: bytes) -> None:
        if kind == PING:
            self.write(frame(PONG, payload))
        elif kind == CHUNK:
            transfer, offset = struct.unpack_from(">IQ", payload)
            self._heard.append(Chunk(transfer, offset, payload[12:]))
        elif kind == MESSAGE:
            self._heard.append(json.loads(payload))

    def await_(self, t: str, **where: Any) -> Fields:
        """Return the next message of kind ``t`` with these fields, and drop what comes before it."""
        while (heard := self.hear()) is not None:
            if isinstance(heard, dict) and {**heard, **where, "t": t} == heard:
                return heard
        raise AssertionError(f"the connection ended before a {t} with {where}")

    def ask(self, t: str, **fields: Any) -> Fields:
        """Send a request and return its answer, or the error that ends the connection; drop the rest."""
        number = self.next_id()
        self.say(t, id=number, **fields)
        return self.answer(number)

    def answer(self, number: int) -> Fields:
        """Return the answer to request ``number``, or the error that ends the connection."""
        while (heard := self.hear()) is not None:
            if (
                isinstance(heard, dict)
                and heard["t"] in {"ok", "error"}
                and heard.get("id") in {number, None}
            ):
                return heard
        raise AssertionError("the connection ended before the answer")

    def ending(self) -> str:
        """Return the code of the error that ends the connection, "" where it ends without one."""
        code = ""
        try:
            while (heard := self.hear()) is not None:
                if isinstance(heard, dict) and heard["t"] == "error" and "id" not in heard:
                    code = heard["code"]
        except ConnectionError:
            pass
        return code

    # ---- the usual things ---------------------------------------------------------------------------

    def enter(self, nick: str = "", **fields: Any) -> Fields:
        """Say hello and return the welcome, once the session is kept."""
        self.say("hello", nick=nick, **fields)
        welcome = self.await_("welcome")
        self.nick = welcome["nick"]
        self.token = welcome.get("token", self.token)
        self.last = welcome["last"]
        self.ask("list")  # the ping behind the welcome is answered by now
        return welcome

    def enter_room(self, nick: str, room: str = "#a") -> Self:
        """Come in and join; return itself."""
        self.enter(nick)
        assert self.ask("join", room=room)["t"] == "ok"
        return self

    def post(self, room: str = "#a", text: str = "", **fields: Any) -> Fields:
        """Send with the next number; return the answer."""
        answer = self.ask("send", n=self.last + 1, room=room, text=text, **fields)
        self.last += answer["t"] == "ok"
        return answer

    def offer(self, data: bytes, **lies: Any) -> tuple[int, Fields]:
        """Ask to upload ``data``; ``lies`` replace what is true. Return the transfer and the answer."""
        transfer = lies.pop("transfer", None) or self.next_transfer()
        true = {"transfer": transfer, "size": len(data), "sha256": digest(data)}
        return transfer, self.ask("upload", **{**true, **lies})

    def push(self, transfer: int, data: bytes, offset: int = 0, step: int = LARGEST_CHUNK) -> Fields:
        """Send ``data`` from ``offset`` on, within the window; return the progress or cancel at the end."""
        received, sent = offset, offset
        while True:
            while sent < min(len(data), received + WINDOW):
                end = min(len(data), sent + step, received + WINDOW)
                self.write(chunk(transfer, sent, data[sent:end]))
                sent = end
            said = self.said_of(transfer)
            if said["t"] == "cancel" or said["stored"] >= len(data):
                return said
            received = said["received"]

    def said_of(self, transfer: int) -> Fields:
        """Return the next progress or cancel of ``transfer``; drop the rest."""
        while (heard := self.hear()) is not None:
            if isinstance(heard, dict) and heard.get("transfer") == transfer:
                return heard
            assert not isinstance(heard, dict) or heard["t"] != "error", heard
        raise AssertionError("the connection ended before the transfer")

    def upload(self, data: bytes) -> None:
        """Upload ``data``, honestly; it is all there afterwards."""
        transfer, answer = self.offer(data)
        assert answer["t"] == "ok", answer
        if answer["offset"] < len(data):
            said = self.push(transfer, data, answer["offset"])
            assert said["t"] == "progress", said

    def put(self, data: bytes, name: str = "some.bin", room: str = "#a") -> int:
        """Upload and post ``data``; return the number of the event."""
        self.upload(data)
        answer = self.post(room, file=about(data, name))
        assert answer["t"] == "ok", answer
        return answer["seq"]

    def order(self, room: str = "#a", **fields: Any) -> tuple[int, Fields]:
        """Ask to download; return the transfer and the answer."""
        transfer = fields.pop("transfer", None) or self.next_transfer()
        return transfer, self.ask("download", transfer=transfer, room=room, **fields)

    def pull(self, transfer: int, size: int, offset: int = 0) -> bytes:
        """Take the chunks of ``transfer`` up to ``size``, and say so; they must follow one another."""
        data = bytearray()
        while offset + len(data) < size:
            piece = self.hear()
            assert piece is not None, "the connection ended within a file"
            if isinstance(piece, Chunk) and piece.transfer == transfer:
                assert piece.offset == offset + len(data)
                data += piece.data
                received = offset + len(data)
                self.say(
                    "progress", transfer=transfer, received=received, stored=received * (received == size)
                )
            elif isinstance(piece, dict):
                assert piece["t"] not in {"error", "cancel"}, piece
        return bytes(data)

    def get(self, room: str = "#a", offset: int = 0, **what: Any) -> bytes:
        """Download from ``offset`` on, honestly."""
        transfer, answer = self.order(room, offset=offset, **what)
        assert answer["t"] == "ok", answer
        return self.pull(transfer, answer["file"]["size"], offset)
