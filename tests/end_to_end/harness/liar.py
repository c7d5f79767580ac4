"""A server made from docs/PROTOCOL.md alone, that welcomes a client and then lies about files."""

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any, Self

from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE
from tests.end_to_end.harness.stranger import MESSAGE, PING, PONG, frame

Fields = dict[str, Any]
LIMITS = {
    "frame": 65536,
    "text": 16384,
    "name": 32,
    "rooms": 200,
    "unanswered": 256,
    "file": 1 << 40,
    "window": 1 << 20,
    "transfers": 4,
}


def said(t: str, **fields: Any) -> bytes:
    """Return one message's frame."""
    return frame(MESSAGE, json.dumps({"t": t, **fields}).encode())


Lies = dict[str, Callable[[Fields], bytes]]
"""What is answered to a message, by its kind."""


class Liar:
    """Serves one client after the other on a port of its own; ``lies`` answer instead of the truth.

    ``limits`` replace those of its welcome. ``asked`` are the messages that it was sent, ``calls`` how often
    it was called. It listens at ``host`` and ``port``, and says that it is ``server``.
    """

    def __init__(
        self,
        lies: Lies,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        server: str = "bf429792882b0c8e",
        **limits: int,
    ) -> None:
        self._lies = lies
        self._limits = {**LIMITS, **limits}
        self._server = server
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family)
        self.port = self._listener.getsockname()[1]
        self.asked: list[Fields] = []
        self.calls = 0
        self._link: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        link = self._link
        if link is not None:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)

    def was_asked(self, manner: str) -> bool:
        """Return whether somebody wanted to ``put`` or to ``get`` a file."""
        kind = {"put": "upload", "get": "download"}[manner]
        return any(message["t"] == kind for message in list(self.asked))

    def tokens(self) -> list[str]:
        """Return the secrets that it was shown, "" for a hello without one."""
        return [message.get("token", "") for message in list(self.asked) if message["t"] == "hello"]

    def _serve(self) -> None:
        while True:
            try:
                self._link, _ = self._listener.accept()
            except OSError:
                return
            self.calls += 1
            with self._link:
                try:
                    self._talk(self._link)
                except OSError:
                    continue

    def _talk(self, link: socket.socket) -> None:
        buffer = b""
        while data := link.recv(1 << 20):
            buffer += data
            while len(buffer) >= 5:
                size, kind = struct.unpack_from(">IB", buffer)
                if len(buffer) < 4 + size:
                    break
                payload, buffer = buffer[5 : 4 + size], buffer[4 + size :]
                if kind == PING:
                    link.sendall(frame(PONG, payload))
                elif kind == MESSAGE:
                    message = json.loads(payload)
                    link.sendall(self._answer(message))
                    if message["t"] == "goodbye":
                        return

    def _answer(self, message: Fields) -> bytes:
        self.asked.append(message)
        answer = self._lies.get(message["t"], self._truth)
        return answer(message)

    def _truth(self, message: Fields) -> bytes:
        kind, number, room = message["t"], message.get("id"), message.get("room")
        if kind == "hello":
            return self._welcome()
        if kind == "join":
            state = {"room": room, "head": 1, "cursor": 0}
            return said("rooms", rooms=[state]) + said("ok", id=number, seq=1, room=room)
        if kind == "goodbye":
            return said("goodbye")
        if kind == "send":
            return said("ok", id=number, seq=2, ts=1795245079597)
        return b"" if number is None else said("ok", id=number)

    def _welcome(self) -> bytes:
        return said(
            "welcome",
            version=1,
            software="liar/1",
            server=self._server,
            session=1,
            nick="ann",
            last=0,
            now=1795245078196,
            heartbeat={"interval": 5.0, "misses": 6},
            limits=self._limits,
            rooms=[],
            token="x" * 43,
        ) + frame(PING, b"1")
