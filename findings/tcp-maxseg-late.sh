#!/usr/bin/env bash
# Linux: TCP_MAXSEG on an open connection is taken without an error and bounds nothing.
#
# Version    Linux 6.18 (Python's socket module only hands the option on)
# Behaviour  Before connect() the option bounds the segments of both directions: what we announce binds the peer, and
#            Linux bounds by it what it sends itself. Set on a listening socket it does the same for each connection
#            that is accepted. After the handshake setsockopt() succeeds, getsockopt() goes on telling the old size,
#            and the segments stay as large as they were. A program that notices that large packets are swallowed on
#            the way cannot help the connection that it has: it needs a new one.
# Seen       before connect(): told 488, 20000 bytes in 41 segments there, 41 back
# Seen       on the listening socket: told 488, 20000 bytes in 41 segments there, 41 back
# Seen       after connect(): told as before, 20000 bytes in 1 segments there, 1 back
# Source     tcp(7) of the Linux manual: "The maximum segment size for outgoing TCP packets. [...] if this option is
#            set before connection establishment, it also changes the MSS value announced": "also" reads as if it
#            bounded outgoing packets at any time. The kernel's code keeps the value in user_mss, which is looked at
#            when segments are negotiated (tcp_parse_options, tcp_mss_clamp) and not afterwards.
set -euo pipefail

[ "$(uname -s)" = Linux ] || { echo "not Linux: not here"; exit 77; }
uname -sr | cut -d. -f1,2

seen=$(timeout 60 python3 - <<'PY'
import socket
import struct

SIZE = 20_000
SENT = struct.Struct("@I"), 156  # tcpi_data_segs_out of struct tcp_info


def segments(end):
    form, offset = SENT
    return form.unpack_from(end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232), offset)[0]


def carry(sender, receiver):
    sender.sendall(bytes(SIZE))
    left = SIZE
    while left:
        left -= len(receiver.recv(left))


def told(end):
    return end.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)


def bound(end):
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 500)


def tried(when):
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as client:
        if when == "on the listening socket":
            bound(listening)
        if when == "before connect()":
            bound(client)
        client.connect(listening.getsockname())
        server, _ = listening.accept()
        with server:
            before = told(client)
            if when == "after connect()":
                bound(client)
            words = "as before" if when == "after connect()" and told(client) == before else told(client)
            carry(client, server)
            carry(server, client)
            there, back = segments(client), segments(server)
            return f"told {words}, {SIZE} bytes in {there} segments there, {back} back"


for when in ("before connect()", "on the listening socket", "after connect()"):
    print(f"{when}: {tried(when)}")
PY
)
echo "$seen"
expected="before connect(): told 488, 20000 bytes in 41 segments there, 41 back
on the listening socket: told 488, 20000 bytes in 41 segments there, 41 back
after connect(): told as before, 20000 bytes in 1 segments there, 1 back"
[ "$seen" = "$expected" ] || { echo "The behaviour has changed." >&2; exit 1; }
