"""The torture test: real senders and readers, and a daemon that is killed with SIGKILL again and again.

Every message is there once and in the order of its sender (P2, P3), every reader saw the same dense sequence
(P2, P4), and nothing that was seen is absent later (P1).
"""

import random
import time

import pytest

from tests.end_to_end.harness.chatc import Feeder

KILLS = 20
ROOM = "#torture"
PAUSE = 0.02
"""Seconds between two lines of one sender: five of them make 250 messages a second."""

RETURN = 60.0
"""Seconds within which everybody is back in service after a crash; the test fails long before it hangs."""


def texts_of(nick, lines):
    return [line["text"] for line in lines if line["by"] == nick and line["kind"] == "message"]


@pytest.fixture
def crowd(daemon, start_chatc):
    """Return senders that are fed, and readers, all of them in the room."""
    readers = [start_chatc(daemon, f"tail{n}", "tail", ROOM, "--json", "--since", "0") for n in range(2)]
    talkers = [start_chatc(daemon, f"talk{n}", "talk", ROOM, "--json", fed=True) for n in range(3)]
    senders = [start_chatc(daemon, f"send{n}", "send", ROOM, fed=True) for n in range(2)]
    for chatc in (*readers, *talkers):
        chatc.await_said("connected")
    return readers, talkers, senders


def torture(daemon, reader):
    """Kill the daemon at random moments under load; each time the reader must have heard more since."""
    chance = random.Random()
    for crash in range(KILLS):
        daemon.await_said("start", crash + 1)
        reader.await_count(reader.count() + chance.randrange(1, 75), RETURN)
        time.sleep(chance.uniform(0, 0.02))  # anywhere within a commit, not just behind a delivery
        daemon.kill()
        daemon.launch()
    daemon.await_ready()


def test_twenty_crashes_under_load(daemon, start_chatc, crowd):
    readers, talkers, senders = crowd
    feeders = [Feeder(chatc, PAUSE) for chatc in (*talkers, *senders)]
    torture(daemon, readers[0])
    for feeder in feeders:
        feeder.stop(RETURN)
    assert [feeder.chatc.wait(RETURN) for feeder in feeders] == [0] * len(feeders)

    total = sum(len(feeder.texts) for feeder in feeders)
    judge = start_chatc(daemon, "judge", "tail", ROOM, "--json", "--since", "0", "--count", str(total))
    assert judge.wait(RETURN) == 0
    log = judge.lines()
    seqs = [line["seq"] for line in log]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    for feeder in feeders:
        assert texts_of(feeder.chatc.nick, log) == feeder.texts
    assert len([line for line in log if line["kind"] == "message"]) == total

    last = log[-1]["seq"]
    for reader in readers:
        reader.await_count(len(log), RETURN)
        assert [line for line in reader.lines() if line["seq"] <= last] == log
    for talker in talkers:
        seen = talker.lines()
        start = log.index(seen[0])
        assert seen == log[start : start + len(seen)]
        assert texts_of(talker.nick, seen) == texts_of(talker.nick, log)
    assert len(daemon.await_said("start", KILLS + 1)) == KILLS + 1
