"""A disk that hangs or fails: nobody is given up, newcomers are told, nothing is lost (P1, P5, P7)."""

import signal
import subprocess
import sys
import time

import pytest

from chatd.wire.errors import Code
from chatd.wire.messages import Error, Event, Goodbye, Hello, Ok, Pulse
from tests.end_to_end.harness.disk import COMPILER, Disk
from tests.end_to_end.harness.processes import ROOT
from tests.end_to_end.harness.raw import sends

pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")


@pytest.fixture
def disk(tmp_path, monkeypatch):
    made = Disk(tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def test_those_who_are_there_wait_and_newcomers_are_told(disk, make_daemon, connect):
    daemon = make_daemon().start()
    ann = connect(daemon)
    token = ann.enter("ann", heartbeat=Pulse(1.0, 3)).token
    ann.join("#a")
    disk.hang()
    ann.say(*sends("#a", ["one", "two", "three"], 1))
    end = time.monotonic() + 6
    while time.monotonic() < end:
        ann.ping()
        time.sleep(0.5)
    for hello in ({"nick": "bob"}, {"token": token}):
        refused = connect(daemon)
        refused.say(Hello(**hello))
        (error,) = refused.rest()
        assert isinstance(error, Error)
        assert error.code == Code.STORAGE_UNAVAILABLE
        assert error.retry_after > 0
    disk.go_on()
    assert [ann.await_(Ok, lambda ok: ok.id > 1_000_000).seq for _ in range(3)] == [2, 3, 4]
    assert connect(daemon).enter("bob").nick == "bob"
    assert len(daemon.await_said("store-slow")) == 1


def test_the_daemon_ends_though_the_disk_hangs_and_nothing_acknowledged_is_lost(disk, make_daemon, connect):
    daemon = make_daemon("[drain]\ndeadline = 1.0\n").start()
    ann = connect(daemon)
    token = ann.enter("ann").token
    ann.join("#a")
    assert isinstance(ann.send("#a", "acknowledged", 1), Ok)
    disk.hang()
    ann.say(*sends("#a", ["in vain"], 2))
    ann.ping()
    begin = time.monotonic()
    daemon.signal(signal.SIGTERM)
    assert isinstance(ann.rest()[-1], Goodbye)
    assert daemon.wait() == 0
    assert time.monotonic() - begin < 15
    assert len(daemon.said("store-hangs")) == 1
    disk.go_on()
    daemon.start()
    again = connect(daemon)
    assert again.enter(token=token, cursors={"#a": 0}).last >= 1
    assert [event.text for event in again.events("#a", 2) if event.kind == "message"] == ["acknowledged"]


CLOSING = """
import pathlib, sys, threading, time
from chatd.chat.changes.rows import PutTime
from chatd.chat.storage import Changes
from chatd.server.space_log import SpaceLog
from chatd.store.sqlite import SqliteStore

store = SqliteStore(pathlib.Path(sys.argv[1]), lambda done, *given: done(*given), SpaceLog())
durable = threading.Event()
store.append(Changes(events=[(1, 1, [b"x"])], others=[PutTime(1, 1)]), lambda error: durable.set())
durable.wait()
pathlib.Path(sys.argv[2]).touch()
begin = time.monotonic()
print(store.close(0.5), time.monotonic() - begin < 10)
"""


def test_closing_ends_though_the_disk_hangs_from_that_moment_on(disk, tmp_path):
    closing = subprocess.run(
        [sys.executable, "-c", CLOSING, tmp_path / "data", disk.file],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (closing.stdout, closing.returncode) == ("False True\n", 0), closing.stderr


def test_flushes_that_fail_lose_nothing_acknowledged_and_it_heals_by_itself(disk, make_daemon, connect):
    daemon = make_daemon().start()
    ann, ben = connect(daemon), connect(daemon)
    token = ann.enter("ann").token
    ben.enter("ben")
    ann.join("#a")
    ben.join("#a")
    texts = ["before"]
    assert isinstance(ann.send("#a", "before", 1), Ok)
    for fault in range(1, 3):
        disk.fail()
        for _ in range(3):
            refusal = ann.send("#a", f"fault {fault}", fault + 1)
            assert isinstance(refusal, Error)
            assert refusal.code == Code.STORAGE_UNAVAILABLE
        ben.ping()
        assert len(daemon.await_said("store-broken", fault)) == fault
        disk.mend()
        assert isinstance(ann.send("#a", f"fault {fault}", fault + 1), Ok)
        texts.append(f"fault {fault}")
        assert len(daemon.await_said("store-mended", fault)) == fault
    assert [ben.await_(Event, is_message).text for _ in texts] == texts
    disk.fail()
    assert isinstance(ann.send("#a", "in doubt", 4), Error)
    daemon.kill()
    disk.mend()
    daemon.start()
    again = connect(daemon)
    last = again.enter(token=token, cursors={"#a": 0}).last
    assert last in (3, 4), "what was refused may have reached the disk, but nothing acknowledged is missing"
    again.send("#a", "in doubt", 4)
    texts.append("in doubt")
    cem = connect(daemon)
    cem.enter("cem")
    cem.join("#a", after=0)
    assert [cem.await_(Event, is_message).text for _ in texts] == texts
    assert isinstance(again.send("#a", "after", 5), Ok)
    assert cem.await_(Event, is_message).text == "after"


def is_message(event):
    return event.kind == "message"


def test_a_suspended_machine_condemns_nobody(make_daemon, connect):
    daemon = make_daemon().start()
    ann, ben = connect(daemon), connect(daemon)
    for one, nick in ((ann, "ann"), (ben, "ben")):
        one.enter(nick, heartbeat=Pulse(1.0, 3))
        one.join("#a")
    daemon.signal(signal.SIGSTOP)
    ann.say(*sends("#a", ["said to nobody"], 1))
    time.sleep(4)  # longer than the heartbeat allows
    daemon.signal(signal.SIGCONT)
    assert ben.await_(Event, is_message).text == "said to nobody"
    assert ann.await_(Ok, lambda ok: ok.id > 1_000_000)
    assert float(daemon.await_said("stalled")[0].partition("lag=")[2]) >= 3
    ann.ping()
    ben.ping()
    assert not daemon.said("reaped")
    assert not daemon.said("client-out")
