#!/usr/bin/env bash
# systemd: a service that hands over to a process of its own (MAINPID=) is killed by the next stop without time to end.
#
# Version    systemd 252 (Debian 12)
# Behaviour  sd_notify(3) has MAINPID= for daemons whose main process changes. Where the new process is still a child
#            of the old one when systemd is told, systemd takes it for a stranger, and goes on doing so when the old one
#            has ended and the process has become its own child. `systemctl stop` then sends SIGTERM and, with
#            KillMode=mixed, SIGKILL in the same moment, whatever TimeoutStopSec says, and calls that a success. A
#            process that is systemd's child when it is told of (its parent forked twice) is given its time. So does
#            ExecStop= with a command that waits for the end.
# Seen       told of while its parent lives, then stop: it was killed before SIGTERM; Result=success
#            (or: SIGTERM came and it was not given a second)
# Seen       told of when it is systemd's own child, then stop: it ended in order; Result=success
# Source     systemd.kill(5): after SIGTERM "the service manager waits" for TimeoutStopSec. The log has "Supervising
#            process … which is not our child. We'll most likely not notice when it exits." In src/core, only a main
#            process that is no "alien" makes unit_kill_context() wait.
#
# It needs root, systemd-nspawn and the machine's /usr, which a systemd of its own uses, read only; 77 says what is missing.
set -euo pipefail

(( EUID == 0 )) || { echo "not here: needs root"; exit 77; }
for program in systemd-nspawn /usr/bin/python3 /usr/lib/systemd/systemd unshare; do
    command -v "$program" >/dev/null || { echo "not here: $program"; exit 77; }
done
systemd-nspawn --version | head -n 1
systemd-nspawn --version | grep -q '^systemd 252 ' || { echo "not here: systemd 252"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/seen"

# Hands over to another process and ends. That one takes a second to end when it is asked to.
cat >"$work/service.py" <<'PY'
import os, pathlib, signal, socket, sys, time

seen = pathlib.Path("/seen", sys.argv[1])


def tell(words):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.sendto(words.encode(), os.environ["NOTIFY_SOCKET"])


def serve():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    seen.write_text("it was killed before SIGTERM")
    signal.sigwait({signal.SIGTERM})
    seen.write_text("SIGTERM came and it was not given a second")
    time.sleep(1)
    seen.write_text("it ended in order")
    os._exit(0)


reading, writing = os.pipe()
between = os.fork()
if not between:
    if sys.argv[1] == "own" and os.fork():
        os._exit(0)
    os.write(writing, str(os.getpid()).encode())
    serve()
process = int(os.read(reading, 99))
if sys.argv[1] == "own":
    os.waitpid(between, 0)
while not seen.exists():
    time.sleep(0.01)
tell("READY=1")
tell(f"MAINPID={process}")
time.sleep(1)
PY

for kind in alien own; do
    cat >"$work/$kind.service" <<UNIT
[Service]
Type=notify
NotifyAccess=all
KillMode=mixed
TimeoutStopSec=30
ExecStart=/usr/bin/python3 /service.py $kind
UNIT
done
cat >"$work/check.service" <<'UNIT'
[Unit]
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'for kind in alien own; do systemctl start $$kind; sleep 3; systemctl stop $$kind; \
    echo "$$(cat /seen/$$kind); $$(systemctl show -p Result $$kind)" >/seen/$$kind.end; done'
UNIT

# It has a /usr of the machine's and nothing else of it; cgroups and mounts are its own.
timeout 120 unshare --mount systemd-nspawn --quiet --register=no --keep-unit --private-network --volatile=yes --directory=/ \
    --bind-ro="$work/service.py:/service.py" --bind="$work/seen:/seen" \
    --bind-ro="$work/alien.service:/etc/systemd/system/alien.service" \
    --bind-ro="$work/own.service:/etc/systemd/system/own.service" \
    --bind-ro="$work/check.service:/etc/systemd/system/check.service" \
    --console=pipe --boot systemd.unit=check.service </dev/null >"$work/log" 2>&1 || true

[ -e "$work/seen/own.end" ] || { tail -n 20 "$work/log"; echo "not here: a machine on which systemd starts in a container"; exit 77; }
alien=$(cat "$work/seen/alien.end")
own=$(cat "$work/seen/own.end")
echo "told of while its parent lives, then stop: $alien"
echo "told of when it is systemd's own child, then stop: $own"
case "$alien; $own" in
    "it was killed before SIGTERM; Result=success; it ended in order; Result=success") ;;
    "SIGTERM came and it was not given a second; Result=success; it ended in order; Result=success") ;;
    *) echo "The behaviour has changed."; exit 1 ;;
esac
