#!/usr/bin/env bash
# pydle: ends the negotiation of capabilities at the first line where a server lists them in several.
#
# Version    pydle 1.2.0, Python 3.11
# Behaviour  pydle asks for the list by `CAP LS 302`, by which a client says that it takes a list of several lines:
#            all but the last one have a `*` before the capabilities. pydle takes that `*` for the list: it knows no
#            capability of that name, wants nothing, and sends `CAP END`. What the last line names it asks for behind
#            that, and what the others name never. Where SASL is in one of them nobody is logged in.
# Seen       a server that offers multi-prefix and away-notify:
# Seen       in one line: CAP LS 302; CAP REQ :multi-prefix away-notify
# Seen       in two lines: CAP LS 302; CAP END; CAP REQ away-notify
# Source     the package's code: `on_raw_cap_ls` reads the first parameter behind `LS` alone. The capability negotiation
#            of IRCv3, "Multiline replies to CAP LS and CAP LIST", has the list begin behind the `*`.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'pydle==1.2.0'

cd "$work"
seen=$(timeout 60 venv/bin/python - <<'PY'
import asyncio

import pydle


async def listen(lines):
    """Return what pydle says of capabilities to a server that lists them in these lines."""
    said, over, gone = [], asyncio.Event(), asyncio.Event()

    async def serve(reader, writer):
        while line := (await reader.readline()).decode().strip():
            if line.startswith("CAP "):
                said.append(line)
            if line.startswith("CAP LS"):
                writer.write("".join(f":irc.example CAP * LS {one}\r\n" for one in lines).encode())
            if line.startswith("USER"):
                asyncio.get_running_loop().call_later(1, over.set)
        writer.close()
        gone.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = pydle.Client("ada")
    await client.connect("127.0.0.1", server.sockets[0].getsockname()[1], tls=False)
    await over.wait()
    await client.disconnect(expected=True)
    await gone.wait()
    server.close()
    return said


async def main():
    print("in one line:", "; ".join(await listen([":multi-prefix away-notify"])))
    print("in two lines:", "; ".join(await listen(["* :multi-prefix", ":away-notify"])))


asyncio.run(main())
PY
)
echo "$seen"
expected="in one line: CAP LS 302; CAP REQ :multi-prefix away-notify
in two lines: CAP LS 302; CAP END; CAP REQ away-notify"
[ "$seen" = "$expected" ] || { echo "The behaviour has changed." >&2; exit 1; }
