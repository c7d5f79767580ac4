#!/usr/bin/env bash
# socksio: a reply of a SOCKS proxy is understood only if it comes in one piece and alone, or misunderstood.
#
# Version    socksio 1.0.0
# Behaviour  socksio calls itself a sans-I/O library like h11 and h2, which take bytes as TCP brings them. Its
#            receive_data() takes each call for one whole message. A reply in two segments is an error, and so is
#            one with the first bytes of the tunnel behind it (a server that speaks first, over a fast proxy). A
#            reply with a name has no size that it checks: cut, it opens the tunnel early, with the rest of the
#            reply as the first bytes of the server; with data behind it, that data is gone. And the byte that
#            holds the length of the name is told as part of the name.
# Seen       IPv4, whole: open at 127.0.0.1 port 7411
# Seen       IPv4, in two pieces: ProtocolError
# Seen       IPv4, with data behind it: ProtocolError
# Seen       name, whole: open at '\tlocalhost' port 7295
# Seen       name, its first 9 bytes: open at '\tlo' port 25441
# Seen       name, with data behind it: open at '\tlocalhost\x1c\x7fwelco' port 28005
# Source     RFC 1928, section 5: the first octet of a name is the number of octets that follow. socksio's README:
#            "sans-I/O"; its examples hand each recv() to receive_data(). Its code: SOCKS5Reply.loads() takes all
#            between the fourth byte and the last two for the address.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'socksio==1.0.0'

seen=$(timeout 60 "$work/venv/bin/python" - <<'PY'
from socksio import ProtocolError, socks5


def told(*pieces):
    """Return what becomes of a reply that comes in these pieces, after the usual beginning."""
    connection = socks5.SOCKS5Connection()
    connection.send(socks5.SOCKS5AuthMethodsRequest([socks5.SOCKS5AuthMethod.NO_AUTH_REQUIRED]))
    connection.receive_data(b"\x05\x00")
    target = ("chat.example", 7411)
    connection.send(socks5.SOCKS5CommandRequest.from_address(socks5.SOCKS5Command.CONNECT, target))
    try:
        for piece in pieces:
            reply = connection.receive_data(piece)
    except ProtocolError:
        return "ProtocolError"
    address = reply.addr if reply.atype == socks5.SOCKS5AType.IPV4_ADDRESS else repr(reply.addr)
    return f"open at {address} port {reply.port}"


ADDRESS = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x1c\xf3"
NAME = b"\x05\x00\x00\x03\x09localhost\x1c\x7f"
print("IPv4, whole:", told(ADDRESS))
print("IPv4, in two pieces:", told(ADDRESS[:4], ADDRESS[4:]))
print("IPv4, with data behind it:", told(ADDRESS + b"welcome"))
print("name, whole:", told(NAME))
print("name, its first 9 bytes:", told(NAME[:9]))
print("name, with data behind it:", told(NAME + b"welcome"))
PY
)
echo "$seen"
expected="IPv4, whole: open at 127.0.0.1 port 7411
IPv4, in two pieces: ProtocolError
IPv4, with data behind it: ProtocolError
name, whole: open at '\\tlocalhost' port 7295
name, its first 9 bytes: open at '\\tlo' port 25441
name, with data behind it: open at '\\tlocalhost\\x1c\\x7fwelco' port 28005"
[ "$seen" = "$expected" ] || { echo "The behaviour has changed." >&2; exit 1; }
