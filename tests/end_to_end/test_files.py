"""Files with real processes: lines that are cut, kills, full disks, quotas, odd sources and names."""

import hashlib
import os
import random
import resource
import socket
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.harness.forwarder import Forwarder
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, Deadline, free_port
from tests.end_to_end.harness.stranger import Stranger, digest

MIB = 1 << 20
WINDOW = MIB
BLOCK = 1_000_003
"""Bytes after which a file repeats itself but for a number: nothing is sent in pieces of that size."""

ROOM = "#files"
NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
SEED = int(os.environ.get("CHATD_SEED", random.randrange(1 << 32)))
"""What random moments come from; a failure tells it."""


@dataclass(frozen=True)
class Made:
    """A file of ours."""

    path: Path
    size: int
    sha256: str


def sha256(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.fixture
def make(tmp_path):
    """Return a function that makes files that are unlike each other, and no two pieces of which are alike."""
    folder = tmp_path / "ours"
    folder.mkdir()

    def make(size, name="some.bin"):
        path = folder / name
        block = os.urandom(BLOCK)  # to make all of it of chance takes longer than to send it
        with path.open("wb") as file:
            for number in range(size // BLOCK):
                file.write(number.to_bytes(8) + block[8:])
            file.write(block[: size % BLOCK])
        return Made(path, size, sha256(path))

    return make


@pytest.fixture
def put(start_chatc):
    """Return a function that starts ``chatc put`` of files in the room."""

    def put(one, nick, *files, room=ROOM):
        return start_chatc(one, nick, "put", room, *(str(file) for file in files), "--json")

    return put


@pytest.fixture
def get(start_chatc):
    """Return a function that starts ``chatc get``."""

    def get(one, nick, which, to, *more, room=ROOM):
        return start_chatc(one, nick, "get", room, str(which), "-o", str(to), "--json", *more)

    return get


@pytest.fixture
def posted(daemon, put, make):
    """Return a function that makes and posts a file, and returns it with the number of its event."""

    def post(size, nick="poster", name="some.bin"):
        made = make(size, name)
        one = put(daemon, nick, made.path)
        assert one.wait() == 0, one.complaints
        return made, done(one)["seq"]

    return post


def done(chatc):
    """Return the last line of a transfer that is done."""
    return [line for line in chatc.lines() if line["state"] == "done"][-1]


def files_in(daemon, room=ROOM):
    """Return the file events of ``room``."""
    with Stranger(daemon.port) as judge:
        judge.enter(f"judge{random.randrange(10**9)}")
        page = judge.ask("history", room=room, after=0, limit=200)
        return [event for event in page["events"] if event["kind"] == "file"]


def posted_once(daemon, made):
    """Check that exactly one event posts ``made``."""
    assert Counter(event["file"]["sha256"] for event in files_in(daemon))[made.sha256] == 1


def fetched(daemon, sha):
    """Return the bytes that the daemon hands out for ``sha``."""
    with Stranger(daemon.port, patience=60) as judge:
        judge.enter(f"judge{random.randrange(10**9)}")
        return judge.get(ROOM, file=sha)


def await_line(chatc, what, patience=PATIENCE):
    """Wait until ``chatc`` has printed a line for which ``what`` holds."""
    deadline = Deadline(patience)
    while not (found := [line for line in chatc.lines() if what(line)]):
        deadline.check(f"a line of {chatc.nick}: {chatc.lines()[-3:]} {chatc.complaints}")
        time.sleep(0.01)
    return found[0]


def ended_in(patience, *chatcs):
    for one in chatcs:
        assert one.wait(patience) == 0, (one.nick, one.complaints, one.lines()[-3:])


# ---- lines that are cut ---------------------------------------------------------------------------------

LARGE = 100 * MIB
RATE = 25e6
LIFE = 0.5


def test_a_hundred_mebibytes_over_a_line_that_is_cut_every_half_second(
    daemon, put, get, posted, make, tmp_path
):
    going, (coming, seq) = make(LARGE, "going.bin"), posted(LARGE, name="coming.bin")
    with Forwarder(daemon.port, RATE, LIFE) as up, Forwarder(daemon.port, RATE, LIFE) as down:
        ended_in(55, put(up, "ann", going.path), get(down, "bob", seq, tmp_path / "came.bin"))
        for line, bytes_ in ((up, up.up), (down, down.down)):
            assert line.cuts >= 5
            assert LARGE <= bytes_ <= LARGE * 1.02 + line.cuts * WINDOW
    assert sha256(tmp_path / "came.bin") == coming.sha256
    assert digest(fetched(daemon, going.sha256)) == going.sha256
    posted_once(daemon, going)


def test_what_is_there_already_does_not_travel_again(daemon, put, posted):
    made, _ = posted(20 * MIB)
    with Forwarder(daemon.port) as line:
        ended_in(PATIENCE, put(line, "reader", made.path))
        assert line.up < MIB
    assert len(files_in(daemon)) == 2


@pytest.mark.parametrize("kind", ["tls", "unix"])
def test_other_ways_to_the_daemon(make_daemon, start_chatc, certificate, make, kind, tmp_path):
    """What carries the bytes makes no difference."""
    crt, key = certificate()
    port = free_port()
    daemon = make_daemon()
    with tempfile.TemporaryDirectory(prefix="chatd-") as short:
        socket_ = f"{short}/chatd.sock"
        daemon.listen = (
            *daemon.listen,
            f"unix:{socket_}:lockfile=0",
            f"ssl:{port}:privateKey={key}:certKey={crt}:interface={LOOPBACK}",
        )
        daemon.start()
        server = {"tls": f"tls://localhost:{port}", "unix": f"unix:{socket_}"}[kind]
        more = ("--server", server, *(("--ca", str(crt)) if kind == "tls" else ()))
        made = make(20 * MIB)
        one = start_chatc(daemon, "ann", *more, "put", ROOM, str(made.path), "--json")
        ended_in(PATIENCE, one)
        came = tmp_path / "came"
        ended_in(
            PATIENCE,
            start_chatc(daemon, "bob", *more, "get", ROOM, str(done(one)["seq"]), "-o", str(came), "--json"),
        )
    assert sha256(came) == made.sha256


def test_a_daemon_that_is_stopped_waits_for_no_file(daemon, put, get, posted, make, tmp_path):
    """It ends as quickly as ever; both go on with the next one from where they were."""
    going, (coming, seq) = make(MEDIUM, "going.bin"), posted(MEDIUM, name="coming.bin")
    with Forwarder(daemon.port, SLOW) as up, Forwarder(daemon.port, SLOW) as down:
        both = put(up, "ann", going.path), get(down, "bob", seq, tmp_path / "came.bin")
        for one in both:
            await_line(one, lambda line: line["done"] > 5 * MIB and line["state"] != "reading")
        begin = time.monotonic()
        assert daemon.terminate() == 0
        assert time.monotonic() - begin < 5
        daemon.start()
        ended_in(40, *both)
        assert up.up <= MEDIUM * 1.02 + 2 * WINDOW
        assert down.down <= MEDIUM * 1.02 + 2 * WINDOW
    assert sha256(tmp_path / "came.bin") == coming.sha256
    posted_once(daemon, going)


# ---- kills ----------------------------------------------------------------------------------------------

MEDIUM = 60 * MIB
SLOW = 15e6
KILLS = 4
SYNC = 8 * MIB
"""What a side may have received and not yet synced when it is killed, in bytes."""


def lost_at_most(kills):
    return kills * (SYNC + 2 * WINDOW)


def test_the_daemon_is_killed_again_and_again(daemon, put, get, posted, make, tmp_path):
    chance = random.Random(SEED)
    going, (coming, seq) = make(MEDIUM, "going.bin"), posted(MEDIUM, name="coming.bin")
    with Forwarder(daemon.port, SLOW) as up, Forwarder(daemon.port, SLOW) as down:
        both = put(up, "ann", going.path), get(down, "bob", seq, tmp_path / "came.bin")
        for _ in range(KILLS):
            for one in both:
                await_line(one, lambda line: line["state"] in {"sending", "receiving", "done"})
            time.sleep(chance.uniform(0, 0.8))
            daemon.kill()
            daemon.start()
        ended_in(55, *both)
        assert up.up <= MEDIUM * 1.02 + lost_at_most(KILLS), f"seed {SEED}"
        assert down.down <= MEDIUM * 1.02 + lost_at_most(KILLS), f"seed {SEED}"
    assert sha256(tmp_path / "came.bin") == coming.sha256, f"seed {SEED}"
    assert digest(fetched(daemon, going.sha256)) == going.sha256, f"seed {SEED}"
    posted_once(daemon, going)


def test_the_client_is_killed_again_and_again(daemon, put, get, posted, make, tmp_path):
    """The same command goes on where the last one was; what was kept of it is not sent again."""
    chance = random.Random(SEED)
    going, (coming, seq) = make(MEDIUM, "going.bin"), posted(MEDIUM, name="coming.bin")
    with Forwarder(daemon.port, SLOW) as up, Forwarder(daemon.port, SLOW) as down:
        for _ in range(KILLS):
            both = put(up, "ann", going.path), get(down, "bob", seq, tmp_path / "came.bin")
            time.sleep(chance.uniform(0.3, 0.9))  # four of them are less than the file takes on this link
            for one in both:
                one.kill()
                assert not [line for line in one.lines() if line["percent"] == 100], f"seed {SEED}"
            assert not (tmp_path / "came.bin").exists()
        ended_in(40, put(up, "ann", going.path), get(down, "bob", seq, tmp_path / "came.bin"))
        assert up.up <= MEDIUM * 1.02 + lost_at_most(KILLS), f"seed {SEED}"
        assert down.down <= MEDIUM * 1.02 + lost_at_most(KILLS), f"seed {SEED}"
    assert sha256(tmp_path / "came.bin") == coming.sha256, f"seed {SEED}"
    assert digest(fetched(daemon, going.sha256)) == going.sha256, f"seed {SEED}"
    posted_once(daemon, going)
    assert not list(tmp_path.glob("*.part*"))


def test_many_small_files_while_the_daemon_is_killed(daemon, put, make):
    """The kills come between all the steps that complete a file; each is posted once, and none is torn."""
    chance = random.Random(SEED)
    mades = [make(chance.choice([0, 1, 5_000, 300_000, 2 * MIB]) + n, f"{n}.bin") for n in range(40)]
    one = put(daemon, "ann", *(made.path for made in mades))
    kills = 0
    while one.running and kills < 12:
        time.sleep(chance.uniform(0.02, 0.2))
        daemon.kill()
        kills += 1
        daemon.start()
    ended_in(55, one)
    assert kills >= 3
    names = [event["file"]["name"] for event in files_in(daemon)]
    assert names == [made.path.name for made in mades], f"seed {SEED}"
    for made in mades:
        assert digest(fetched(daemon, made.sha256)) == made.sha256, f"seed {SEED}"
    blobs = [path for path in (daemon.data / "blobs").rglob("*") if path.is_file()]
    assert sorted(path.name for path in blobs) == sorted(made.sha256 for made in mades)
    assert not list((daemon.data / "partial").iterdir())


def test_a_hundred_percent_means_that_it_is_there(daemon, put, make):
    """The daemon dies in the moment that all is said to be stored: the file is on its disk, and right."""
    for turn in range(3):
        made = make(30 * MIB, f"{turn}.bin")
        one = put(daemon, f"ann{turn}", made.path)
        await_line(one, lambda line, size=made.size: line["done"] == size and line["state"] != "reading")
        daemon.kill()
        there = [path for path in daemon.data.rglob(f"*{made.sha256}*") if path.stat().st_size == made.size]
        assert [sha256(path) for path in there] == [made.sha256]
        daemon.start()
        ended_in(PATIENCE, one)
        posted_once(daemon, made)


def test_below_a_hundred_percent_until_the_last_byte_is_stored(daemon, put, make):
    """The daemon stands still before the end: nobody is told of a hundred percent."""
    made = make(30 * MIB)
    with Forwarder(daemon.port, 10e6) as line:
        one = put(line, "ann", made.path)
        await_line(one, lambda line: line["state"] == "sending" and line["done"] > 0)
        assert all(said["percent"] < 100 for said in one.lines())
        ended_in(PATIENCE, one)
    lines = one.lines()
    assert [said["percent"] for said in lines if said["state"] == "done"] == [100]
    assert all(said["percent"] < 100 for said in lines if said["state"] != "done")


# ---- sources --------------------------------------------------------------------------------------------


def make_fifo(path):
    os.mkfifo(path)


def make_folder(path):
    path.mkdir()


def make_socket(path):
    one = socket.socket(socket.AF_UNIX)
    one.bind(os.path.relpath(path))
    one.close()


def make_nothing(path):
    pass


def make_dangling(path):
    path.symlink_to("nowhere")


def make_loop(path):
    path.symlink_to(path.name)


def make_link_to_a_fifo(path):
    os.mkfifo(path.with_name("the-fifo"))
    path.symlink_to("the-fifo")


def make_link_to_zeros(path):
    path.symlink_to("/dev/zero")


ODD = [
    make_fifo,
    make_folder,
    make_socket,
    make_nothing,
    make_dangling,
    make_loop,
    make_link_to_a_fifo,
    make_link_to_zeros,
]


def test_what_is_no_file_is_refused_with_a_sentence(daemon, put, tmp_path, monkeypatch):
    """All at once in one command: each is named with its reason, the good one between them is posted."""
    monkeypatch.chdir(tmp_path)
    paths = [tmp_path / one.__name__ for one in ODD]
    for one, path in zip(ODD, paths, strict=True):
        one(path)
    good = tmp_path / "good.txt"
    good.write_text("good")
    one = put(daemon, "ann", *paths, good)
    assert one.wait() == 1
    for path in paths:
        assert [line for line in one.complaints.splitlines() if str(path) in line], path
    assert "Traceback" not in one.complaints
    assert [event["file"]["name"] for event in files_in(daemon)] == ["good.txt"]


def test_symbolic_links_and_nothing_at_all(daemon, put, tmp_path):
    (tmp_path / "real.txt").write_text("words")
    (tmp_path / "link.txt").symlink_to("real.txt")
    (tmp_path / "empty").touch()
    ended_in(PATIENCE, put(daemon, "ann", tmp_path / "link.txt", tmp_path / "empty"))
    link, empty = files_in(daemon)
    assert (link["file"]["name"], link["file"]["size"]) == ("link.txt", 5)
    assert (empty["file"]["name"], empty["file"]["size"]) == ("empty", 0)
    assert fetched(daemon, link["file"]["sha256"]) == b"words"


@pytest.mark.parametrize("how", ["truncated", "overwritten", "replaced", "removed"])
def test_a_source_that_changes_meanwhile(daemon, put, make, how):
    """Either what was there at first is posted, whole, or nothing is and the user is told."""
    made = make(30 * MIB)
    with Forwarder(daemon.port, 10e6) as line:
        one = put(line, "ann", made.path)
        await_line(one, lambda line: line["state"] == "sending" and line["done"] > 0)
        change(made.path, how)
        status = one.wait(40)
    events = files_in(daemon)
    if status == 0:
        assert how in {"replaced", "removed"}
        assert digest(fetched(daemon, made.sha256)) == made.sha256
    else:
        assert events == []
        assert "Traceback" not in one.complaints
        assert str(made.path) in one.complaints or made.path.name in one.complaints


def change(path, how):
    if how == "truncated":
        os.truncate(path, 3 * MIB)
    elif how == "overwritten":
        with path.open("r+b") as file:
            file.seek(-MIB, os.SEEK_END)
            file.write(bytes(MIB))
    else:
        path.unlink()
        if how == "replaced":
            path.write_bytes(b"quite another")


# ---- names ----------------------------------------------------------------------------------------------

ODD_NAMES = [
    ".bashrc",
    "..bashrc",
    "-rf",
    "--output",
    "~",
    "~root",
    "CON",
    "nul.txt",
    "COM1.tar.gz",
    "aux",
    "a:b",
    "a*b?c<d>e|f",
    '"quoted"',
    "$(reboot)",
    "`reboot`",
    "trailing. ",
    " leading",
    "…",
    "é" * 127,
    "x" * 255,
    "x" * 246 + ".tar.gz",
    "some.bin.part",
    "some.bin.part.json",
    "%s%n%x",
    "\u200b",
    "ﬁle",
    "a\u0301",
    "👍" * 60,
]


def test_what_a_stranger_calls_a_file_harms_nobody(daemon, get, tmp_path):
    """Whatever name the daemon lets pass, the file lies in the folder that was named, under a tame name."""
    folder = tmp_path / "here"
    folder.mkdir()
    contents = {}
    with Stranger(daemon.port) as eve:
        eve.enter_room("eve", ROOM)
        for name in ODD_NAMES:
            data = os.urandom(100)
            eve.upload(data)
            answer = eve.post(
                ROOM, file={"name": name, "size": 100, "sha256": digest(data), "media": "text/plain"}
            )
            if answer["t"] == "ok":
                contents[answer["seq"]] = data
            else:
                assert answer["code"] == "bad-file"
    assert len(contents) > len(ODD_NAMES) // 2
    started = [get(daemon, f"bob{seq}", seq, folder) for seq in contents]
    for one in started:
        assert one.wait(60) == 0, one.complaints
    assert sorted(path.read_bytes() for path in folder.iterdir()) == sorted(contents.values())
    for path in folder.iterdir():
        assert path.is_file()
        assert not path.is_symlink()
        assert path.name[0] not in ".-~ "
        assert path.name.isprintable()
        assert not set(path.name) & set('/\\:*?"<>|')
        assert path.stem.upper() not in {"CON", "NUL", "AUX", "COM1"}
    strays = {path.name for path in tmp_path.iterdir()} - {"here", "daemon0", "ours"}
    assert all(name.startswith("bob") for name in strays), strays


def test_what_is_there_is_not_overwritten(daemon, get, posted, tmp_path):
    made, seq = posted(1000, name="report.txt")
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "report.txt").write_text("mine")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    ended_in(PATIENCE, get(daemon, "bob", seq, folder))
    assert (folder / "report.txt").read_text() == "mine"
    assert [sha256(path) for path in folder.glob("report*(1)*")] == [made.sha256]
    refused = get(daemon, "carl", seq, folder / "report.txt")
    assert refused.wait() == 1
    assert "--force" in refused.complaints
    assert (folder / "report.txt").read_text() == "mine"
    refused = get(daemon, "dave", seq, folder / "link")
    if refused.wait() == 0:
        assert not (tmp_path / "elsewhere").exists()
    ended_in(PATIENCE, get(daemon, "emil", seq, folder / "report.txt", "--force"))
    assert sha256(folder / "report.txt") == made.sha256


def test_two_at_once_do_not_harm_each_other(daemon, get, posted, tmp_path):
    made, seq = posted(40 * MIB, name="large.bin")
    folder = tmp_path / "here"
    folder.mkdir()
    with Forwarder(daemon.port, 20e6) as line:
        both = [get(line, nick, seq, folder) for nick in ("bob", "carl")]
        status = sorted(one.wait(40) for one in both)
    assert status[0] == 0, [one.complaints for one in both]
    assert "Traceback" not in both[0].complaints + both[1].complaints
    assert {sha256(path) for path in folder.iterdir()} == {made.sha256}
    assert status == [0, 0] or any("another" in one.complaints for one in both)


# ---- disks ----------------------------------------------------------------------------------------------


def limit_files(pid, size):
    """Let no file of process ``pid`` grow beyond ``size`` bytes; writing beyond fails as on a full disk."""
    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


def test_the_daemons_disk_is_full(daemon, put, make):
    """The upload waits, chat goes on, and it ends well once there is room; nothing is left beside it."""
    made = make(20 * MIB)
    limit_files(daemon.pid, 8 * MIB)
    one = put(daemon, "ann", made.path)
    await_line(one, lambda line: line["reason"])
    with Stranger(daemon.port) as eve:
        eve.enter_room("eve", ROOM)
        assert eve.post(ROOM, text="still here")["t"] == "ok"
    assert one.running, one.complaints
    assert files_in(daemon) == []
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, NO_LIMIT)
    ended_in(40, one)
    assert digest(fetched(daemon, made.sha256)) == made.sha256
    posted_once(daemon, made)
    there = [path for path in daemon.data.rglob("*") if path.is_file() and path.parent != daemon.data]
    assert sum(path.stat().st_size for path in there) < made.size + 10_000, there


def test_our_own_disk_is_full(daemon, get, posted, tmp_path):
    """It ends with a sentence, keeps what it has, and the same command goes on from there."""
    made, seq = posted(30 * MIB)
    with Forwarder(daemon.port, 20e6) as line:
        one = get(line, "bob", seq, tmp_path / "came.bin")
        await_line(one, lambda line: line["state"] == "receiving")
        limit_files(one.pid, 20 * MIB)
        assert one.wait() == 1
        assert "Traceback" not in one.complaints
        assert one.complaints.strip()
        assert not (tmp_path / "came.bin").exists()
        taken = line.down
        ended_in(PATIENCE, get(line, "bob", seq, tmp_path / "came.bin"))
        assert line.down - taken < 25 * MIB
    assert sha256(tmp_path / "came.bin") == made.sha256


def test_a_folder_that_is_not_there(daemon, get, posted, tmp_path):
    _, seq = posted(1000)
    one = get(daemon, "bob", seq, tmp_path / "no" / "such" / "folder.bin")
    assert one.wait() == 1
    assert "Traceback" not in one.complaints
    assert "folder" in one.complaints


# ---- quotas ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "sizes", "word"),
    [
        ("max_size = 1048576", [1000, 2 * MIB], "limit"),
        ("per_session_day = 3145728", [2 * MIB, 2 * MIB], "day"),
        ("store_size = 3145728", [2 * MIB, 2 * MIB], "room"),
        ("enabled = false", [1000], "files"),
    ],
)
def test_quotas(make_daemon, put, make, config, sizes, word):
    """The last one is refused, with a sentence; what came before is there, and chat goes on."""
    daemon = make_daemon(f"[files]\n{config}\n").start()
    mades = [make(size, f"{number}.bin") for number, size in enumerate(sizes)]
    ended_in(PATIENCE, put(daemon, "ann", *(made.path for made in mades[:-1]))) if mades[:-1] else None
    one = put(daemon, "ann", mades[-1].path)
    assert one.wait() == 1
    assert word in one.complaints, one.complaints
    assert "Traceback" not in one.complaints
    with Stranger(daemon.port) as eve:
        eve.enter_room("eve", ROOM)
    assert [event["file"]["name"] for event in files_in(daemon)] == [made.path.name for made in mades[:-1]]
