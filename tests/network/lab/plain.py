"""A plain socket on the same link, to compare with: lines with their time, and how late they come.

    python -m tests.network.lab.plain say PORT RATE
    python -m tests.network.lab.plain hear HOST PORT

The one says the time RATE times a second to everybody who connects; the other prints for each line it hears
how many seconds that took. Both are on one machine, so their clock is the same.
"""

import socket
import sys
import threading
import time


def say(port: str, rate: str) -> None:
    """Say the time until killed."""
    with socket.create_server(("", int(port))) as listener:
        print("ready", flush=True)  # noqa: T201 - who started it waits for that
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_say, args=(connection, 1 / float(rate)), daemon=True).start()


def _say(connection: socket.socket, pause: float) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        connection.sendall(f"{time.monotonic()}\n".encode())
        time.sleep(pause)


def hear(host: str, port: str) -> None:
    """Print how late each line is."""
    print("ready", flush=True)  # noqa: T201 - who started it waits for that
    with socket.create_connection((host, int(port))) as connection, connection.makefile() as lines:
        for line in lines:
            print(f"late {time.monotonic() - float(line)}", flush=True)  # noqa: T201 - the figures


if __name__ == "__main__":
    {"say": say, "hear": hear}[sys.argv[1]](*sys.argv[2:])
