"""Whole daemons that start while the machine's clock stands wrong: nothing is removed, and it is said."""

import json
import subprocess
import time
from datetime import UTC, datetime

import pytest

from chatd.wire.messages import Event
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, ROOT, environment, script
from tests.end_to_end.harness.program import finished

CONFIG = "[retention]\ndays = 30\n\n[files]\npartial_days = 1.0\nkeep_days = 30.0\n"
DAY = 86_400

WRONG_CLOCK = """
import os, time
shown = time.time_ns
ahead = int(os.environ["CLOCK_AHEAD"]) * 10**9
time.time_ns = lambda: shown() + ahead
time.time = lambda: time.time_ns() / 1e9
"""
"""What Python runs before the program: from then on the wall clock shows another time."""


@pytest.fixture
def start(make_daemon, tmp_path):
    """Return a function that starts the daemon with a clock that is so many seconds ahead."""
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock" / "sitecustomize.py").write_text(WRONG_CLOCK)
    daemon = make_daemon(CONFIG)
    daemon.environment["PYTHONPATH"] = f"{tmp_path / 'clock'}:{ROOT}"

    def start(ahead):
        daemon.environment["CLOCK_AHEAD"] = str(round(ahead))
        return daemon.start()

    return start


def say(client, *texts):
    for n, text in enumerate(texts, 1):
        client.send("#a", text, n)


def kept(connect, daemon):
    """Return the texts of room #a up to the entrance of somebody new, who reads it from the beginning."""
    reader = connect(daemon)
    reader.enter("reader")
    reader.join("#a", after=0)
    texts = []
    while (event := reader.await_(Event)).by != "reader":
        texts += [event.text] if event.kind == "message" else []
    return texts


@pytest.mark.parametrize("gently", [True, False])
def test_three_seconds_with_the_clock_31_days_ahead_remove_nothing(start, connect, gently):
    daemon = start(0)
    ann = connect(daemon)
    ann.enter("ann")
    ann.join("#a")
    say(ann, "one", "two", "three")
    for ahead in (31 * DAY, 0):
        if gently:
            assert daemon.terminate() == 0
        else:
            daemon.kill()
        start(ahead)
        time.sleep(3)
    assert kept(connect, daemon) == ["one", "two", "three"]
    assert len(daemon.await_said("clock-far", 2)) == 2
    assert not daemon.said("trimmed")
    assert daemon.terminate() == 0
    assert not daemon.faults()


def test_what_was_written_while_a_board_stood_at_1970_is_there_when_its_clock_is_right(start, connect):
    daemon = start(10 - time.time())
    ann = connect(daemon)
    ann.enter("ann")
    ann.join("#a")
    say(ann, "one", "two")
    assert daemon.terminate() == 0
    start(0)
    time.sleep(3)
    assert kept(connect, daemon) == ["one", "two"]
    assert len(daemon.await_said("clock-far")) == 1
    assert not daemon.said("trimmed")
    assert daemon.terminate() == 0
    assert not daemon.faults()


def test_events_of_several_days_are_printed_under_their_dates(start, connect, tmp_path):
    daemon = start(10 - time.time())
    ann = connect(daemon)
    ann.enter("ann")
    ann.join("#a")
    say(ann, "one", "two")
    daemon.terminate()
    start(3 * DAY)
    bob = connect(daemon)
    bob.enter("bob")
    bob.join("#a")
    say(bob, "three", "four")

    def chatc(*arguments):
        done = finished(
            [*script("chatc"), "--ephemeral", "--server", f"{LOOPBACK}:{daemon.port}", *arguments],
            env=environment(HOME=str(tmp_path), TZ="UTC"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        return done.stdout.splitlines()

    events = [json.loads(line) for line in chatc("history", "#a", "--json")]
    assert [event["text"] for event in events if event["kind"] == "message"] == [
        "one",
        "two",
        "three",
        "four",
    ]
    later = datetime.fromtimestamp(events[-1]["ts"] / 1000, UTC)
    dates = ["-- Thursday 1 January 1970 --", f"-- {later:%A} {later.day} {later:%B %Y} --"]
    for command in (("history", "#a"), ("tail", "#a", "--since", "0", "--count", "4")):
        lines = [line for line in chatc(*command) if "<" in line or line.startswith("--")]
        assert [line if line.startswith("--") else line[6:] for line in lines] == [
            dates[0],
            "#a <ann> one",
            "#a <ann> two",
            dates[1],
            "#a <bob> three",
            "#a <bob> four",
        ]
