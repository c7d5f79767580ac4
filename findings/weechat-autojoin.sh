#!/usr/bin/env bash
# WeeChat: where its first login was refused it comes back by itself, and joins no channel of its autojoin.
#
# Version    WeeChat 3.8 (Debian 3.8-1)
# Behaviour  The option "autojoin" of a server names channels that are joined "after connection". A WeeChat whose first
#            connection ends because SASL was refused (904), as by a server that is busy with many logins, connects
#            again after autoreconnect_delay and logs in; it then sends no JOIN, and goes on without its channels
#            until somebody joins them by hand. Where the first login goes well it sends JOIN.
# Seen       first login accepted: 1 connection, JOIN #tea
# Seen       first login refused: 2 connections, no JOIN
# Source     WeeChat user's guide, option irc.server_default.autojoin. ircv3.net, "SASL": a client may try again or go
#            on after 904.
set -euo pipefail

command -v weechat-headless >/dev/null || { echo "weechat-headless is not installed"; exit 77; }
weechat-headless --version | grep -q '^3\.8' || { echo "another version: $(weechat-headless --version)"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

seen=$(timeout 60 python3 - "$work" <<'PY'
import socket
import subprocess
import sys
import time


def serve(connection, accepts):
    """Answer one client for ten seconds at the most; return the channels that it joins."""
    joined, data, end = [], b"", time.monotonic() + 10
    say = lambda line: connection.sendall(f":irc.test {line}\r\n".encode())
    connection.settimeout(0.5)
    while time.monotonic() < end:
        try:
            more = connection.recv(4096)
        except TimeoutError:
            continue
        if not more:
            break
        *lines, data = (data + more).split(b"\r\n")
        for word, _, rest in (line.decode().partition(" ") for line in lines):
            if word == "CAP" and rest.startswith("LS"):
                say("CAP * LS :sasl")
            elif word == "CAP" and rest.startswith("REQ"):
                say("CAP * ACK :sasl")
            elif word == "AUTHENTICATE" and rest == "PLAIN":
                connection.sendall(b"AUTHENTICATE +\r\n")
            elif word == "AUTHENTICATE" and accepts:
                say("900 alice alice!a@test alice :You are now logged in")
                say("903 alice :SASL authentication successful")
            elif word == "AUTHENTICATE":
                say("904 alice :Try again in a second")
            elif word == "CAP" and rest == "END":
                say("001 alice :Welcome")
                say("376 alice :End")
                end = time.monotonic() + 5
            elif word == "JOIN":
                joined.append(rest)
    return joined


def play(name, *accepted):
    """Run a WeeChat against a server that takes its logins as ``accepted`` says."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(20)
    options = {
        "nicks": "alice",
        "sasl_username": "alice",
        "sasl_password": "secret",
        "autojoin": "#tea",
        "autoreconnect_delay": "1",
    }
    lines = [f"/server add test 127.0.0.1/{listener.getsockname()[1]}"]
    lines += [f"/set irc.server.test.{key} {value}" for key, value in options.items()]
    words = [word for line in [*lines, "/connect test"] for word in ("-r", line)]
    client = subprocess.Popen(["weechat-headless", "-d", f"{sys.argv[1]}/{name}", *words], stdout=subprocess.DEVNULL)
    joined = []
    try:
        for accepts in accepted:
            with listener.accept()[0] as connection:
                joined += serve(connection, accepts)
    finally:
        client.kill()
        client.wait()
    what = f"JOIN {' '.join(joined)}" if joined else "no JOIN"
    print(f"first login {name}: {len(accepted)} connection{'s' if len(accepted) > 1 else ''}, {what}")


play("accepted", True)
play("refused", False, True)
PY
)
echo "$seen"
expected=$(sed -n 's/^# Seen *//p' "$0")
[ "$seen" = "$expected" ] || { echo "This has changed; expected:"; echo "$expected"; exit 1; }
