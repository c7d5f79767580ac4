#!/usr/bin/env bash
# Twisted: a UNIX socket that a service manager hands over gets another mode, and its file goes with the first daemon.
#
# Version    Twisted 26.10.0, Python 3.11
# Behaviour  `adoptStreamPort` with a listening socket of AF_UNIX makes the same kind of port as a path does. When it begins to
#            listen it sets the file's mode to 0666, whatever the one who made the socket has given it (systemd's
#            SocketMode=), so everybody may connect; and when it stops it removes the file, although the service manager
#            still listens on that socket: from then on nobody can reach it, and it is not activated again.
# Seen       mode before and after: 0o600 0o666
# Seen       file there after the end: False
# Seen       socket still listens: True
# Source     systemd.socket(5), SocketMode= and RemoveOnStop= (off by default); Twisted's internet/unix.py, the port's
#            `startListening` and `connectionLost`.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'Twisted==26.10.0'

cd "$work"
timeout 60 venv/bin/python - <<'PY'
import os
import socket
import stat
import sys

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol


def mode():
    return oct(stat.S_IMODE(os.stat("chat.sock").st_mode))


def stopped(_):
    seen.append(os.path.exists("chat.sock"))
    seen.append(bool(manager.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)))
    reactor.stop()


def begin():
    port = reactor.adoptStreamPort(manager.fileno(), socket.AF_UNIX, Factory.forProtocol(Protocol))
    seen.append(mode())
    port.stopListening().addBoth(stopped)


manager = socket.socket(socket.AF_UNIX)
manager.bind("chat.sock")
os.chmod("chat.sock", 0o600)
manager.listen()
seen = [mode()]
reactor.callWhenRunning(begin)
reactor.run()

print("mode before and after:", *seen[:2])
print("file there after the end:", seen[2])
print("socket still listens:", seen[3])
sys.exit(seen != ["0o600", "0o666", False, True])
PY
