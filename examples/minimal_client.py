"""A chat client from docs/PROTOCOL.md alone; without TLS, so for a server on the same machine."""

import argparse
import json
import os
import random
import select
import socket
import sys
import time
from pathlib import Path
from typing import Any

MESSAGE, PING, PONG = b"\x01", b"\x03", b"\x04"  # types of frames
MAX_FRAME, MAX_QUEUE, PIECE, PATIENCE, LONGEST_WAIT = 65536, 100, 4000, 10, 30  # the last two are seconds
TRANSIENT = {"storage-unavailable", "out-of-order"}
FINAL = {"nick-taken", "bad-nick", "unknown-session", "version-unsupported", "bad-message", "taken-over"}
UNJOINABLE = {"bad-room", "no-such-user", "too-many-rooms"}


class Client:
    """One session: ``state`` is kept in a file, all else is of one run or of one connection."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.file = options, Path(options.state or f"{options.nick}.json")
        self.state: dict[str, Any] = {"token": "", "last": 0, "cursors": {}, "queue": []}
        self.state |= json.loads(self.file.read_text()) if self.file.exists() else {}
        self.queue, self.cursors = self.state["queue"], self.state["cursors"]
        self.typed, self.input_ended, self.refused, self.claims = b"", False, False, 0

    def converse(self) -> bool:
        """Stay connected until all input is answered and shown; tell whether some was refused."""
        with socket.create_connection(self.options.address.rsplit(":", 1), PATIENCE) as self.socket:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.buffer, self.waiting, self.requests, self.heads, unseen = b"", True, 0, {}, True
            self.interval, self.limit, self.heard = PATIENCE, PATIENCE, time.monotonic()
            self.claims += not self.state["token"]
            ours = {"nick": self.options.nick, "token": self.state["token"], "cursors": self.cursors}
            self.write({"t": "hello", **ours, "heartbeat": {"interval": 1, "misses": 3}})
            while self.waiting or self.queue or unseen or not self.input_ended:
                sources = [self.socket, *([] if self.input_ended or len(self.queue) > MAX_QUEUE else [0])]
                for source in select.select(sources, [], [], self.interval / 4)[0]:
                    self.read_server() if source is self.socket else self.read_input()
                    self.save()
                if self.queue and not self.waiting:
                    self.waiting, self.requests, (room, text) = True, self.requests + 1, self.queue[0]
                    numbers = {"id": self.requests, "n": self.state["last"] + 1}
                    self.write({"t": "send", **numbers, "room": room, "text": text})
                if time.monotonic() - self.heard > self.limit:
                    raise TimeoutError("the server is silent")
                if time.monotonic() - self.wrote > self.interval:
                    self.write(PING)
                unseen = any(self.cursors.get(room, head) < head for room, head in self.heads.items())
            self.write({"t": "goodbye"})
            return self.refused

    def read_input(self) -> None:
        """Queue the lines that came on standard input, a long one in pieces."""
        data = os.read(0, MAX_FRAME)
        self.input_ended = not data
        *lines, self.typed = (self.typed + (data or b"\n")).split(b"\n")
        for text in (line.decode(errors="replace").rstrip("\r") for line in lines):
            self.queue += [(self.options.room, text[at : at + PIECE]) for at in range(0, len(text), PIECE)]

    def read_server(self) -> None:
        """Act on the frames that are complete."""
        data = self.socket.recv(MAX_FRAME)
        self.heard, self.buffer = time.monotonic(), self.buffer + data
        while (end := 4 + int.from_bytes(self.buffer[:4], "big")) <= len(self.buffer):
            frame, self.buffer = self.buffer[4:end], self.buffer[end:]
            if frame.startswith(PING):
                self.write(PONG + frame[1:])
            elif frame.startswith(MESSAGE):
                self.hear(json.loads(frame[1:]))
        if not data or end > 4 + MAX_FRAME:
            raise ConnectionError("the connection ended")

    def write(self, frame: bytes | dict[str, Any]) -> None:
        """Write a message or another frame, for which one send at a time leaves room in the socket."""
        body = MESSAGE + json.dumps(frame).encode() if isinstance(frame, dict) else frame
        self.socket.sendall(len(body).to_bytes(4, "big") + body)
        self.wrote = time.monotonic()

    def save(self) -> None:
        """Replace the file by one that only its owner can read."""
        new, flags = self.file.with_suffix(".new"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_SYNC
        with os.fdopen(os.open(new, flags, 0o600), "w") as file:
            json.dump(self.state, file)
        new.replace(self.file)

    def hear(self, message: dict[str, Any]) -> None:  # noqa: C901, PLR0912 - a case for each kind
        """Act on a message; unknown kinds are passed over."""
        for room in message.get("rooms", []):  # of a welcome or a rooms
            self.cursors[room["room"]], self.heads[room["room"]] = room["cursor"], room["head"]
        match message:
            case {"t": "welcome", "last": last, "heartbeat": {"interval": interval, "misses": misses}}:
                del self.queue[: max(0, last - self.state["last"])]
                self.state |= {"last": last, "token": message.get("token") or self.state["token"]}
                self.interval, self.limit = interval, interval * misses
                self.save()  # before anything is written
                self.write({"t": "join", "id": 0, "room": self.options.room})
            case {"t": "event" | "gap", "room": room} if room in self.cursors:
                first = message.get("first", message.get("seq"))
                if first > self.cursors[room] + 1:
                    raise ConnectionError("the server left events out")
                if first == self.cursors[room] + 1:
                    self.cursors[room] = message.get("last", first)
                    if message["t"] == "gap":
                        print(f"Events {first}-{message['last']} of {room} are not kept.", file=sys.stderr)
                    elif message["kind"] == "message":
                        print(json.dumps({k: message[k] for k in ("room", "seq", "by", "text")}), flush=True)
            case {"t": "ok", "id": answered}:
                self.waiting = False
                if answered:  # a send, not the join
                    self.heads[message.get("room") or self.queue[0][0]] = message.get("seq") or 0
                    self.state["last"] += 1
                    del self.queue[0]
            case {"t": "error", "id": int(answered), "code": code} if answered and code not in TRANSIENT:
                self.waiting, self.refused = False, True
                print(f"Not sent: {self.queue.pop(0)[1]!r}. {message['text']}", file=sys.stderr)
            case {"t": "error" | "goodbye"}:
                self.save()
                code, text = message.get("code", message.get("reason")), message.get("text", "")
                if code == "unknown-session" and not self.state["last"]:
                    self.state["token"] = ""
                elif code == "cursor-beyond-head":
                    self.cursors.clear()
                elif code in FINAL | UNJOINABLE and (code != "nick-taken" or self.claims == 1):
                    sys.exit(text)
                self.retry_after = message.get("retry_after")
                raise ConnectionError(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("address", "nick", "room", "--state"):
        parser.add_argument(name)
    client, failures = Client(parser.parse_args()), 0
    while True:
        began, client.retry_after = time.monotonic(), None
        try:
            sys.exit(client.converse())
        except OSError as problem:
            failures = min(failures + 1, 10) if time.monotonic() - began < 2 * PATIENCE else 0
            wait = client.retry_after or random.uniform(0, min(LONGEST_WAIT, 0.25 * 2**failures))
            print(f"Not connected ({problem}); trying again in {wait:.1f} s.", file=sys.stderr)
            time.sleep(wait)
        except (ValueError, LookupError, TypeError) as problem:
            sys.exit(f"The state file, the address, or the server makes no sense: {problem!r}.")
