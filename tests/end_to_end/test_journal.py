"""systemd's own journal has the daemon's events with their fields, if standard output leads there."""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.harness.processes import PATIENCE, environment, script

JOURNALD = "/lib/systemd/systemd-journald"

SCENE = """
set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/journal /run/log/journal
{journald} 2>/dev/null &
until [ -S /run/systemd/journal/stdout ]; do sleep 0.05; done
systemd-cat sh -c 'export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2); exec "$@"' sh {daemon} &
until journalctl -D /run/log/journal -q CHATD_EVENT=start | grep -q . ; do sleep 0.1; done
kill -TERM $!
wait $!
until journalctl -D /run/log/journal -q CHATD_EVENT=stop | grep -q . ; do sleep 0.1; done
journalctl -D /run/log/journal -q -o json CHATD_EVENT=start >entries
"""
"""A journald on a /run of its own, and a daemon whose output leads there, as systemd starts its services."""


@pytest.mark.skipif(
    os.geteuid() != 0 or not Path(JOURNALD).exists() or shutil.which("unshare") is None,
    reason="needs root, unshare and systemd's journal",
)
def test_the_journal_has_fields(make_daemon):
    daemon = make_daemon()
    words = [*script("chatd"), *daemon.command[daemon.command.index("chatd") + 1 :]]
    scene = SCENE.format(journald=JOURNALD, daemon=shlex.join(words))
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", scene]
    subprocess.run(command, cwd=daemon.folder, env=environment(), check=True, timeout=6 * PATIENCE)
    (found,) = map(json.loads, (daemon.folder / "entries").read_text().splitlines())
    assert found["CHATD_DATA"] == str(daemon.data)
    assert found["MESSAGE"].startswith("start version=")
    assert found["SYSLOG_IDENTIFIER"] == "chatd"
    assert (found["PRIORITY"], found["_TRANSPORT"]) == ("6", "journal")
