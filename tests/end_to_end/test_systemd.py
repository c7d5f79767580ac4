"""The units of etc/ under a systemd of their own, in a container with this machine's /usr."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig

import pytest

from tests.end_to_end.harness.processes import ROOT

NSPAWN = shutil.which("systemd-nspawn")

PYTHON = f"/opt/python/bin/python{sysconfig.get_python_version()}"

PROGRAM = f"""#!/bin/sh
export LD_LIBRARY_PATH=/opt/python/lib PYTHONHOME=/opt/python PYTHONPATH=/opt/src:/opt/site
exec {PYTHON} /opt/scripts/$(basename $0) "$@"
"""
"""What stands in /opt/chatd/bin; the interpreter is where the unit lets the daemon see it."""

CONFIG = """
guests = "allowed"
[[listen]]
endpoint = "systemd:domain=INET6:index=0"
allow_plaintext = true
"""

SHORT = "[Service]\nWatchdogSec=8\n"

CHECK = """
[Unit]
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
ExecStart=/bin/sh -e /scene/scene.sh
"""

SCENE = """
exec >/seen/said 2>&1
export HOME=/root PATH=/opt/chatd/bin:$PATH
send() { timeout 60 chatc --server 127.0.0.1:7412 --nick ann send '#a' "$1"; echo "sent $1: $?"; }
main() { systemctl show -p MainPID --value chatd; }
restarted() {
    for i in $(seq 120); do
        [ "$(systemctl show -p NRestarts --value chatd)" -ge $1 ] && break
        sleep 0.5
    done
}
echo "network is $(systemctl is-active network-online.target)"
systemctl start chatd.socket
send first                          # starts the daemon
kill -KILL $(main)
restarted 1
send "after a crash"
systemctl reload chatd; echo "reload: $?"
cp /etc/chatd/chatd.toml /tmp/right
echo 'nonsense = 1' >>/etc/chatd/chatd.toml
systemctl reload chatd || echo "reload with a mistake: $?"
cp /tmp/right /etc/chatd/chatd.toml
kill -STOP $(main)
restarted 2
send "after the watchdog"
before=$(main)
chatctl upgrade --data /var/lib/chatd/data; echo "upgrade: $?"
for i in $(seq 120); do [ $(main) = $before ] || break; sleep 0.5; done
send "after an upgrade"
systemctl stop chatd; echo "stop: $? $(systemctl show -p Result chatd)"
ls -ld /var/lib/private/chatd/data
journalctl -u chatd -o json --no-pager >/seen/journal
"""


def boot(*words):
    """Run systemd in a container that keeps nothing, as the ``words`` say, to its end."""
    command = ["unshare", "--mount", NSPAWN, "--quiet", "--register=no", "--keep-unit", "--private-network"]
    command += ["--volatile=yes", "--directory=/", "--console=pipe", *words]
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=300,
        check=False,
    )


@pytest.fixture
def scene(tmp_path):
    """Play the scene and return what was said in it, and the journal's entries of the daemon."""
    if NSPAWN is None or os.geteuid() != 0:
        pytest.skip("needs root and systemd-nspawn")
    seen, bins = tmp_path / "seen", tmp_path / "bin"
    for folder in (seen, bins, tmp_path / "scene", tmp_path / "chatd"):
        folder.mkdir(mode=0o755)
    tmp_path.chmod(0o755)
    for name in ("twistd", "chatctl", "chatc"):
        (bins / name).write_text(PROGRAM)
        (bins / name).chmod(0o755)
    (tmp_path / "scene" / "scene.sh").write_text(SCENE)
    (tmp_path / "check.service").write_text(CHECK)
    (tmp_path / "short.conf").write_text(SHORT)
    (tmp_path / "chatd" / "chatd.toml").write_text(CONFIG)
    units = "/etc/systemd/system"
    given = {
        sys.base_prefix: "/opt/python",
        sysconfig.get_path("purelib"): "/opt/site",
        sysconfig.get_path("scripts"): "/opt/scripts",
        ROOT: "/opt/src",
        bins: "/opt/chatd/bin",
        tmp_path / "scene": "/scene",
        tmp_path / "check.service": f"{units}/check.service",
        tmp_path / "short.conf": f"{units}/chatd.service.d/short.conf",
        ROOT / "etc" / "chatd.service": f"{units}/chatd.service",
        ROOT / "etc" / "chatd.socket": f"{units}/chatd.socket",
    }
    binds = [f"--bind-ro={here}:{there}" for here, there in given.items()]
    binds += [f"--bind={seen}:/seen", f"--bind={tmp_path / 'chatd'}:/etc/chatd"]
    played = boot(*binds, "--boot", "systemd.unit=check.service")
    said = seen / "said"
    if not said.exists():
        bare = boot("--boot", "systemd.unit=poweroff.target")
        if bare.returncode:
            pytest.skip(f"systemd does not start in a container here: {bare.stdout[-500:]}")
        pytest.fail(f"systemd starts in a container here, but not with the scene: {played.stdout[-2000:]}")
    assert (seen / "journal").exists(), said.read_text()
    return said.read_text(), [json.loads(line) for line in (seen / "journal").read_text().splitlines()]


def test_a_service_lives_through_all_of_it(scene):
    """Started by its socket; killed, reloaded, hung and upgraded; stopped in order at last."""
    said, entries = scene
    assert "network is inactive" in said, "no start may wait for a network"
    for what in ("first", "after a crash", "after the watchdog", "after an upgrade"):
        assert f"sent {what}: 0\n" in said, said
    assert "\nreload: 0\n" in said
    assert "\nreload with a mistake: 1\n" in said
    assert "\nupgrade: 0\n" in said
    assert "\nstop: 0 Result=success\n" in said
    assert re.search(r"(?m)^drwx------ .* /var/lib/private/chatd/data$", said)

    messages = "\n".join(entry["MESSAGE"] for entry in entries)
    assert "Watchdog timeout" in messages
    assert "SIGKILL" not in messages, "systemd lost its patience at once"
    ours = [(entry["CHATD_EVENT"], entry["_PID"]) for entry in entries if "CHATD_EVENT" in entry]
    starts = [process for event, process in ours if event == "start"]
    assert len(set(starts)) == len(starts) == 4
    assert [event for event, process in ours if process == starts[-1]][-3:] == ["signal", "drain", "stop"]
    assert {entry["CHATD_NICK"] for entry in entries if entry.get("CHATD_EVENT") == "client-in"} == {"ann"}
