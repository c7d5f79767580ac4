"""Lies about files, by a client made from docs/PROTOCOL.md alone: each costs its teller, and nobody else."""

import hashlib
import itertools
import json
import os
import struct
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from chatd.server.files.partial_upload import PARKED
from tests.end_to_end.harness.daemon import Daemon
from tests.end_to_end.harness.processes import Deadline
from tests.end_to_end.harness.stranger import (
    CHUNK,
    LARGEST_CHUNK,
    MESSAGE,
    WINDOW,
    Chunk,
    Stranger,
    about,
    chunk,
    digest,
    frame,
)
from tests.faults.bystander import Bystander

HELLO = b"Hello, file!\n"
NOTHING_SHA = digest(b"")
MIB = 1 << 20
NUMBERS = itertools.count()
CONFIG = "[limits]\nrequests_per_second = 0\nnew_sessions_per_minute = 0\n"
NAMES = {
    "empty": "",
    "slash": "a/b",
    "root": "/etc/passwd",
    "up": "../../../../etc/passwd",
    "dot": ".",
    "dots": "..",
    "backslash": "..\\..\\boot.ini",
    "nul": "a\0b",
    "newline": "a\nb",
    "escape": "\x1b[2Jx",
    "delete": "a\x7f",
    "c1": "a\x9bb",
    "bytes": "é" * 128,
    "ten-thousand": "x" * 10_000,
}
MEDIA = {
    "empty": "",
    "no-slash": "text",
    "newline": "text/plain\nx-evil: 1",
    "nul": "text/\0",
    "long": "text/" + "x" * 123,
    "not-ascii": "text/plän",
    "spaces": "text / plain",
}
SHA = {
    "empty": "",
    "short": "a" * 63,
    "long": "a" * 65,
    "upper-case": digest(HELLO).upper(),
    "path": "../" * 21 + "x",
    "nul": "\0" * 64,
    "not-hex": "g" * 64,
    "digits-of-elsewhere": "\u0661" * 64,
    "line-end": digest(HELLO)[:63] + "\n",
}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Return one daemon for all who leave it as they found it."""
    daemon = Daemon(tmp_path_factory.mktemp("house"), CONFIG).start()
    yield daemon
    daemon.end()
    assert not daemon.faults(), daemon.log


@pytest.fixture
def stranger(house):
    """Return a function that lets a stranger connect, under a nick of its own; all connections are closed."""
    made = []

    def connect(nick="", room="#a", **how):
        made.append(Stranger(house.port, **how))
        return made[-1].enter_room(f"{nick}{next(NUMBERS)}", room) if nick else made[-1]

    yield connect
    for one in made:
        one.close()


@pytest.fixture
def ann(stranger):
    return stranger("ann")


@pytest.fixture
def alone(make_daemon):
    """Return a daemon of its own, and somebody in its room."""
    daemon = make_daemon(CONFIG).start()
    with Stranger(daemon.port) as only:
        yield daemon, only.enter_room("ann")


@contextmanager
def watched(daemon):
    """Watch that nobody else has to wait a second; yields the bystander."""
    with Bystander(daemon, f"bystander{next(NUMBERS)}") as bystander:
        yield bystander
    assert bystander.slowest < 1


def is_well(ann):
    """Check that the connection lives, that chat works, and that a file still goes up and down."""
    data = os.urandom(100_000)
    seq = ann.put(data)
    assert ann.get(seq=seq) == data
    assert ann.post(text="still here")["t"] == "ok"


def kept(daemon):
    """Return the sizes of the files that the daemon keeps beside its database, by their paths."""
    return {
        str(path.relative_to(daemon.data)): path.stat().st_size
        for path in daemon.data.rglob("*")
        if path.is_file() and path.parent != daemon.data
    }


def holds_bytes(daemon):
    """Return the sizes of those that hold anything that was uploaded."""
    return {path: size for path, size in kept(daemon).items() if not path.endswith((".json", ".lock"))}


# ---- what is told beforehand ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHA)
def test_no_hash(ann, name):
    _, answer = ann.offer(HELLO, sha256=SHA[name])
    assert answer["code"] == "bad-file", answer
    ann.upload(HELLO)
    assert ann.post(file=about(HELLO, sha256=SHA[name]))["code"] in {"bad-file", "no-such-file"}
    is_well(ann)


@pytest.mark.parametrize(
    "lie",
    [
        {"size": -1},
        {"size": 2**53},
        {"size": 1.5},
        {"size": "13"},
        {"transfer": -1},
        {"transfer": 2**32},
        {"transfer": None},
        {"sha256": 17},
        {"sha256": None},
    ],
    ids=str,
)
def test_no_upload_at_all(stranger, ann, lie):
    eve = stranger("eve")
    eve.say("upload", **{"id": 7, "transfer": 1, "size": 13, "sha256": digest(HELLO), **lie})
    assert eve.ending() == "bad-message"
    is_well(ann)


def test_transfer_zero_is_no_transfer(stranger, ann):
    eve = stranger("eve")
    eve.say("upload", id=7, transfer=0, size=13, sha256=digest(HELLO))
    assert eve.ending() == "bad-message"
    is_well(ann)


@pytest.mark.parametrize("size", [2**53 - 1, 2**62 >> 10, 1 << 40])
def test_too_large(alone, size):
    daemon, ann = alone
    _, answer = ann.offer(HELLO, size=size)
    assert answer["code"] == "file-too-large"
    assert not kept(daemon)
    is_well(ann)


def test_largest_that_is_taken_reserves_nothing(alone):
    """Ten offers of a gibibyte each, of which no byte comes, leave no file behind."""
    daemon, ann = alone
    for number in range(10):
        transfer, answer = ann.offer(b"%d" % number, size=1 << 30)
        assert answer.get("offset") == 0, answer
        ann.say("cancel", transfer=transfer)
    is_well(ann)
    assert sum(holds_bytes(daemon).values()) == 100_000


def test_offers_without_bytes_leave_nothing(alone):
    daemon, ann = alone
    for number in range(300):
        transfer, _ = ann.offer(b"%d" % number)
        ann.say("cancel", transfer=transfer)
    is_well(ann)
    assert len(kept(daemon)) <= 4


@pytest.mark.parametrize("sent", [0, 1000])
def test_promises_fill_no_store(make_daemon, sent):
    """Who offers much and brings little takes no more room from the others than what it brought."""
    daemon = make_daemon("[files]\nstore_size = 10485760\n").start()
    for number in range(3):
        with Stranger(daemon.port) as eve:
            eve.enter_room(f"eve{number}")
            transfer = offered(eve, b"%d" % number)
            if sent:
                eve.write(chunk(transfer, 0, bytes(sent)))
                assert eve.said_of(transfer)["received"] == sent
            eve.say("cancel", transfer=transfer)
            eve.ask("list")
    with Stranger(daemon.port) as ann:
        data = os.urandom(9 * MIB)
        ann.enter_room("ann")
        ann.push(offered(ann, data), data)
        assert ann.post(file=about(data))["t"] == "ok"


def offered(one, data):
    """Return the transfer of 9 MiB that is agreed on, as soon as what the last one took is free again."""
    deadline = Deadline()
    while True:
        transfer, answer = one.offer(data, size=9 * MIB)
        if answer["t"] == "ok":
            return transfer
        assert answer["code"] == "store-full", answer
        deadline.check("room in the store")


@pytest.mark.parametrize("again", ["same", "lower"])
def test_a_number_that_was_used(stranger, ann, again):
    eve = stranger("eve")
    first, _ = eve.offer(HELLO, transfer=7)
    eve.push(first, HELLO)
    _, answer = eve.offer(b"another", transfer=7 if again == "same" else 6)
    assert answer["t"] == "error"
    is_well(ann)


def test_too_many_at_once(ann):
    for number in range(4):
        assert ann.offer(b"%d" % number)[1]["t"] == "ok"
    _, answer = ann.offer(b"one too many")
    assert answer["code"] == "too-many-transfers"
    ann.say("cancel", transfer=1)
    assert ann.offer(b"and now")[1]["t"] == "ok"


# ---- chunks ---------------------------------------------------------------------------------------------

LATER = b"x" * 1000
"""Bytes for chunks that belong nowhere."""


@pytest.fixture
def later():
    """Return bytes that nobody has had before."""
    return os.urandom(len(LATER))


WRONG = {
    "never-offered": lambda t: chunk(t + 1, 0, b"x"),
    "number-nought": lambda _: chunk(0, 0, b"x"),
    "highest-number": lambda _: chunk(2**32 - 1, 0, b"x"),
    "a-hole": lambda t: chunk(t, 0, LATER[:100]) + chunk(t, 101, LATER[101:200]),
    "again": lambda t: chunk(t, 0, LATER[:100]) * 2,
    "backwards": lambda t: chunk(t, 0, LATER[:100]) + chunk(t, 50, LATER[50:100]),
    "begins-late": lambda t: chunk(t, 1, LATER[1:]),
    "offset-beyond-everything": lambda t: chunk(t, 2**64 - 1, b"x"),
    "wraps-around": lambda t: chunk(t, 2**64 - 500, LATER),
    "beyond-the-size": lambda t: chunk(t, 0, LATER + b"y"),
    "beyond-the-size-at-once": lambda t: chunk(t, 0, bytes(LARGEST_CHUNK)),
    "empty": lambda t: chunk(t, 0, b""),
    "no-header": lambda _: frame(CHUNK, b""),
    "half-a-header": lambda t: frame(CHUNK, struct.pack(">IQ", t, 0)[:11]),
}


@pytest.mark.parametrize("name", WRONG)
def test_chunks_that_do_not_follow(house, stranger, ann, name, later):
    eve = stranger("eve")
    transfer, answer = eve.offer(later)
    assert answer["offset"] == 0
    eve.write(WRONG[name](transfer))
    assert eve.ending() == "bad-chunk"
    is_well(ann)
    assert ann.post(file=about(later))["code"] == "no-such-file"


def test_chunks_after_the_end(stranger, ann):
    eve = stranger("eve")
    transfer, _ = eve.offer(HELLO)
    assert eve.push(transfer, HELLO)["stored"] == len(HELLO)
    eve.write(chunk(transfer, len(HELLO), b"and more"))
    assert eve.ending() == "bad-chunk"
    is_well(ann)


def test_chunks_where_none_are_wanted(stranger, ann):
    """The bytes are there already, so the transfer is over with its answer."""
    eve = stranger("eve")
    eve.upload(HELLO)
    transfer, answer = eve.offer(HELLO)
    assert answer["offset"] == len(HELLO)
    eve.write(chunk(transfer, 0, HELLO))
    assert eve.ending() == "bad-chunk"
    is_well(ann)


def test_chunks_of_ones_own_download(stranger, ann):
    seq = ann.put(b"z" * 5_000_000)
    eve = stranger("eve")
    transfer, _ = eve.order(seq=seq)
    eve.write(chunk(transfer, 0, b"x"))
    assert eve.ending() == "bad-chunk"
    is_well(ann)


def test_chunks_after_a_cancel_may_be_on_their_way(ann, later):
    transfer, _ = ann.offer(later)
    ann.write(chunk(transfer, 0, later[:500]))
    ann.say("cancel", transfer=transfer)
    is_well(ann)
    wrong, _ = ann.offer(b"a" * 500_000, sha256=digest(b"something else"))
    ann.write(b"".join(chunk(wrong, n * 1000, b"a" * 1000) for n in range(500)))
    assert ann.await_("cancel", transfer=wrong)["code"] == "hash-mismatch"
    is_well(ann)


def test_chunks_before_the_welcome(stranger, ann):
    eve = stranger()
    eve.write(chunk(1, 0, b"x"))
    assert eve.ending() == "bad-chunk"
    is_well(ann)


def test_one_byte_at_a_time(house, ann, stranger):
    """Chunks of one byte are slow, but their sender's business alone."""
    data = os.urandom(40_000)
    eve = stranger("eve", patience=60)
    with watched(house):
        transfer, _ = eve.offer(data)
        eve.push(transfer, data, step=1)
        assert eve.post(file=about(data))["t"] == "ok"
    assert ann.get(file=digest(data)) == data


def test_a_flood_that_hears_nothing(house, stranger, ann):
    """Whoever sends more than the window without listening is cut off or held back; it costs no memory."""
    eve = stranger("eve", patience=3)
    transfer, _ = eve.offer(b"", size=64 * MIB, sha256=digest(b"never"))
    with watched(house) as bystander, suppress(OSError):
        for offset in range(0, 64 * MIB, 65_536 >> 1):
            eve.write(chunk(transfer, offset, bytes(65_536 >> 1)))
    assert bystander.growth < 16 * MIB
    is_well(ann)


# ---- size and hash --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "lies"),
    [
        (LATER, {"sha256": digest(b"other")}),
        (LATER[:500], {"sha256": digest(LATER)}),
        (LATER + b"more", {"sha256": digest(LATER)}),
        (b"x", {"sha256": NOTHING_SHA}),
    ],
    ids=["other-hash", "cut-short", "made-longer", "hash-of-nothing"],
)
def test_bytes_that_are_not_what_was_told(alone, data, lies):
    daemon, ann = alone
    transfer, answer = ann.offer(data, **lies)
    assert answer["offset"] == 0
    said = ann.push(transfer, data)
    assert (said["t"], said["code"]) == ("cancel", "hash-mismatch")
    assert said["text"]
    assert ann.post(file=about(data, **lies))["code"] == "no-such-file"
    assert ann.post(file=about(data))["code"] == "no-such-file"
    assert not holds_bytes(daemon)
    is_well(ann)


def test_a_hundred_percent_is_never_told_of_wrong_bytes(ann):
    data = os.urandom(3 * MIB)
    transfer, _ = ann.offer(data, sha256=digest(b"other"))
    sent = received = 0
    while True:
        while sent < min(len(data), received + WINDOW):
            end = min(sent + 60_000, len(data), received + WINDOW)
            ann.write(chunk(transfer, sent, data[sent:end]))
            sent = end
        said = ann.said_of(transfer)
        if said["t"] == "cancel":
            return
        assert said["stored"] < len(data)
        received = said["received"]


def test_nothing_at_all_is_a_file(ann, stranger):
    _, answer = ann.offer(b"")
    assert answer["t"] == "ok", answer
    assert answer["offset"] == 0
    seq = ann.post(file=about(b"", "empty"))["seq"]
    bob = stranger("bob")
    _, answer = bob.order(seq=seq)
    assert (answer["offset"], answer["file"]["size"]) == (0, 0)
    is_well(ann)


def test_nothing_with_the_hash_of_something(ann):
    data = os.urandom(100)
    _, answer = ann.offer(b"", sha256=digest(data))
    assert answer["code"] == "bad-file"
    assert ann.post(file=about(b"", sha256=digest(data)))["code"] == "no-such-file"
    is_well(ann)


@pytest.mark.parametrize("size", [0, 500, 999, 1001, 5000])
def test_another_size_for_what_is_there(ann, size, later):
    """A hash that is known, with a size that is not its own, neither completes nor harms the file."""
    seq = ann.put(later)
    _, answer = ann.offer(later, size=size)
    assert answer["t"] == "error" or answer["offset"] != size or size == 0, answer
    assert ann.post(file=about(later, size=size))["code"] in {"bad-file", "no-such-file"}
    assert ann.get(seq=seq) == later
    is_well(ann)


@pytest.mark.parametrize("size", [500, 5000])
def test_another_size_for_what_is_half_there(ann, size, later):
    transfer, _ = ann.offer(later)
    ann.write(chunk(transfer, 0, later[:600]))
    ann.say("cancel", transfer=transfer)
    second, answer = ann.offer(later, size=size)
    assert answer["t"] == "error" or answer["offset"] < size, answer
    if answer["t"] == "ok":
        said = ann.push(second, (later * 5)[:size], answer["offset"])
        assert said.get("code") == "hash-mismatch", said
    is_well(ann)
    ann.upload(later)
    assert ann.post(file=about(later))["t"] == "ok"


def test_the_rest_of_another_file(ann):
    """What was kept of a first attempt does not hide that the rest belongs to something else."""
    good, bad = os.urandom(3 * MIB), os.urandom(3 * MIB)
    transfer, _ = ann.offer(good)
    ann.write(b"".join(chunk(transfer, n * 50_000, good[n * 50_000 :][:50_000]) for n in range(20)))
    ann.await_("progress", transfer=transfer)
    ann.say("cancel", transfer=transfer)
    second, answer = ann.offer(good)
    said = ann.push(second, good[: answer["offset"]] + bad[answer["offset"] :], answer["offset"])
    assert said.get("code") == "hash-mismatch"
    ann.upload(good)
    assert ann.post(file=about(good))["t"] == "ok"
    assert ann.get(file=digest(good)) == good


@pytest.mark.parametrize("links", [1, 2])
def test_the_same_file_twice_at_once(stranger, links):
    """Two uploads of the same bytes at once end well, or one is refused; the file is whole."""
    data = os.urandom(2 * MIB)
    ann = stranger("ann")
    other = ann
    if links == 2:
        other = stranger()
        other.enter(token=ann.token, device=True)
    (first, one), (second, two) = ann.offer(data), other.offer(data)
    assert (one["t"], one["offset"]) == ("ok", 0)
    ann.write(chunk(first, 0, data[:50_000]))
    if two["t"] == "ok":
        said = other.push(second, data, two["offset"])
        assert said["t"] == "cancel" or said["stored"] == len(data)
    else:
        assert two["code"] == "too-many-transfers"
    rest = data[50_000 : 50_000 + LARGEST_CHUNK]
    ann.write(chunk(first, 50_000, rest))
    ann.say("cancel", transfer=first)
    ann.upload(data)
    assert ann.get(seq=ann.post(file=about(data))["seq"]) == data


# ---- posting --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_names_that_no_file_has(ann, name):
    ann.upload(HELLO)
    last = ann.last
    assert ann.post(file=about(HELLO, NAMES[name]))["code"] == "bad-file"
    assert ann.last == last
    is_well(ann)


@pytest.mark.parametrize("name", MEDIA)
def test_types_that_no_file_has(ann, name):
    ann.upload(HELLO)
    assert ann.post(file=about(HELLO, media=MEDIA[name]))["code"] == "bad-file"
    is_well(ann)


@pytest.mark.parametrize("wrong", [{"size": -1}, {"size": "1"}, {"name": 1}, {"name": None}, {"media": 1}])
def test_no_file_at_all(stranger, ann, wrong):
    eve = stranger("eve")
    eve.say("send", id=1, n=1, room="#a", text="", file={**about(HELLO), **wrong})
    assert eve.ending() == "bad-message"
    is_well(ann)


def test_a_file_that_is_not_there(ann, later):
    assert ann.post(file=about(HELLO))["code"] == "no-such-file"
    transfer, _ = ann.offer(later)
    ann.write(chunk(transfer, 0, later[:999]))
    assert ann.post(file=about(later))["code"] == "no-such-file"
    ann.write(chunk(transfer, 999, later[999:]))
    while ann.said_of(transfer)["stored"] < len(later):
        pass
    assert ann.post(file=about(later))["t"] == "ok"


def test_a_send_on_the_heels_of_the_last_byte(ann):
    """Where the send is first it is refused; the event never comes before the file."""
    for _ in range(20):
        data = os.urandom(200_000)
        transfer, _ = ann.offer(data)
        ann.write(b"".join(chunk(transfer, n * 50_000, data[n * 50_000 :][:50_000]) for n in range(4)))
        answer = ann.post(file=about(data))
        if answer["t"] == "error":
            assert answer["code"] == "no-such-file"
            while ann.offer(data)[1].get("offset") != len(data):
                pass
            answer = ann.post(file=about(data))
        assert ann.get(seq=answer["seq"]) == data


def test_a_hash_gives_no_access(stranger, ann):
    """Who knows the hash of a stranger's file can neither post it, nor learn that it is there."""
    secret = os.urandom(500_000)
    bob, eve = stranger("bob"), stranger("eve")
    ann.upload(secret)
    posted = ann.post(f"@{bob.nick}", file=about(secret))
    assert posted["t"] == "ok"
    assert eve.post(file=about(secret))["code"] == "no-such-file"
    assert eve.post(f"@{bob.nick}", file=about(secret))["code"] == "no-such-file"
    transfer, answer = eve.offer(secret)
    assert answer["offset"] == 0
    assert eve.post(file=about(secret))["code"] == "no-such-file"
    eve.say("cancel", transfer=transfer)
    for what in ({"file": digest(secret)}, {"seq": 1}):
        for room in (posted["room"], f"@{ann.nick}", f"@{bob.nick}", "#a"):
            assert eve.order(room, **what)[1]["t"] == "error"
    assert bob.offer(secret)[1]["offset"] == len(secret)
    assert bob.get(posted["room"], file=digest(secret)[:8]) == secret


# ---- downloading ----------------------------------------------------------------------------------------


@pytest.fixture
def posted(ann):
    """Return a file of five mebibytes and the number of its event."""
    data = os.urandom(5 * MIB)
    return data, ann.put(data)


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ({"seq": 0}, "no-such-file"),
        ({"seq": 1}, "no-such-file"),
        ({"seq": 999}, "no-such-file"),
        ({"seq": 2**53 - 1}, "no-such-file"),
        ({"file": "0" * 64}, "no-such-file"),
        ({"file": "%"}, "bad-file no-such-file"),
        ({"file": "_" * 8}, "bad-file no-such-file"),
        ({"file": "*"}, "bad-file no-such-file"),
        ({"file": ""}, "bad-file no-such-file"),
        ({"file": "../" * 20}, "bad-file no-such-file"),
        ({"file": "x" * 10_000}, "bad-file no-such-file"),
        ({}, "bad-file no-such-file"),
    ],
    ids=str,
)
def test_orders_of_what_is_not_there(ann, posted, what, code):
    assert ann.order(**what)[1]["code"] in code.split()
    is_well(ann)


def test_orders_by_too_few_digits(ann, posted):
    name = digest(posted[0])
    assert ann.order(file=name[:7])[1]["code"] in {"bad-file", "no-such-file"}
    assert ann.order(file=name[:8].upper() + "Z")[1]["code"] in {"bad-file", "no-such-file"}
    assert ann.get(file=name[:8]) == posted[0]


@pytest.mark.parametrize("room", ["", "a", "#nowhere", "@nobody", "@1+2", "../x", "#" + "x" * 1000])
def test_orders_from_where_there_is_nothing(ann, posted, room):
    assert ann.order(room, seq=posted[1])[1]["t"] == "error"
    is_well(ann)


def test_offsets_beyond_the_end(ann, posted):
    data, seq = posted
    for offset in (len(data) + 1, 2**53 - 1):
        assert ann.order(seq=seq, offset=offset)[1]["code"] == "bad-offset"
    assert ann.get(seq=seq, offset=len(data) - 1) == data[-1:]
    assert ann.get(seq=seq, offset=1234567) == data[1234567:]
    is_well(ann)


def chunks_until_quiet(one, wait=1.0):
    """Return how many bytes of files come until nothing comes for a second."""
    count = 0
    try:
        while (heard := one.hear(wait)) is not None:
            if isinstance(heard, Chunk):
                count += len(heard.data)
    except TimeoutError:
        pass
    return count


def test_who_says_nothing_gets_a_window_and_no_more(ann, posted):
    _, seq = posted
    transfer, _ = ann.order(seq=seq)
    assert 0 < chunks_until_quiet(ann) <= WINDOW
    assert ann.post(text="still here")["t"] == "ok"
    ann.say("cancel", transfer=transfer)
    is_well(ann)


def test_one_that_is_not_taken_holds_up_no_other(ann, posted):
    """A receiver whose disk hangs confirms nothing: its other files come all the same, after a moment."""
    data, seq = posted
    silent, _ = ann.order(seq=seq)
    chunks_until_quiet(ann)
    assert ann.get(seq=seq) == data
    ann.say("cancel", transfer=silent)
    is_well(ann)


@pytest.mark.parametrize(
    "said",
    [
        {"received": 2**53 - 1, "stored": 2**53 - 1},
        {"received": 10**12, "stored": 0},
        {"received": 0, "stored": 10**12},
        {"received": 0, "stored": 0},
        {"received": 3, "stored": 5},
    ],
    ids=str,
)
def test_progress_that_cannot_be(house, stranger, ann, posted, said):
    """Whatever a receiver says of its progress, it is the only one to feel it."""
    _, seq = posted
    eve = stranger("eve", receive_buffer=4096)
    with watched(house) as bystander:
        transfer, _ = eve.order(seq=seq)
        with suppress(ConnectionError):
            for _ in range(100):
                eve.say("progress", transfer=transfer, **said)
        chunks_until_quiet(eve)
    assert bystander.growth < 8 * MIB
    is_well(ann)


def test_progress_and_cancel_of_nothing(ann):
    for transfer in (1, 17, 2**32 - 1):
        ann.say("progress", transfer=transfer, received=10, stored=10)
        ann.say("cancel", transfer=transfer)
        ann.say("cancel", transfer=transfer, code="x" * 100, text="\0" * 100)
    is_well(ann)


def test_progress_of_ones_own_upload(ann, later):
    transfer, _ = ann.offer(later)
    ann.say("progress", transfer=transfer, received=1000, stored=1000)
    assert ann.post(file=about(later))["code"] == "no-such-file"
    is_well(ann)


def test_nobody_waits_for_those_who_do_not_read(house, stranger, ann, posted):
    """Forty downloads that nobody reads cost some windows at the most, and nobody's time."""
    data, seq = posted
    with watched(house) as bystander:
        for number in range(10):
            eve = stranger(f"eve{number}", receive_buffer=4096)
            for _ in range(4):
                eve.say(
                    "download", id=100 + eve.next_transfer(), transfer=eve.next_transfer(), room="#a", seq=seq
                )
        assert ann.get(seq=seq) == data
    assert bystander.growth < 10 * 2 * MIB


# ---- ends -----------------------------------------------------------------------------------------------


def descriptors(pid):
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_links_that_are_lost_leave_little_open(alone):
    """Some partial files stay open for those who come back; their number is bounded."""
    daemon, ann = alone
    seq = ann.put(os.urandom(5 * MIB))
    before = descriptors(daemon.pid)
    for number in range(60):
        with Stranger(daemon.port) as eve:
            eve.enter_room(f"eve{number}")
            eve.order(seq=seq)
            data = b"%09d" % number * 10_000
            transfer, _ = eve.offer(data)
            eve.write(chunk(transfer, 0, data[:50_000]))
            eve.said_of(transfer)
    deadline = Deadline()
    while descriptors(daemon.pid) > before + PARKED + 4:
        deadline.check("files to be closed")
        is_well(ann)


def test_all_that_ends_well_is_told_once(alone):
    daemon, ann = alone
    is_well(ann)
    assert len(daemon.await_said("upload-ended")) == 1


def test_json_within_a_chunk_and_a_chunk_within_json(ann, stranger):
    """What a file holds is never taken for words."""
    data = frame(MESSAGE, json.dumps({"t": "goodbye"}).encode()) * 1000 + chunk(1, 0, b"x") * 1000
    seq = ann.put(data)
    assert stranger("bob").get(seq=seq) == data
    assert hashlib.sha256(data).hexdigest() == digest(data)
