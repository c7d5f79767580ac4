"""A server that is none: it accepts, and says nothing (``silent``) or closes at once (``closing``).

    python -m tests.network.lab.impostor silent|closing PORT

It says ``accepted`` for every connection.
"""

import socket
import sys


def main(manner: str, port: str) -> None:
    """Accept connections until killed."""
    held = []
    with socket.create_server(("", int(port))) as listener:
        print("ready", flush=True)  # noqa: T201 - who started it waits for that
        while True:
            connection, _ = listener.accept()
            print("accepted", flush=True)  # noqa: T201 - these are counted
            if manner == "closing":
                connection.close()
            else:
                held.append(connection)


if __name__ == "__main__":
    main(*sys.argv[1:])
