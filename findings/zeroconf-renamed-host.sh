#!/usr/bin/env bash
# zeroconf: a service that is renamed because its name is taken keeps the host name of the other one, with its own address.
#
# Version    zeroconf 0.154.0, ifaddr 0.2.0, Python 3.11
# Behaviour  `register_service(info, allow_name_change=True)` gives a service whose name is taken the next free one
#            ("Office-2"). Where the caller names no `server`, the host of the SRV record was made of the name before
#            that, and stays as it was: both services point to "Office._example._tcp.local.", and each machine
#            answers for that host with its own address. So whoever looks the first service up may be told the
#            address of the second one, with the port of the first.
# Seen       two machines that announce "Office", 10.0.0.1 port 1 and 10.0.0.2 port 2:
# Seen       Office: host Office._example._tcp.local., Office-2: host Office._example._tcp.local.
# Seen       a third one that looks both up is told 10.0.0.2 for both
# Source     the package's code: `async_register_service` sets a host that is missing from the name, and calls
#            `async_check_service`, which may change the name, behind that. RFC 6762, section 9, has the
#            addresses of a host name belong to one machine.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'zeroconf==0.154.0' 'ifaddr==0.2.0'

cd "$work"
seen=$(timeout 60 venv/bin/python - <<'PY'
import asyncio
import socket

from zeroconf import IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

KIND = "_example._tcp.local."


def machine():
    return AsyncZeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)


async def main():
    machines = [machine() for _ in range(3)]
    offices = []
    for number in (1, 2):
        address = socket.inet_aton(f"10.0.0.{number}")
        info = ServiceInfo(KIND, f"Office.{KIND}", addresses=[address], port=number)
        await (await machines[number - 1].async_register_service(info, allow_name_change=True))
        offices.append(info)
    for info in offices:
        print(f"{info.name.removesuffix('.' + KIND)}: host {info.server}")
    for info in offices:
        found = await machines[2].async_get_service_info(KIND, info.name, 5000)
        print(f"port {found.port} is at", "10.0.0.2" if "10.0.0.2" in found.parsed_addresses() else "10.0.0.1")
    for one in reversed(machines):
        await one.async_close()


asyncio.run(main())
PY
)
echo "$seen"
expected="Office: host Office._example._tcp.local.
Office-2: host Office._example._tcp.local.
port 1 is at 10.0.0.2
port 2 is at 10.0.0.2"
[ "$seen" = "$expected" ] || { echo "The behaviour has changed." >&2; exit 1; }
