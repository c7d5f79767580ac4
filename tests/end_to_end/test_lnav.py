"""lnav reads real logs of a daemon, in both forms, with the format that etc/ has for it."""

import json
import shutil
import subprocess

import pytest

from tests.end_to_end.harness.processes import PATIENCE, ROOT, environment

LNAV = shutil.which("lnav")

pytestmark = pytest.mark.skipif(LNAV is None, reason="needs lnav")

COLUMNS = "log_level, event, connection, peer, session, nick, reason, code"


@pytest.fixture
def lnav(tmp_path):
    """Return a function that runs an lnav which knows our format alone."""
    home = tmp_path / "home"
    home.mkdir()

    def lnav(*words):
        done = subprocess.run(
            [LNAV, *map(str, words)],
            env=environment(HOME=str(home), XDG_CONFIG_HOME=str(home), TERM="dumb"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (done.returncode, "✘" in done.stderr) == (0, False), done.stderr
        return done.stdout

    lnav("-i", ROOT / "etc" / "chatd.lnav.json")
    return lnav


def test_the_format_and_its_samples_are_right(lnav):
    lnav("-C")


@pytest.mark.parametrize("form", ["text", "json"])
def test_events_and_fields_come_out(make_daemon, connect, lnav, form):
    daemon = make_daemon(f'[log]\nformat = "{form}"\n').start()
    ann = connect(daemon)
    ann.enter("ann", software='a client/1 "x" nick=mallory')
    ann.write(b"GET / HTTP/1.1\r\n\r\n")
    ann.rest()
    ann.close()
    daemon.terminate()
    query = f";SELECT {COLUMNS} FROM chatd_{form}"
    rows = json.loads(lnav("-n", "-c", query, "-c", ":write-json-to -", daemon.log_file))
    found = {row["event"]: row for row in rows}
    assert set(found) >= {"start", "client-in", "refused", "client-out", "stop"}
    assert len(rows) == len(daemon.log.splitlines())
    came, refused, left = found["client-in"], found["refused"], found["client-out"]
    assert (came["log_level"], came["nick"], str(came["session"])) == ("info", "ann", "1")
    assert came["peer"] == left["peer"] == refused["peer"]
    assert came["peer"].startswith("127.0.0.1:")
    assert (refused["log_level"], refused["code"]) == ("warning", "frame-too-large")
    assert (left["reason"], left["connection"]) == ("bad-input", came["connection"])
    assert found["stop"]["nick"] is None
