"""Backups of a daemon under load, restored; what verify finds; what export tells."""

import errno
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import tarfile
import threading
from pathlib import Path

import apsw
import pytest

from chatd.offline.backups import restore
from chatd.wire.messages import Event
from tests.end_to_end.harness.processes import environment, script
from tests.end_to_end.harness.raw import sends
from tests.end_to_end.test_control import ctl


def right(*words):
    code, out, complaint = ctl(*words)
    assert code == 0, complaint
    return out


def wrong(*words):
    code, out, complaint = ctl(*words)
    assert code == 1
    assert (out + complaint).count("\n") == 1
    return out + complaint


def put_content(daemon, content, posted=True):
    """Give the data a file as an upload leaves it, which some event posts."""
    sha256 = hashlib.sha256(content).hexdigest()
    folder = daemon.data / "blobs" / sha256[:2]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / sha256).write_bytes(content)
    (daemon.data / "uploaded").mkdir(exist_ok=True)
    (daemon.data / "uploaded" / f"1-{sha256}").touch()
    if posted:
        database = apsw.Connection(str(daemon.data / "chatd.sqlite"))
        database.set_busy_timeout(5000)
        row = (1, 1, sha256, "a.txt", len(content), "text/plain")
        database.execute(
            "INSERT INTO files(room, seq, sha256, name, size, media) VALUES(?, ?, ?, ?, ?, ?)", row
        )
        database.close()
    return folder / sha256


@pytest.fixture
def site(make_daemon, connect):
    """A daemon in which ann has said something, with a file."""
    daemon = make_daemon().start()
    ann = connect(daemon)
    ann.enter("ann")
    ann.join("#tea")
    return daemon, ann


def test_a_backup_under_load_restores_to_a_dense_prefix(site, make_daemon, connect, tmp_path):
    daemon, ann = site
    blob = put_content(daemon, b"a file")
    over = threading.Event()

    def talk():
        n = 1
        while not over.is_set():
            ann.say(*sends("#tea", [f"word {n + i}" for i in range(20)], n))
            n += 20
            over.wait(0.01)

    talker = threading.Thread(target=talk, daemon=True)
    talker.start()
    file = tmp_path / "backup.tar"
    try:
        out = right("backup", file, "--data", daemon.data)
    finally:
        over.set()
        talker.join()
    assert "1 file, read back and right" in out
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []
    assert "is there already" in wrong("backup", file, "--data", daemon.data)
    right("verify", "--data", daemon.data)
    assert "is in use by another daemon" in wrong("restore", file, "--data", daemon.data)
    other = make_daemon(folder="restored")
    right("restore", file, "--data", other.data)
    assert (other.data / blob.relative_to(daemon.data)).read_bytes() == b"a file"
    assert right("verify", "--data", other.data) == "all is right\n"
    events = [json.loads(line) for line in right("export", "#tea", "--data", other.data).splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    other.start()
    back = connect(other)
    back.enter("ben")
    assert other.terminate() == 0


def test_what_is_wrong_is_named(site, tmp_path):
    daemon, ann = site
    ann.say(*sends("#tea", ["one", "two", "three"]))
    ann.events("#tea", 4)
    daemon.terminate()
    blob = put_content(daemon, b"a file")
    database = apsw.Connection(str(daemon.data / "chatd.sqlite"))
    (log,) = database.execute("SELECT id FROM rooms WHERE name = '#tea'").fetchall()[0]
    database.execute("DELETE FROM events WHERE key = ?", ((log << 36) + 2,))
    database.close()
    assert wrong("verify", "--data", daemon.data) == "The log of #tea lacks 1 event, the first of them 2.\n"
    blob.write_bytes(b"A file")
    assert "is damaged" in right_or_wrong("verify", "--data", daemon.data)
    assert "is damaged" in wrong("backup", tmp_path / "b.tar", "--data", daemon.data)
    blob.unlink()
    assert "1 file had been removed already" in right("backup", tmp_path / "b.tar", "--data", daemon.data)


def right_or_wrong(*words):
    return ctl(*words)[1]


def test_a_backup_that_is_none_is_refused(site, tmp_path):
    daemon, _ = site
    file = tmp_path / "b.tar"
    right("backup", file, "--data", daemon.data)
    whole = file.read_bytes()
    place = whole.index(b"SQLite format 3") + 5000
    file.write_bytes(whole[:place] + b"?" + whole[place + 1 :])
    target = tmp_path / "new"
    assert "is damaged" in wrong("restore", file, "--data", target)
    file.write_bytes(whole[: len(whole) // 2])
    assert "no whole backup" in wrong("restore", file, "--data", target)
    file.write_text("hello")
    assert "no whole backup" in wrong("restore", file, "--data", target)
    with tarfile.open(file, "w") as tar:
        tar.add(__file__, "../evil")
    assert "no whole backup" in wrong("restore", file, "--data", target)
    assert not target.exists()
    assert "There is no folder" in wrong("verify", "--data", tmp_path / "nowhere")


def test_a_copy_is_restored_beside_nothing_that_it_would_take_for_its_own(site, tmp_path):
    daemon, _ = site
    put_content(daemon, b"a file")
    file = tmp_path / "b.tar"
    right("backup", file, "--data", daemon.data)
    target = tmp_path / "new"
    for left in ("chatd.sqlite-wal", "chatd.sqlite-journal", "blobs/ab/newer", "partial/newer"):
        path = target / left
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left")
        assert f"({left.split('/')[0]})" in wrong("restore", file, "--data", target)
        assert path.read_bytes() == b"left"
        shutil.rmtree(target)
    (target / "blobs").mkdir(parents=True)
    right("restore", file, "--data", target)
    assert right("verify", "--data", target) == "all is right\n"


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare")
@pytest.mark.parametrize("cut_off_before", [False, True])
def test_a_copy_is_restored_into_a_folder_that_is_a_disk_of_its_own(site, tmp_path, cut_off_before):
    daemon, _ = site
    put_content(daemon, b"a file")
    file, target = tmp_path / "b.tar", tmp_path / "new"
    right("backup", file, "--data", daemon.data)
    target.mkdir()
    left = 'mkdir -p "$1/restoring/blobs"' if cut_off_before else ""
    scene = f"""
        mount -t tmpfs tmpfs "$1"
        mkdir "$1/lost+found"
        {left}
        {shlex.join(script("chatctl"))} restore "$0" --data "$1" >&2
        {shlex.join(script("chatctl"))} verify --data "$1"
        ls "$1"
    """
    command = ["unshare", "--mount", "sh", "-euc", scene, file, target]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == "all is right"
    assert set(done.stdout.split("\n")[1:]) == {"blobs", "chatd.sqlite", "lock", "lost+found", "uploaded", ""}
    assert not list(target.iterdir())


def test_a_restore_that_was_cut_off_leaves_no_database(site, tmp_path, monkeypatch):
    daemon, _ = site
    put_content(daemon, b"a file")
    file = tmp_path / "b.tar"
    right("backup", file, "--data", daemon.data)
    target = tmp_path / "new"
    target.mkdir()
    rename, moved = Path.rename, []

    def cut_off(path, to):
        moved.append(path.name)
        if len(moved) == 3:
            raise OSError(errno.EIO, "The power is gone")
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", cut_off)
    with pytest.raises(OSError, match="The power is gone"):
        restore(file, target, lambda *_: None)
    assert (sorted(moved[:2]), moved[2]) == (["blobs", "uploaded"], "chatd.sqlite")
    monkeypatch.undo()
    assert "(blobs, uploaded)" in wrong("restore", file, "--data", target)


def test_what_a_user_may_ask_for(site, connect):
    daemon, ann = site
    ben = connect(daemon)
    ben.enter("ben")
    ben.join("#tea")
    ann.say(*sends("#tea", ["mine"]), *sends("@ben", ["between us"], 2))
    ben.say(*sends("#tea", ["not mine"]))
    texts = set()
    while not {"mine", "not mine", "between us"} <= texts:
        texts.add(ben.await_(Event).text)
    lines = [json.loads(line) for line in right("export", "@Ann", "--data", daemon.data).splitlines()]
    assert (lines[0]["nick"], lines[0]["rooms"], len(lines[0]["sessions"])) == ("ann", ["#tea"], 1)
    said = [line["text"] for line in lines[1:] if line["kind"] == "message"]
    assert sorted(said) == ["between us", "mine"]
    assert "Nobody is called" in wrong("export", "@nobody", "--data", daemon.data)
    assert "There is no room" in wrong("export", "#nowhere", "--data", daemon.data)
