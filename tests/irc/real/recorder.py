"""A recorder: stands before a daemon with its certificate, and prints the lines that clients say.

python -m tests.irc.real.recorder CERTIFICATE KEY PORT DAEMON-PORT
"""

import asyncio
import ssl
import sys
from contextlib import suppress


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter, *, shown: bool) -> None:
    with suppress(OSError):
        while line := await source.readline():
            if shown:
                print(line.decode(errors="replace").rstrip(), flush=True)  # noqa: T201 - what is recorded
            target.write(line)
            await target.drain()
    target.close()


async def main(certificate: str, key: str, port: str, daemon: str) -> None:
    """Carry lines until killed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to = await asyncio.open_connection("127.0.0.1", int(daemon))
        await asyncio.gather(_carry(reader, to, shown=True), _carry(there, writer, shown=False))

    async with await asyncio.start_server(come, "0.0.0.0", int(port), ssl=context) as server:
        print("ready", flush=True)  # noqa: T201 - who started it waits for that
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
