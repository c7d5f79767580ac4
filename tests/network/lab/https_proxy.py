"""A proxy that speaks HTTP CONNECT over TLS, as company networks have them.

python -m tests.network.lab.https_proxy PORT CHAIN KEY
"""

import socket
import ssl
import sys
import threading
from contextlib import suppress


def serve(client: socket.socket, context: ssl.SSLContext) -> None:
    """Open one tunnel, and carry what comes through it."""
    with suppress(OSError), context.wrap_socket(client, server_side=True) as inside:
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += inside.recv(4096)
        host, port = asked.split()[1].decode().rsplit(":", 1)
        with socket.create_connection((host, int(port))) as outside:
            inside.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=carry, args=(outside, inside), daemon=True).start()
            carry(inside, outside)


def carry(source: socket.socket, target: socket.socket) -> None:
    """Carry bytes until one side ends."""
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def main(port: str, chain: str, key: str) -> None:
    """Serve until killed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    with socket.create_server(("", int(port))) as listener:
        print("ready", flush=True)  # noqa: T201 - who started it waits for that
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, context), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
