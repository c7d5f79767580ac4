"""What is removed is gone whatever kills the daemon: from its files, and from a backup made afterwards."""

import json
import os
import random
import re
import time
from contextlib import closing

import apsw
import pytest

from tests.end_to_end.harness.processes import Deadline
from tests.end_to_end.harness.stranger import Stranger
from tests.end_to_end.test_backups import right

PASSWORD = "correct horse"
CONFIG = "[accounts]\nregistration = 'open'\n[rooms]\nkeep_edits = false\n"
ROOMS = ("#tea", "#pub")
COUNT = 1500
"""Texts of ann: seven slices and more, so that the kills come between them."""

ERASED = re.compile(rb"ann-secret|ben-regrets")


def talk(one, nick, count):
    """Say so many texts, in both rooms, and in one piece; return the answer to the last."""
    for n in range(1, count + 1):
        text = f"{nick}-secret {n} {'x' * (n % 300)}"
        one.say("send", id=n, n=one.last + n, room=ROOMS[n % 2], text=text)
    one.last += count
    return one.answer(count)


def fill(ann, ben):
    """Let ann and ben talk; return the number of what ben will regret."""
    ben.enter_room("ben", "#tea").ask("join", room="#pub")
    ann.enter("ann", password=PASSWORD, register=True)
    for room in ROOMS:
        ann.ask("join", room=room)
    regrets = ben.post("#tea", "ben-regrets this")["seq"]
    rewords = ben.post("#tea", "ben-regrets these words")["seq"]
    assert talk(ann, "ann", COUNT)["t"] == talk(ben, "ben", 300)["t"] == "ok"
    ann.put(b"ann-secret bytes " + os.urandom(100_000), "ann-secret.bin", "#tea")
    assert ann.post("@ben", "ann-secret psst")["t"] == ann.ask("topic", room="#pub", text="ann-secret")["t"]
    return regrets, rewords


def left_in(folder):
    """Return the files below ``folder`` that hold something of what was erased."""
    return [path for path in folder.rglob("*") if path.is_file() and ERASED.search(path.read_bytes())]


def refusal_of(daemon, token):
    with Stranger(daemon.port) as back:
        back.say("hello", token=token)
        return back.ending()


def kill_while_it_erases(daemon, chance):
    """Kill the daemon at several moments, and start it again each time."""
    for number in range(4):
        time.sleep(chance.choice([0, 0.02, 0.1, 0.3]))
        daemon.kill()
        if number == 1:
            keep_a_life_of(daemon, "ann")
        daemon.start()


def keep_a_life_of(daemon, key):
    """Put into the folder what is kept of a connection, as if it were not forgotten when the kill came."""
    with closing(apsw.Connection(str(daemon.data / "past.sqlite"))) as past:
        row = (time.time_ns() // 1_000_000, True, key, "192.0.2.1", 1, b"{}")
        past.execute("INSERT INTO past(at, known, key, host, number, body) VALUES(?, ?, ?, ?, ?, ?)", row)


def lives_of(daemon, key):
    with closing(apsw.Connection(str(daemon.data / "past.sqlite"))) as past:
        return past.execute("SELECT count(*) FROM past WHERE key = ?", (key,)).fetchall()[0][0]


@pytest.mark.parametrize("seed", [1, 3])
def test_kills_end_no_erasure(make_daemon, tmp_path, seed):
    chance = random.Random(seed)
    daemon = make_daemon(CONFIG).start()
    with Stranger(daemon.port) as ann, Stranger(daemon.port) as ben:
        regrets, rewords = fill(ann, ben)
        assert left_in(daemon.data)
        assert ann.ask("delete-account", password=PASSWORD, erase=True)["t"] == "ok"
        ben.say("remove", id=1, room="#tea", seq=regrets)
        edit = {"id": 2, "n": ben.last + 1, "room": "#tea", "seq": rewords, "text": "ben finds better ones"}
        ben.say("edit", **edit)
        if chance.random() < 0.5:
            ben.answer(1)
        kill_while_it_erases(daemon, chance)
    with Stranger(daemon.port) as again:
        again.enter(token=ben.token)
        assert again.ask("remove", room="#tea", seq=regrets)["t"] == "ok"  # once more has no second effect
        again.say("edit", **edit)
        assert again.answer(2)["t"] == "ok"
    deadline = Deadline()
    while left := left_in(daemon.data):
        deadline.check(f"the end of what was erased in {left}")
        time.sleep(0.1)
    daemon.await_said("account-erased")
    assert refusal_of(daemon, ann.token) == "unknown-session"
    backup = tmp_path / "backup.tar"
    right("backup", backup, "--data", daemon.data)
    assert not left_in(tmp_path)
    assert lives_of(daemon, "ann") == 0
    other = make_daemon(folder="restored")
    right("restore", backup, "--data", other.data)
    assert right("verify", "--data", other.data) == "all is right\n"
    kept = []
    for room in ROOMS:
        events = [json.loads(line) for line in right("export", room, "--data", other.data).splitlines()]
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        kept += [event["text"] for event in events if event["kind"] == "message" and "edited" not in event]
        edits = [event for event in events if event["kind"] == "edit"]
        assert [event["text"] for event in edits] == ["ben finds better ones"] * (room == "#tea")
        assert sum(event["kind"] == "removed" for event in events) >= COUNT // 2
    assert len(kept) == 300
