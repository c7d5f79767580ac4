"""Files through the client for programs: real files, the in-memory network, a model of the server."""

import os
from pathlib import Path

import pytest
from twisted.internet.defer import CancelledError

from chatd.client.core.notices import NotSaved, SendRefused, TransferSeen
from chatd.client.core.problems import ClientError
from chatd.client.core.stages import Stage
from chatd.wire.errors import Code, RequestError
from tests.client.entering import Room, now
from tests.client.filing import Hands, file_of


@pytest.fixture
def room(tmp_path):
    made = Room(tmp_path)
    yield made
    for client in made.clients:
        client.stop()
        client.hands.work()
    made.advance(3)
    for client in made.clients:
        if client.files._carrier:
            assert not client.files._carrier._closing


def told(client):
    return [notice.transfer for notice in client.heard if isinstance(notice, TransferSeen)]


def stages(client):
    return [transfer.stage for transfer in told(client)]


# ---- put --------------------------------------------------------------------------------------------------


def test_a_file_is_posted_with_its_name_and_caption(room):
    ann, data = room.enter(), os.urandom(100_000)
    putting = ann.files.put("#a", room.file("a.png", data), "look")
    assert [transfer.stage for transfer in ann.files.transfers()] == [Stage.WAITING]
    room.advance(3)
    sent = now(putting)
    (event,) = room.posted
    assert (event.seq, event.text, event.file) == (sent.seq, "look", event.file)
    assert (event.file.name, event.file.size, event.file.media) == ("a.png", 100_000, "image/png")
    assert room.server.blobs[event.file.sha256] == data
    assert stages(ann) == [
        Stage.READING,
        Stage.OFFERING,
        Stage.SENDING,
        Stage.POSTING,
        Stage.DONE,
    ]
    last = told(ann)[-1]
    assert (last.done, last.size, last.seq) == (100_000, 100_000, sent.seq)
    assert not ann.files.transfers()


def test_a_file_goes_on_over_cuts(room):
    ann, data = room.enter(), os.urandom(200_000)
    putting = ann.files.put("#a", room.file("x", data))
    room.world.network.latency = 0.05
    for _ in range(4):
        room.advance(1)
        room.cut()
    room.world.network.latency = 0.0
    room.advance(10)
    now(putting)
    assert room.server.blobs[file_of(data).sha256] == data
    assert Stage.WAITING in stages(ann)
    assert room.server.carried <= len(data) + 5 * 4096
    assert len(room.posted) == 1


@pytest.mark.parametrize("what", ["folder", "none", "caption"])
def test_what_cannot_be_posted_says_why(room, what):
    ann = room.enter()
    room.advance()
    path = room.file("x", b"x" * 100_000)
    caption = "\x01" if what == "caption" else ""
    if what == "folder":
        path = room.folder
    elif what == "none":
        path.unlink()
    putting = ann.files.put("#a", path, caption)
    room.advance(2)
    with pytest.raises((ClientError, RequestError)) as problem:
        now(putting)
    assert problem.value.text
    assert not room.posted
    assert not ann.files.transfers()


def test_a_file_that_changes_between_reading_and_the_end_is_told(room):
    ann = room.enter(hands=Hands(quick=False))
    room.advance()
    path = room.file("x", b"x" * 500_000)
    putting = ann.files.put("#a", path)
    ann.hands.work()
    room.advance(0.2)
    path.write_bytes(b"y" * 500_000)
    for _ in range(40):
        ann.hands.work()
        room.advance(0.1)
    with pytest.raises(ClientError, match="send it when it is complete") as problem:
        now(putting)
    assert problem.value.code == "source-changed"
    assert not room.posted
    assert stages(ann)[-1] is Stage.FAILED


def test_a_blob_that_is_lost_before_it_is_posted_is_brought_again(room):
    ann, data = room.enter(), b"x" * 1000
    room.advance()
    file = file_of(data)
    lost = []

    def lose(message):
        if isinstance(message, TransferSeen) and message.transfer.stage is Stage.POSTING and not lost:
            lost.append(room.server.blobs.pop(file.sha256))

    ann.subscribe(lose)
    putting = ann.files.put("#a", room.file("x", data))
    room.advance(3)
    now(putting)
    assert lost == [data]
    assert room.server.blobs[file.sha256] == data
    assert not [notice for notice in ann.heard if isinstance(notice, SendRefused)]
    assert len(room.posted) == 1


def test_cancelling_gives_up_here_and_there(room):
    ann = room.enter()
    room.advance()
    ann.hands.quick = False
    putting = ann.files.put("#a", room.file("x", os.urandom(500_000)))
    ann.hands.work()
    room.advance(0.1)
    ann.hands.work()
    putting.cancel()
    with pytest.raises(CancelledError):
        now(putting)
    ann.hands.work()
    room.advance(1)
    assert not ann.files.transfers()
    assert not room.factory.made[0].conn.coming
    assert told(ann)[-1].reason == "stopped"


def test_cancelling_before_a_thread_is_free_reads_nothing(room, monkeypatch):
    read = []
    monkeypatch.setattr(os, "pread", lambda *arguments: read.append(arguments))
    ann = room.enter(hands=Hands(quick=False))
    putting = ann.files.put("#a", room.file("x", b"x"))
    putting.cancel()
    ann.hands.work()
    with pytest.raises(CancelledError):
        now(putting)
    assert not read


def test_stopping_the_client_fails_what_is_under_way(room):
    ann = room.enter()
    putting = ann.files.put("#a", room.file("x", b"x"))
    ann.stop()
    with pytest.raises(ClientError, match="stopped"):
        now(putting)


def test_the_same_put_after_a_crash_posts_once(room):
    """The first run is lost behind the server's commit: its post is still in its outbox."""
    ann, path = room.enter(slot=room.slot()), room.file("x", os.urandom(1000))
    room.advance()
    ann.files.put("#a", path, "c").addErrback(lambda _: None)
    for _ in range(200):
        room.world.clock.advance(0)
        if room.posted:
            break
        room.world.clock.advance(0.01)
    assert len(room.posted) == 1
    room.leave(ann)
    again = room.enter(slot=room.slot())
    assert len(again.waiting()) == 1
    putting = again.files.put("#a", path, "c")
    room.advance(3)
    now(putting)
    assert len(room.posted) == 1
    third = again.files.put("#a", path, "c")
    room.advance(3)
    now(third)
    assert len(room.posted) == 2


def test_a_kept_upload_goes_on_in_the_next_run(room):
    ann, data = room.enter(slot=room.slot()), os.urandom(400_000)
    room.advance()
    path = room.file("a b", data)
    room.world.network.latency = 0.05
    ann.files.put("#a", path, "kept", keep=True).addErrback(lambda _: None)
    room.advance(2)
    assert not room.posted
    room.leave(ann)
    room.advance(1)
    assert room.server.partial
    again = room.enter(slot=room.slot())
    ((upload, going_on),) = again.files.put_kept()
    assert (upload.room, upload.path, upload.caption) == ("#a", path, "kept")
    assert upload.sha256 == file_of(data).sha256
    room.advance(20)
    now(going_on)
    assert [event.text for event in room.posted] == ["kept"]
    assert room.server.carried <= len(data) + 4096
    again.stop()
    room.advance(3)
    room.clients.remove(again)
    assert room.slot().uploads() == {}


def test_a_kept_upload_of_a_file_that_changed_is_not_posted_instead(room):
    ann = room.enter(slot=room.slot())
    room.advance()
    path = room.file("x", os.urandom(400_000))
    room.world.network.latency = 0.05
    ann.files.put("#a", path, keep=True).addErrback(lambda _: None)
    room.advance(1)
    room.leave(ann)
    path.write_bytes(b"another")
    again = room.enter(slot=room.slot())
    ((_, going_on),) = again.files.put_kept()
    room.advance(3)
    with pytest.raises(ClientError, match="has changed since"):
        now(going_on)
    assert not room.posted
    assert again.files._notes.kept() == {}


def test_a_kept_upload_that_cannot_be_is_forgotten(room):
    ann = room.enter(slot=room.slot())
    with pytest.raises(ClientError):
        now(ann.files.put("#a", room.folder, keep=True))
    assert ann.files.put_kept() == []
    assert not [notice for notice in ann.heard if isinstance(notice, NotSaved)]


# ---- get --------------------------------------------------------------------------------------------------


def test_a_file_is_got_by_number_or_digest(room):
    data = os.urandom(100_000)
    ann, event = room.enter(), room.server.put("#a", data, "x.bin")
    room.advance()
    first = ann.files.get("#a", event.seq, output=str(room.folder))
    second = ann.files.get("#a", file=event.file.sha256[:8], output=str(room.folder))
    room.advance(3)
    assert now(first) == room.folder / "x.bin"
    assert now(second) == room.folder / "x (1).bin"
    assert {now(path).read_bytes() for path in (first, second)} == {data}
    assert stages(ann)[-1] is Stage.DONE
    last = told(ann)[-1]
    assert (last.name, last.seq, Path(last.path)) == ("x.bin", event.seq, now(second))
    assert (last.done, last.size) == (100_000, 100_000)
    assert not room.server.lies


def test_a_download_goes_on_over_cuts_and_in_the_next_run(room):
    data = os.urandom(300_000)
    ann, event = room.enter(), room.server.put("#a", data, "x")
    room.advance()
    getting = ann.files.get("#a", event.seq, output=str(room.folder))
    getting.addErrback(lambda _: None)
    room.world.network.latency = 0.05
    for _ in range(3):
        room.advance(1)
        room.cut()
    room.advance(1)
    ann.stop()
    room.advance(3)
    room.clients.remove(ann)
    assert (room.folder / "x.part").stat().st_size > 50_000
    room.world.network.latency = 0.0
    again = room.enter("bob")
    getting = again.files.get("#a", event.seq, output=str(room.folder))
    room.advance(30)
    assert now(getting).read_bytes() == data
    assert sorted(path.name for path in room.folder.iterdir() if path.is_file()) == ["x"]
    assert room.server.carried <= len(data) + 8 * 4096


def test_what_cannot_be_got_says_why(room):
    event = room.server.put("#a", b"x", "x")
    ann = room.enter()
    room.advance()
    for how, code in (
        ({"seq": 99}, Code.NO_SUCH_FILE),
        ({"seq": event.seq, "output": str(room.folder / "none" / "x")}, "bad-target"),
    ):
        getting = ann.files.get("#a", **how)
        room.advance(1)
        with pytest.raises((ClientError, RequestError)) as problem:
            now(getting)
        assert problem.value.code == code
    assert not ann.files.transfers()


def test_wrong_bytes_are_not_kept(room):
    event = room.server.put("#a", b"right", "x")
    room.server.blobs[event.file.sha256] = b"wrong"
    ann = room.enter()
    getting = ann.files.get("#a", event.seq, output=str(room.folder))
    room.advance(3)
    with pytest.raises(RequestError, match="is not what was posted"):
        now(getting)
    assert not [path for path in room.folder.iterdir() if path.is_file()]
