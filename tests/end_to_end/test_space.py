"""A whole daemon gives back what retention removed, and writes an old database anew before it answers."""

import json
import subprocess
import time

import apsw

from chatd.wire.messages import Ok
from tests.end_to_end.harness.processes import Deadline, script
from tests.end_to_end.harness.program import Program, run
from tests.end_to_end.harness.raw import sends
from tests.end_to_end.test_control import ctl

EVENTS = 6000


def say_much(client):
    client.enter("ann")
    client.join("#a")
    for begin in range(1, EVENTS, 1000):
        client.say(*sends("#a", ["x" * 1000] * 1000, begin))
        client.ping()


def space(daemon):
    done = run(*script("chatctl"), "space", "--json", str(daemon.data), cwd=daemon.folder)
    return json.loads(done.stdout)


def test_what_retention_removes_is_given_back_and_told(make_daemon, connect):
    daemon = make_daemon("[limits]\nrequests_per_second = 0\n").start()
    say_much(connect(daemon))
    assert daemon.terminate() == 0
    before = space(daemon)["database"]
    assert before > EVENTS * 1000
    (daemon.folder / "chatd.toml").write_text("[retention]\nevents = 100\n")
    first_of_all = len(daemon.log.splitlines())
    daemon.start()
    ben = connect(daemon)
    ben.enter("ben")
    ben.join("#b")
    deadline = Deadline(60)
    n = 0
    while not daemon.said("shrunk"):
        n += 1
        ben.send("#b", "still here", n)
        deadline.check("the shorter file")
        time.sleep(0.1)
    assert space(daemon)["database"] < before / 5
    assert f"count={EVENTS + 1 - 100}" in daemon.said("trimmed")[0]
    assert daemon.log.splitlines()[first_of_all].split(" ")[2] == "start"
    assert len(daemon.said("space")) == 2


def test_an_old_database_is_written_anew_before_the_daemon_answers(make_daemon, connect):
    daemon = make_daemon("[limits]\nrequests_per_second = 0\n").start()
    client = connect(daemon)
    say_much(client)
    assert daemon.terminate() == 0
    database = apsw.Connection(str(daemon.data / "chatd.sqlite"))
    database.pragma("journal_mode", "delete")
    database.pragma("auto_vacuum", 0)
    database.execute("VACUUM")
    database.close()
    assert not space(daemon)["shrinks"]
    daemon.start()
    daemon.await_said("start", 2)  # a thread writes the log, and may be slower than an answer
    names = [line.split(" ")[2] for line in daemon.log.splitlines()]
    assert names[names.index("compacting") :][:3] == ["compacting", "compacted", "start"]
    assert space(daemon)["shrinks"]
    reader = connect(daemon)
    reader.enter("ben")
    reader.join("#a", after=0)
    assert [event.seq for event in reader.events("#a", EVENTS + 1)] == list(range(1, EVENTS + 2))


def free_pages(daemon, log=9, first=1, last=20_000):
    """Leave a hole in the database of a daemon that does not run: what a log held that is gone."""
    database = apsw.Connection(str(daemon.data / "chatd.sqlite"))
    with database:
        rows = (((log << 36) + seq, bytes(1000)) for seq in range(first, last + 1))
        database.executemany("INSERT INTO events VALUES(?, ?)", rows)
    with database:
        database.execute("DELETE FROM events WHERE key >> 36 = ?", (log,))
    database.close()


def test_all_that_is_free_is_given_back_on_request_while_it_serves_and_without_a_daemon(make_daemon, connect):
    daemon = make_daemon().start()
    ann = connect(daemon)
    token = ann.enter("ann").token
    ann.join("#a")
    assert daemon.terminate() == 0
    free_pages(daemon)
    before = space(daemon)
    daemon.start()
    ann = connect(daemon)
    ann.enter(token=token, follow="listed")
    vacuum = Program(
        [*script("chatctl"), "vacuum", "--json", "--data", str(daemon.data)],
        stdout=subprocess.PIPE,
        text=True,
    )
    n = 0
    while vacuum.poll() is None:
        n += 1
        assert isinstance(ann.send("#a", "meanwhile", n), Ok)
    rows = [json.loads(line) for line in vacuum.communicate()[0].splitlines()]
    assert vacuum.returncode == 0
    assert rows[-1]["free"] == 0
    assert rows[-1]["size"] < before["database"] / 20
    assert space(daemon)["database"] < before["database"] / 20  # what was said meanwhile may have come on top
    code, out, _ = ctl("vacuum", "--data", daemon.data)
    assert (code, "given back; the database has " in out) == (0, True)
    assert daemon.terminate() == 0

    free_pages(daemon)
    code, out, complaint = ctl("vacuum", "--data", daemon.data)
    assert (code, "MiB given back" in out) == (0, True), complaint
    assert space(daemon)["database"] < before["database"] / 20
    assert ctl("verify", "--data", daemon.data)[1] == "all is right\n"
    code, _, complaint = ctl("vacuum", "--data", daemon.folder / "nowhere")
    assert (code, "There is no folder" in complaint) == (1, True)
