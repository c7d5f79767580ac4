#!/usr/bin/env bash
# Twisted: sockets that are handed over without names do not exist, and importing endpoints removes the traces.
#
# Version    Twisted 26.10.0, Python 3.11; systemd-socket-activate of systemd 252 as a second witness
# Behaviour  Socket activation hands over LISTEN_PID, LISTEN_FDS and, optionally, LISTEN_FDNAMES. `ListenFDs` takes
#            no socket at all where the names are missing (systemd's own library calls them "unknown" then), raises
#            nothing, and has removed LISTEN_PID and LISTEN_FDS from the environment before it finds out. What
#            systemd-socket-activate starts without --fdname is such a process: `systemd:domain=INET:index=0`
#            finds no socket though descriptor 3 is open and listens. All this happens when
#            twisted.internet.endpoints is *imported*, in the body of a class: whoever asks later (another
#            library, the program itself) finds a process that was handed nothing, but LISTEN_FDNAMES.
# Seen       with names: [3], left in the environment: LISTEN_FDNAMES
# Seen       with names, asked after the import of endpoints: [], left: LISTEN_FDNAMES
# Seen       without names: [], left in the environment: nothing
# Seen       systemd-socket-activate without --fdname: LISTEN_FDS=1 and no LISTEN_FDNAMES; Twisted takes []
# Source     Twisted's code: `fromEnvironment` of twisted.python.systemd compares the two lengths after
#            `_parseDescriptors` has deleted; `_SystemdParser._sddaemon` of twisted.internet.endpoints is a class
#            attribute. systemd's manual page sd_listen_fds(3): where no names were passed, "unknown" is told for
#            each; the comment in Twisted's code says instead that it is not allowed for only one to be present.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'Twisted==26.10.0'

cat > "$work/hand_over.py" <<'PY'
"""Hand a listening socket over as descriptor 3, with the names of the first argument, and run the second."""
import os, socket, sys
names, code = sys.argv[1:]
listening = socket.create_server(("127.0.0.1", 0))
os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
if names:
    os.environ["LISTEN_FDNAMES"] = names
os.execv(sys.executable, [sys.executable, "-c", code])
PY
ask='import os, sys
from twisted.python.systemd import ListenFDs
if "late" in os.environ:
    import twisted.internet.endpoints
found = ListenFDs.fromEnvironment().inheritedDescriptors()
left = [name for name in sorted(os.environ) if name.startswith("LISTEN_")]
print(found, ", ".join(left) or "nothing", sep="|")'
hand_over() { timeout 60 "$work/venv/bin/python" "$work/hand_over.py" "$1" "$ask"; }

say() { sed "s/|/$2/; s/^/$1: /"; }
seen=$(
    hand_over web | say "with names" ", left in the environment: "
    late=1 hand_over web | say "with names, asked after the import of endpoints" ", left: "
    hand_over "" | say "without names" ", left in the environment: "
)
echo "$seen"
expected="with names: [3], left in the environment: LISTEN_FDNAMES
with names, asked after the import of endpoints: [], left: LISTEN_FDNAMES
without names: [], left in the environment: nothing"
[ "$seen" = "$expected" ] || { echo "The behaviour has changed." >&2; exit 1; }

# The second witness, where it is: what really hands over without names.
if ! command -v systemd-socket-activate >/dev/null; then
    echo "systemd-socket-activate: not here"
    exit 0
fi
systemd-socket-activate --version | head -n 1
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat > "$work/activated.sh" <<'SH'
exec >"$1/activated" 2>&1
env | grep '^LISTEN_FD' | sort
exec "$1/venv/bin/python" -c "$2"
SH
timeout 30 systemd-socket-activate -l "127.0.0.1:$port" bash "$work/activated.sh" "$work" "$ask" 2>/dev/null &
activate=$!
for _ in $(seq 50); do
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    sleep 0.1
done
wait "$activate" || true
seen=$(cat "$work/activated")
echo "$seen"
[ "$seen" = $'LISTEN_FDS=1\n[]|nothing' ] || { echo "The behaviour has changed." >&2; exit 1; }
