"""A client of another make: a plain socket that sets no option, and JSON lines.

    python -m tests.network.lab.foreign STATE HOST PORT [tls] ROOM...       enters the rooms, and leaves
    python -m tests.network.lab.foreign STATE HOST PORT [tls] hear COUNT    comes back until it has seen all
    python -m tests.network.lab.foreign STATE HOST PORT [tls] say ROOM N    says a text of N bytes there

It pings every two seconds, and opens another connection when nothing came for five seconds. Token and cursors
are in the file STATE. The last thing that it prints is after how many seconds, and how many connections.
"""

import json
import socket
import ssl
import sys
import time
from pathlib import Path
from typing import Any, Final

INTERVAL: Final = 2.0
DEAD: Final = 5.0
PAUSE: Final = 0.5
_FEW: Final = 5


class Connection:
    """One connection; ``state`` holds what outlives it."""

    def __init__(self, state: dict[str, Any], host: str, port: int, tls: bool) -> None:
        self._state = state
        self._rest = b""
        self.ponged = False
        self.socket = socket.create_connection((host, port), timeout=DEAD)
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket, server_hostname=host)
        self.socket.settimeout(INTERVAL)
        if state.get("token"):
            cursors = state["cursors"]
            small = cursors if len(cursors) < _FEW else {}  # a large hello would be swallowed as well
            self.say(t="hello", token=state["token"], cursors=small)
        else:
            self.say(t="hello", nick=state["nick"])

    def say(self, **message: Any) -> None:
        """Say one message."""
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def hear(self) -> list[dict[str, Any]]:
        """Return what has come; raises `OSError` at the end of the connection and of all patience."""
        since = time.monotonic()
        while time.monotonic() - since < DEAD:
            try:
                data = self.socket.recv(65_536)
            except TimeoutError:
                self.say(t="ping")
                continue
            if not data:
                raise ConnectionError("closed")
            *lines, self._rest = (self._rest + data).split(b"\n")
            messages = [json.loads(line) for line in lines]
            for message in messages:
                self._note(message)
            return messages
        raise TimeoutError("silent")

    def _note(self, message: dict[str, Any]) -> None:
        cursors = self._state.setdefault("cursors", {})
        if message["t"] == "ping":
            self.say(t="pong", data=message.get("data", ""))
            self.ponged = True
        elif message["t"] == "welcome":
            self._state["token"] = message.get("token") or self._state["token"]
        elif message["t"] == "event":
            cursors[message["room"]] = message["seq"]
        for room in message.get("rooms", ()):
            cursors.setdefault(room["room"], room["cursor"])


def enter(connection: Connection, rooms: list[str]) -> None:
    """Enter ``rooms``, with a long topic in each; the session is kept once it was ponged."""
    waiting = set()
    for number, room in enumerate(rooms):
        connection.say(t="join", id=2 * number + 1, room=room)
        connection.say(t="topic", id=2 * number + 2, room=room, text="what is talked of here " * 4)
        waiting |= {2 * number + 1, 2 * number + 2}
    while waiting or not connection.ponged:
        waiting -= {message.get("id") for message in connection.hear() if message["t"] in ("ok", "error")}


def hear(state: dict[str, Any], count: int, where: tuple[str, int, bool]) -> None:
    """Come back until ``count`` messages were seen since the beginning."""
    began, connections, seen, welcomed = time.monotonic(), 0, 0, False
    while seen < count or not welcomed:
        connections += 1
        try:
            connection = Connection(state, *where)
            while seen < count or not welcomed:
                came = connection.hear()
                welcomed = welcomed or any(one["t"] == "welcome" for one in came)
                seen += sum(one["t"] == "event" and one["kind"] == "message" for one in came)
        except OSError as error:
            print(f"{time.monotonic() - began:.1f} {error}", flush=True)  # noqa: T201 - what is measured
            time.sleep(PAUSE)
    print(f"through {time.monotonic() - began:.2f} {connections}", flush=True)  # noqa: T201 - what is measured


def say(connection: Connection, room: str, size: int) -> None:
    """Say one text of ``size`` bytes in ``room``, which was entered before."""
    began = time.monotonic()
    connection.say(t="send", id=1, n=1, room=room, text="x" * size)
    while not any(message.get("id") == 1 for message in connection.hear()):
        pass
    print(f"through {time.monotonic() - began:.2f} 1", flush=True)  # noqa: T201 - what is measured


def main(file: str, host: str, port: str, *what: str) -> None:
    """Do one of the two."""
    tls = what[:1] == ("tls",)
    words = list(what[1:] if tls else what)
    path = Path(file)
    state: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"nick": path.stem}
    where = host, int(port), tls
    if words[0] == "hear":
        hear(state, int(words[1]), where)
    elif words[0] == "say":
        say(Connection(state, *where), words[1], int(words[2]))
    else:
        enter(Connection(state, *where), words)
    path.write_text(json.dumps(state))


if __name__ == "__main__":
    main(*sys.argv[1:])
