"""Files through the in-memory network: uploads, downloads, resuming, limits, lies."""

import errno
import os
from itertools import pairwise

import pytest

from chatd.chat import accounts, deleting
from chatd.files.blobs import Key
from chatd.ops.settings import Config, FilesConfig, LimitsConfig, RetentionConfig
from chatd.server.files.expiry import INTERVAL
from chatd.server.files.library import SMALLEST
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.frames import chunk
from chatd.wire.limits import WINDOW
from tests.helpers import hello, restart, turns
from tests.server.files.moving import Mover, content_of, digest_of, file_of

DAY = 86_400


@pytest.fixture
def playground(tmp_path):
    return make(tmp_path)


def make(folder, **files):
    playground = Playground(Config(files=FilesConfig(**files)), folder=folder)
    playground.start_server()
    return playground


def come_in(playground, nick, room="#kitchen", **options):
    mover = Mover(hello(nick), m.Join(id=1, room=room), **options)
    playground.connect(mover)
    playground.advance()
    assert mover.of(m.Welcome)
    return mover


def come_back(playground, mover, **options):
    token = next(w.token for w in mover.of(m.Welcome) if w.token)
    again = Mover(m.Hello(token=token), **options)
    again.tokens = token
    playground.connect(again)
    playground.advance()
    return again


def put(playground, mover, content):
    transfer, request = mover.put(content)
    playground.advance(1)
    assert mover.stored(transfer) == len(content) or mover.answer(request).offset == len(content)
    return file_of(content)


def post(playground, mover, content, n=1, room="#kitchen"):
    file = put(playground, mover, content)
    request = mover.post(room, file, n)
    playground.advance()
    return mover.answer(request).seq


def code_of(mover, request):
    answer = mover.answer(request)
    assert isinstance(answer, m.Error), answer
    return answer.code


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# ---- the way of a file ----------------------------------------------------------------------------------


def test_the_welcome_tells_the_limits(playground, tmp_path):
    limits = come_in(playground, "ada").of(m.Welcome)[0].limits
    assert (limits.file, limits.window, limits.transfers) == (1 << 30, WINDOW, 4)
    plain = Playground()
    plain.start_server()
    limits = come_in(plain, "ada").of(m.Welcome)[0].limits
    assert (limits.file, limits.window, limits.transfers) == (0, 0, 0)


@pytest.mark.parametrize("size", [1, 1000, 65_523, 1_000_000, 5_000_000])
def test_a_file_is_uploaded_posted_and_downloaded(playground, size, tmp_path):
    ada = come_in(playground, "ada")
    bob = come_in(playground, "bob")
    content = content_of(size)
    seq = post(playground, ada, content)
    event = next(e for e in bob.of(m.Event) if e.kind == "file")
    assert (event.seq, event.by, event.file) == (seq, "ada", file_of(content))
    transfer, request = bob.get("#kitchen", seq)
    playground.advance(2)
    ok = bob.answer(request)
    assert (ok.seq, ok.room, ok.offset, ok.file) == (seq, "#kitchen", 0, file_of(content))
    assert bob.came[transfer] == content
    assert names(tmp_path) == [f"1-{digest_of(content)}", digest_of(content)] or len(names(tmp_path)) == 2


def test_the_size_is_stored_only_when_the_blob_is_there(playground, tmp_path):
    ada = come_in(playground, "ada")
    content = content_of(300_000)
    transfer, _ = ada.put(content)
    playground.workers.held = True
    playground.advance(5)
    assert ada.stored(transfer) < len(content)
    request = ada.post("#kitchen", file_of(content), 1)
    playground.advance()
    assert code_of(ada, request) == "no-such-file"
    playground.workers.release()
    playground.advance(1)
    assert ada.stored(transfer) == len(content)
    blob = tmp_path / "blobs" / digest_of(content)[:2] / digest_of(content)
    assert blob.read_bytes() == content
    request = ada.post("#kitchen", file_of(content), 1)
    playground.advance()
    assert ada.answer(request).seq


def test_a_caption_may_be_empty_and_is_checked(playground):
    ada = come_in(playground, "ada")
    file = put(playground, ada, content_of(10))
    bad = ada.post("#kitchen", file, 1, "a\x00b")
    playground.advance()
    good = ada.post("#kitchen", file, 1, "For you")
    playground.advance()
    assert code_of(ada, bad) == "control-character"
    event = next(e for e in ada.of(m.Event) if e.seq == ada.answer(good).seq)
    assert (event.kind, event.text, event.n) == ("file", "For you", 1)


def test_a_file_is_posted_once_however_often_it_is_sent(playground):
    ada = come_in(playground, "ada")
    file = put(playground, ada, content_of(10))
    for _ in range(3):
        ada.post("#kitchen", file, 1)
        playground.advance()
    assert len([e for e in ada.of(m.Event) if e.kind == "file"]) == 1


def test_an_empty_file_is_a_file(playground):
    ada = come_in(playground, "ada")
    seq = post(playground, ada, b"")
    transfer, request = ada.get("#kitchen", seq)
    playground.advance()
    assert ada.answer(request).offset == 0
    assert ada.came[transfer] == b""
    _, request = ada.put(b"", sha256="0" * 64)
    playground.advance()
    assert code_of(ada, request) == "bad-file"


def test_a_download_can_be_named_by_its_digest(playground):
    ada = come_in(playground, "ada")
    old, new = content_of(10, b"old"), content_of(10, b"new")
    post(playground, ada, old)
    post(playground, ada, new, n=2)
    seq = post(playground, ada, old, n=3)
    transfer, request = ada.get("#kitchen", file=digest_of(old)[:8])
    playground.advance()
    assert ada.answer(request).seq == seq
    assert ada.came[transfer] == old
    for digits, code in (
        ("0" * 7, "bad-file"),
        ("x" * 8, "bad-file"),
        ("0" * 8, "no-such-file"),
        ("0" * 65, "bad-file"),
    ):
        _, request = ada.get("#kitchen", file=digits)
        playground.advance()
        assert code_of(ada, request) == code


def test_direct_messages_carry_files_for_two(playground):
    ada, bob, eve = (come_in(playground, nick) for nick in ("ada", "bob", "eve"))
    content = content_of(5000)
    seq = post(playground, ada, content, room="@bob")
    transfer, _ = bob.get("@ada", seq)
    playground.advance()
    assert bob.came[transfer] == content
    room = next(e.room for e in bob.of(m.Event) if e.kind == "file")
    for name in (room, "@ada", "@bob"):
        _, request = eve.get(name, seq)
        playground.advance()
        assert isinstance(eve.answer(request), m.Error)


@pytest.mark.parametrize("held", [True, False], ids=["slow disk", "quick disk"])
def test_a_download_that_waits_for_a_join_keeps_its_place(playground, held):
    ada = come_in(playground, "ada")
    content = content_of(5000)
    seq = post(playground, ada, content)
    eve = come_in(playground, "eve", room="#hall")
    playground.store.held = held
    eve.say(m.Join(id=2, room="#kitchen"))
    transfer, request = eve.get("#kitchen", seq)
    upload, _ = eve.put(b"another")
    playground.advance(0.5)
    playground.store.held = False
    playground.store.release()
    playground.advance(1)
    assert eve.answer(request).seq == seq
    assert eve.came[transfer] == content
    assert eve.stored(upload) == 7
    assert eve.lost is None


def test_what_a_room_has_need_not_be_brought_by_who_has_just_joined(playground):
    ada = come_in(playground, "ada")
    content = content_of(5000)
    post(playground, ada, content)
    eve = come_in(playground, "eve", room="#hall")
    eve.say(m.Join(id=2, room="#kitchen"))
    _, request = eve.put(content)
    playground.advance(1)
    assert eve.answer(request).offset == len(content)


def test_a_wrong_number_that_is_seen_only_then_is_a_mistake_of_the_peer(playground):
    ada = come_in(playground, "ada")
    seq = post(playground, ada, content_of(5000))
    eve = come_in(playground, "eve", room="#hall")
    eve.say(
        m.Upload(id=2, transfer=2, size=7, sha256=digest_of(b"another")),
        m.Join(id=3, room="#kitchen"),
        m.Download(id=4, transfer=1, room="#kitchen", seq=seq),
    )
    playground.advance(1)
    assert [error.code for error in eve.of(m.Error)] == ["bad-message"]
    assert eve.lost is not None


def test_who_left_a_room_reads_it_as_everybody_can(playground):
    ada, bob = come_in(playground, "ada"), come_in(playground, "bob")
    content = content_of(5000)
    seq = post(playground, ada, content)
    bob.say(m.Leave(id=2, room="#kitchen"))
    playground.advance()
    transfer, _ = bob.get("#kitchen", seq)
    playground.advance()
    assert bob.came[transfer] == content
    request = bob.post("#kitchen", file_of(content), 1)
    playground.advance()
    assert code_of(bob, request) == "not-a-member"


@pytest.mark.parametrize("removal", ["kick", "delete-room", "history", "private", "ban", "remove"])
def test_a_download_under_way_ends_when_its_event_may_not_be_read_any_more(playground, removal):
    ada = come_in(playground, "ada")
    content = content_of(4 * WINDOW)
    seq = post(playground, ada, content)
    if removal == "kick":
        ada.say(m.Set(id=2, room="#kitchen", rule="kind", value="private"))
        playground.advance()
        eve = come_in(playground, "eve", room="#hall")
        ada.say(m.InviteTo(id=2, room="#kitchen", whom="eve"))
        playground.advance()
        eve.say(m.Join(id=2, room="#kitchen"))
        playground.advance()
    else:
        eve = come_in(playground, "eve", room="#hall" if removal in {"private", "ban"} else "#kitchen")
    eve.accepting = False
    going, _ = eve.get("#kitchen", seq)
    playground.advance(0.5)
    assert eve.came[going]
    ada.say(
        {
            "kick": m.Kick(id=3, room="#kitchen", whom="eve"),
            "delete-room": m.DeleteRoom(id=3, room="#kitchen"),
            "history": m.Set(id=3, room="#kitchen", rule="history", value="since-join"),
            "private": m.Set(id=3, room="#kitchen", rule="kind", value="private"),
            "ban": m.Ban(id=3, room="#kitchen", whom="eve"),
            "remove": m.Remove(id=3, room="#kitchen", seq=seq),
        }[removal]
    )
    playground.advance()
    came = len(eve.came[going])
    eve.confirm(going, came)
    playground.advance(1)
    assert len(eve.came[going]) == came < len(content)
    code = "no-such-file" if removal == "remove" else "not-a-member"
    assert [(c.transfer, c.code) for c in eve.of(m.Cancel)] == [(going, code)]


def test_a_removed_file_is_gone_unless_another_event_posts_it_or_another_has_brought_it(playground):
    ada, bob = come_in(playground, "ada"), come_in(playground, "bob")
    content, other = content_of(5000), content_of(6000)
    seqs = [post(playground, ada, content, n) for n in (1, 2)]
    blobs = playground.server.files
    for seq, left in zip(seqs, (5000, None), strict=True):
        ada.say(m.Remove(id=900 + seq, room="#kitchen", seq=seq))
        playground.advance(1)
        assert blobs.size(digest_of(content)) == left
    assert not [file for file in playground.folder.rglob("*") if digest_of(content) in file.name]
    _, request = bob.get("#kitchen", seqs[0])
    playground.advance()
    assert code_of(bob, request) == "no-such-file"
    assert not playground.store.files
    seq = post(playground, ada, other, 3)
    bob.put(other)
    playground.advance()
    bob.say(m.Join(id=50, room="#hall"))
    post(playground, bob, other, room="#hall")
    ada.say(m.Remove(id=999, room="#kitchen", seq=seq))
    playground.advance(1)
    assert blobs.size(digest_of(other)) == 6000


def test_a_download_goes_on_where_everybody_may_read(playground):
    ada, eve = come_in(playground, "ada"), come_in(playground, "eve")
    content = content_of(4 * WINDOW)
    seq = post(playground, ada, content)
    going, _ = eve.get("#kitchen", seq)
    ada.say(m.Kick(id=3, room="#kitchen", whom="eve"))
    playground.advance(2)
    assert eve.came[going] == content


# ---- knowing a hash gives no access ---------------------------------------------------------------------


def test_what_one_brought_or_can_read_is_not_sent_again(playground):
    ada, bob = come_in(playground, "ada"), come_in(playground, "bob")
    content = content_of(100_000)
    post(playground, ada, content)
    for mover in (ada, bob):
        transfer, request = mover.put(content)
        playground.advance()
        assert mover.answer(request).offset == len(content)
        assert mover.sent[transfer] == len(content)


def test_a_stranger_with_a_hash_gets_nothing_by_it(playground):
    ada, eve = come_in(playground, "ada"), come_in(playground, "eve", room="#hall")
    come_in(playground, "bob")
    content = content_of(100_000)
    post(playground, ada, content, room="@bob")
    request = eve.post("#hall", file_of(content), 1)
    playground.advance()
    assert code_of(eve, request) == "no-such-file"
    transfer, request = eve.put(content)
    playground.advance(1)
    assert eve.answer(request).offset == 0
    assert eve.stored(transfer) == len(content)
    request = eve.post("#hall", file_of(content), 1)
    playground.advance()
    assert eve.answer(request).seq


# ---- resuming -------------------------------------------------------------------------------------------


def test_an_upload_goes_on_where_the_link_was_cut(playground):
    ada = come_in(playground, "ada")
    content = content_of(3_000_000)
    transfer, _ = ada.put(content)
    playground.network.rate = 500_000
    playground.advance(2)
    ada.transport.abortConnection()
    playground.network.rate = None
    playground.advance(1)
    told = max(p.received for p in ada.of(m.Progress))
    again = come_back(playground, ada)
    transfer, request = again.put(content)
    playground.advance(1)
    assert again.answer(request).offset >= told > 500_000
    assert again.stored(transfer) == len(content)


def test_an_upload_goes_on_after_the_daemon_was_killed(playground):
    ada = come_in(playground, "ada")
    content = content_of(3_000_000)
    transfer, _ = ada.put(content)
    playground.network.rate = 500_000
    playground.advance(4)
    playground.crash_server()
    playground.network.rate = None
    stored = ada.stored(transfer)
    assert 0 < stored < len(content)
    playground.start_server()
    again = come_back(playground, ada)
    transfer, request = again.put(content)
    playground.advance(1)
    assert stored <= again.answer(request).offset < len(content)
    assert again.stored(transfer) == len(content)


def test_who_brought_what_outlives_the_daemon(playground):
    ada = come_in(playground, "ada")
    content = content_of(100_000)
    file = put(playground, ada, content)
    restart(playground)
    again = come_back(playground, ada)
    request = again.post("#kitchen", file, 1)
    playground.advance()
    seq = again.answer(request).seq
    restart(playground)
    once_more = come_back(playground, ada)
    transfer, _ = once_more.get("#kitchen", seq)
    playground.advance(1)
    assert once_more.came[transfer] == content


def test_a_link_lost_behind_the_last_byte_still_makes_a_blob(playground):
    ada = come_in(playground, "ada")
    content = content_of(100_000)
    playground.workers.held = True
    ada.put(content)
    playground.advance()
    # The answer waits for the disk too: let it go, and hold again before the bytes are written.
    playground.workers.release()
    playground.advance(0)
    ada.transport.abortConnection()
    playground.advance(1)
    again = come_back(playground, ada)
    _, request = again.put(content)
    playground.advance(1)
    assert again.answer(request).offset == len(content)


def test_a_download_goes_on_from_its_offset(playground):
    ada = come_in(playground, "ada")
    content = content_of(500_000)
    seq = post(playground, ada, content)
    transfer, request = ada.get("#kitchen", seq, offset=123_456)
    playground.advance(1)
    assert ada.answer(request).offset == 123_456
    assert ada.came[transfer] == content[123_456:]
    transfer, request = ada.get("#kitchen", seq, offset=len(content))
    playground.advance(1)
    assert ada.answer(request).offset == len(content)
    assert ada.came[transfer] == b""
    _, request = ada.get("#kitchen", seq, offset=len(content) + 1)
    playground.advance(1)
    assert code_of(ada, request) == "bad-offset"


def test_two_devices_do_not_write_one_file_at_once(playground):
    ada = come_in(playground, "ada")
    token = ada.of(m.Welcome)[0].token
    other = Mover(m.Hello(token=token, device=True))
    playground.connect(other)
    playground.advance()
    content = content_of(3_000_000)
    playground.network.rate = 500_000
    first, _ = ada.put(content)
    playground.advance(1)
    _, request = other.put(content)
    playground.advance(1)
    assert code_of(other, request) == "too-many-transfers"
    playground.network.rate = None
    playground.advance(2)
    assert ada.stored(first) == len(content)
    _, request = other.put(content)
    playground.advance(1)
    assert other.answer(request).offset == len(content)


def test_the_newcomer_of_a_session_goes_on_with_what_the_old_link_brought(playground):
    ada = come_in(playground, "ada")
    content = content_of(3_000_000)
    playground.network.rate = 500_000
    ada.put(content)
    playground.advance(2)
    playground.workers.held = True
    token = ada.of(m.Welcome)[0].token
    again = Mover(m.Hello(token=token))
    playground.connect(again)
    playground.network.rate = None
    playground.advance()
    transfer, request = again.put(content)
    playground.advance()
    assert again.answer(request) is None
    playground.workers.release()
    playground.advance(1)
    assert again.answer(request).offset > 400_000
    assert again.stored(transfer) == len(content)


# ---- lies -----------------------------------------------------------------------------------------------


def test_bytes_that_are_not_what_was_promised_are_kept_nowhere(playground, tmp_path):
    ada = come_in(playground, "ada")
    content = content_of(300_000)
    transfer, _ = ada.put(content, sha256="0" * 64)
    playground.advance(1)
    (cancel,) = ada.of(m.Cancel)
    assert (cancel.transfer, cancel.code) == (transfer, "hash-mismatch")
    assert names(tmp_path) == []
    assert ada.lost is None
    assert playground.server.files.used == 0
    request = ada.post("#kitchen", m.File(name="a", size=len(content), sha256="0" * 64), 1)
    playground.advance()
    assert code_of(ada, request) == "no-such-file"


def test_a_size_that_is_a_lie_is_found_out(playground):
    ada = come_in(playground, "ada")
    content = content_of(300_000)
    _, _ = ada.put(content, size=len(content) - 1)
    playground.advance(1)
    assert ada.of(m.Error)[-1].code == "bad-chunk"
    assert ada.lost is not None
    bob = come_in(playground, "bob")
    put(playground, bob, content)
    for size in (len(content) - 1, len(content) + 1):
        _, request = bob.put(content, size=size)
        playground.advance(1)
        assert code_of(bob, request) == "bad-file"
        request = bob.post("#kitchen", m.File(name="a", size=size, sha256=digest_of(content)), 1)
        playground.advance(1)
        assert code_of(bob, request) == "bad-file"


@pytest.mark.parametrize(
    ("transfer", "offset", "data"),
    [
        (1, 1, b"x"),
        (1, 2**63, b"x"),
        (2, 0, b"x"),
        (0, 0, b"x"),
        (2**32 - 1, 0, b"x"),
        (1, 0, b""),
    ],
)
def test_a_chunk_that_was_never_agreed_on_ends_the_connection(playground, transfer, offset, data):
    ada = come_in(playground, "ada")
    ada.say(m.Upload(id=2, transfer=1, size=1000, sha256="0" * 64))
    playground.advance()
    ada.transport.write(chunk(transfer, offset, data))
    playground.advance()
    assert ada.of(m.Error)[-1].code == "bad-chunk"
    assert ada.lost is not None


def test_a_chunk_after_the_end_or_before_the_answer_ends_the_connection(playground):
    ada = come_in(playground, "ada")
    content = content_of(1000)
    transfer, _ = ada.put(content)
    playground.advance(1)
    ada.transport.write(chunk(transfer, 1000, b"x"))
    playground.advance()
    assert ada.of(m.Error)[-1].code == "bad-chunk"
    bob = come_in(playground, "bob")
    playground.workers.held = True
    bob.say(m.Upload(id=2, transfer=1, size=1000, sha256="0" * 64))
    bob.transport.write(chunk(1, 0, b"x"))
    playground.advance()
    assert bob.of(m.Error)[-1].code == "bad-chunk"


def test_a_sender_beyond_the_window_ends_the_connection(playground):
    ada = come_in(playground, "ada")
    ada.say(m.Upload(id=2, transfer=1, size=10 * WINDOW, sha256="0" * 64))
    playground.advance()
    playground.workers.held = True
    at = 0
    while ada.lost is None and at < 4 * WINDOW:
        ada.transport.write(chunk(1, at, bytes(60_000)))
        at += 60_000
        playground.advance()
    assert ada.of(m.Error)[-1].code == "bad-chunk"
    assert at <= 2 * WINDOW


@pytest.mark.parametrize(("received", "stored"), [(10**9, 0), (0, 10**9), (5, 6)])
def test_a_progress_of_what_was_never_sent_ends_the_connection(playground, received, stored):
    ada = come_in(playground, "ada", accepting=False)
    seq = post(playground, ada, content_of(500_000))
    transfer, _ = ada.get("#kitchen", seq)
    playground.advance()
    ada.confirm(transfer, received, stored)
    playground.advance()
    assert ada.of(m.Error)[-1].code == "bad-message"


def test_words_about_transfers_that_never_were_are_passed_over(playground):
    ada = come_in(playground, "ada")
    ada.say(m.Progress(transfer=7, received=5, stored=5), m.Cancel(transfer=8))
    seq = post(playground, ada, content_of(10))
    ada.say(m.Progress(transfer=7, received=5, stored=5), m.Cancel(transfer=8))
    transfer, _ = ada.get("#kitchen", seq)
    playground.advance()
    ada.say(m.Progress(transfer=transfer, received=10, stored=10), m.Cancel(transfer=transfer))
    playground.advance()
    assert ada.lost is None


def test_numbers_of_transfers_go_up(playground):
    ada = come_in(playground, "ada")
    ada.say(m.Upload(id=2, transfer=5, size=10, sha256="0" * 64))
    playground.advance()
    ada.say(m.Upload(id=3, transfer=5, size=10, sha256="1" * 64))
    playground.advance()
    assert ada.of(m.Error)[-1].code == "bad-message"
    assert ada.lost is not None


@pytest.mark.parametrize(
    "file",
    [
        m.File(name="../x", size=10, sha256=digest_of(content_of(10))),
        m.File(name="a\x00", size=10, sha256=digest_of(content_of(10))),
        m.File(name="x" * 10_000, size=10, sha256=digest_of(content_of(10))),
        m.File(name="", size=10, sha256=digest_of(content_of(10))),
        m.File(name="a", size=10, sha256="../" + "0" * 61),
        m.File(name="a", size=10, sha256=digest_of(content_of(10)).upper()),
        m.File(name="a", size=10, sha256=digest_of(content_of(10)), media="text/plain\n"),
    ],
)
def test_a_file_that_cannot_be_is_refused(playground, file):
    ada = come_in(playground, "ada")
    put(playground, ada, content_of(10))
    request = ada.post("#kitchen", file, 1)
    playground.advance()
    assert code_of(ada, request) == "bad-file"
    assert ada.post("#kitchen", file_of(content_of(10)), 1)
    playground.advance()
    assert [e.n for e in ada.of(m.Event) if e.kind == "file"] == [1]


@pytest.mark.parametrize("sha256", ["", "../../etc/passwd", "0" * 63, "A" * 64, "0" * 64 + "/"])
def test_an_upload_of_no_digest_is_refused(playground, sha256, tmp_path):
    ada = come_in(playground, "ada")
    _, request = ada.put(b"x", sha256=sha256 or "-")
    playground.advance()
    assert code_of(ada, request) == "bad-file"
    assert names(tmp_path) == []


def test_small_chunks_cost_little(playground):
    ada = come_in(playground, "ada")
    ada.chunk_size = 7
    content = content_of(20_000)
    playground.workers.held = True
    ada.say(m.Upload(id=2, transfer=1, size=len(content), sha256=digest_of(content)))
    playground.advance()
    playground.workers.release()
    playground.advance()
    playground.workers.held = True
    for at in range(0, len(content), 7):
        ada.transport.write(chunk(1, at, content[at : at + 7]))
    playground.advance()
    (upload,) = playground.server.files.uploads._moving
    assert len(upload.writer._pieces) <= 2
    playground.workers.release()
    playground.advance(1)
    assert ada.stored(1) == len(content)


# ---- limits ---------------------------------------------------------------------------------------------


def test_files_can_be_turned_off(tmp_path):
    playground = Playground()
    playground.start_server()
    ada = come_in(playground, "ada")
    _, request = ada.put(b"x")
    playground.advance()
    assert code_of(ada, request) == "unsupported"
    request = ada.post("#kitchen", file_of(b"x"), 1)
    playground.advance()
    assert code_of(ada, request) == "unsupported"
    _, request = ada.get("#kitchen", 1)
    playground.advance()
    assert code_of(ada, request) == "no-such-file"


def test_a_file_that_is_too_large_is_refused(tmp_path):
    playground = make(tmp_path, max_size=1000)
    ada = come_in(playground, "ada")
    _, request = ada.put(bytes(1001))
    playground.advance()
    assert code_of(ada, request) == "file-too-large"
    put(playground, ada, bytes(1000))


def test_a_session_may_upload_so_much_a_day(tmp_path):
    playground = make(tmp_path, per_session_day=250_000)
    ada = come_in(playground, "ada")
    put(playground, ada, content_of(200_000, b"1"))
    put(playground, ada, content_of(200_000, b"1"))  # it is there already and costs nothing
    _, request = ada.put(content_of(100_000, b"2"))
    playground.advance(1)
    assert code_of(ada, request) == "quota-exceeded"
    put(playground, come_in(playground, "bob"), content_of(100_000, b"3"))
    ada.transport.abortConnection()
    playground.advance(DAY, step=3600)
    put(playground, come_back(playground, ada), content_of(100_000, b"2"))


def test_what_did_not_come_costs_nothing(tmp_path):
    playground = make(tmp_path, per_session_day=250_000)
    ada = come_in(playground, "ada")
    for number in range(2, 9):
        ada.say(m.Upload(id=number, transfer=number, size=200_000, sha256=digest_of(b"%d" % number)))
        playground.advance()
        assert ada.answer(number).offset == 0
        ada.say(m.Cancel(transfer=number))
        playground.advance(1)


def test_the_store_may_be_full(tmp_path):
    playground = make(tmp_path, store_size=250_000)
    ada = come_in(playground, "ada")
    put(playground, ada, content_of(200_000, b"1"))
    _, request = ada.put(content_of(100_000, b"2"))
    playground.advance()
    assert code_of(ada, request) == "store-full"
    # What is under way has its room; what was left behind takes no more than it fills, over a restart too.
    ada.say(m.Upload(id=3, transfer=9, size=50_000, sha256="1" * 64))
    playground.advance()
    ada.transport.write(chunk(9, 0, b"x" * 10_000))
    playground.advance(2)
    bob = come_in(playground, "bob")
    _, request = bob.put(content_of(1000, b"3"))
    playground.advance()
    assert code_of(bob, request) == "store-full"
    restart(playground)
    carl = come_in(playground, "carl")
    _, request = carl.put(content_of(40_001, b"4"))
    playground.advance()
    assert code_of(carl, request) == "store-full"
    put(playground, carl, content_of(40_000, b"5"))


def test_small_files_take_room_too(tmp_path):
    playground = make(tmp_path, store_size=10 * SMALLEST)
    ada = come_in(playground, "ada")
    for number in range(9):
        put(playground, ada, b"%d" % number)
    put(playground, ada, b"1")
    put(playground, ada, b"nine")
    _, request = ada.put(b"ten")
    playground.advance()
    assert code_of(ada, request) == "store-full"
    restart(playground)
    bob = come_in(playground, "bob")
    _, request = bob.put(b"ten")
    playground.advance()
    assert code_of(bob, request) == "store-full"


def test_so_many_transfers_at_once(tmp_path):
    playground = make(tmp_path, per_connection=2)
    ada = come_in(playground, "ada")
    playground.network.rate = 100_000
    ada.put(content_of(3_000_000, b"1"))
    ada.put(content_of(3_000_000, b"2"))
    _, request = ada.put(content_of(3_000_000, b"3"))
    playground.advance(60)
    assert code_of(ada, request) == "too-many-transfers"
    assert ada.lost is None


def test_so_many_uploads_in_the_whole_server_and_the_stillest_gives_way(tmp_path):
    playground = make(tmp_path, uploads=2)
    movers = [come_in(playground, nick) for nick in ("ada", "bob", "cas")]
    for number, mover in enumerate(movers[:2]):
        mover.say(m.Upload(id=2, transfer=1, size=1000, sha256=digest_of(b"%d" % number)))
    playground.advance()
    _, request = movers[2].put(content_of(1000))
    playground.advance()
    assert code_of(movers[2], request) == "too-many-transfers"
    playground.advance(20)
    movers[0].transport.write(chunk(1, 0, b"x"))
    playground.advance(20)
    put(playground, movers[2], content_of(1000))
    assert not movers[0].of(m.Cancel)
    assert movers[1].of(m.Cancel)[0].code == "too-many-transfers"
    movers[1].transport.write(chunk(1, 0, b"x"))
    playground.advance()
    assert movers[1].lost is None


def test_one_user_takes_no_more_than_a_quarter_of_what_all_may(tmp_path):
    playground = make(tmp_path, uploads=20)
    ada = come_in(playground, "ada")
    token = ada.of(m.Welcome)[0].token
    refused = []
    for device in range(4):
        mover = Mover(m.Hello(token=token, device=True))
        playground.connect(mover)
        playground.advance()
        for number in (1, 2):
            sha256 = digest_of(b"%d %d" % (device, number))
            mover.say(m.Upload(id=number, transfer=number, size=1000, sha256=sha256))
            playground.advance()
            refused.append(isinstance(mover.answer(number), m.Error))
    assert refused == [False] * 5 + [True] * 3
    put(playground, come_in(playground, "bob"), content_of(1000))


def test_many_small_chunks_are_read_more_slowly(tmp_path):
    config = Config(files=FilesConfig(), limits=LimitsConfig(requests_per_second=10))
    playground = Playground(config, folder=tmp_path)
    playground.start_server()
    ada, bob = come_in(playground, "ada"), come_in(playground, "bob")
    ada.chunk_size = 7
    transfer, _ = ada.put(content_of(70_000))
    playground.advance(1)
    assert ada.stored(transfer) < 35_000
    put(playground, bob, content_of(5_000_000))
    playground.advance(120)
    assert ada.stored(transfer) == 70_000


def test_a_full_disk_ends_the_transfer_and_keeps_what_was_there(playground, monkeypatch):
    ada = come_in(playground, "ada")
    content = content_of(3_000_000)
    transfer, _ = ada.put(content)
    playground.network.rate = 500_000
    playground.advance(2)
    real = os.pwrite

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    playground.advance(1)
    (cancel,) = ada.of(m.Cancel)
    assert (cancel.transfer, cancel.code) == (transfer, "storage-unavailable")
    monkeypatch.setattr(os, "pwrite", real)
    playground.network.rate = None
    playground.advance(2)
    assert ada.lost is None
    transfer, request = ada.put(content)
    playground.advance(1)
    assert 0 < ada.answer(request).offset < len(content)
    assert ada.stored(transfer) == len(content)


def test_a_blob_that_is_gone_has_expired(playground, tmp_path):
    ada = come_in(playground, "ada")
    content = content_of(1000)
    seq = post(playground, ada, content)
    (tmp_path / "blobs" / digest_of(content)[:2] / digest_of(content)).unlink()
    _, request = ada.get("#kitchen", seq)
    playground.advance()
    assert code_of(ada, request) == "file-expired"


def test_a_blob_that_was_cut_is_not_given_out(playground, tmp_path):
    ada = come_in(playground, "ada")
    content = content_of(1000)
    seq = post(playground, ada, content)
    os.truncate(tmp_path / "blobs" / digest_of(content)[:2] / digest_of(content), 999)
    _, request = ada.get("#kitchen", seq)
    playground.advance()
    assert code_of(ada, request) == "storage-unavailable"


# ---- chat first, fairness, memory -----------------------------------------------------------------------


def test_nobody_holds_more_than_a_window(playground):
    ada = come_in(playground, "ada")
    bob = come_in(playground, "bob", accepting=False)
    content = content_of(8_000_000)
    seq = post(playground, ada, content)
    transfer, _ = bob.get("#kitchen", seq)
    playground.advance(5)
    (download,) = playground.server.files.downloads._moving
    assert 0 < len(bob.came[transfer]) <= WINDOW
    assert download.outgoing._held < WINDOW
    bob.accepting = True
    bob.confirm(transfer, len(bob.came[transfer]))
    playground.advance(5)
    assert bob.came[transfer] == content


def test_downloads_share_fairly(playground):
    ada = come_in(playground, "ada")
    contents = [content_of(400_000, b"%d" % number) for number in range(3)]
    seqs = [post(playground, ada, content, n=n) for n, content in enumerate(contents, 1)]
    playground.network.rate = 100_000
    transfers = [ada.get("#kitchen", seq)[0] for seq in seqs]
    playground.advance(6)
    came = [len(ada.came[transfer]) for transfer in transfers]
    assert min(came) > 100_000
    assert max(came) - min(came) <= 2 * 60_000
    playground.advance(10)
    assert [bytes(ada.came[transfer]) for transfer in transfers] == contents


def test_a_message_goes_before_every_chunk_that_is_not_in_the_transport(playground):
    ada = come_in(playground, "ada")
    bob = come_in(playground, "bob")
    content = content_of(3_000_000)
    seq = post(playground, ada, content)
    playground.network.rate = 8_000
    playground.network.latency = 0.02
    bob.get("#kitchen", seq)
    playground.advance(20)
    assert len(bob.came[next(iter(bob.came))]) > 0.8 * 20 * 8_000 - 8_000
    (connection,) = [c for c in playground.server.connections if c.session.user.nick == "bob"]
    waiting = len(connection.transport.dataBuffer)
    assert waiting <= 2_200
    ada.say(m.Send(id=900, n=2, room="#kitchen", text="Hello!"))
    before = len(bob.heard)
    playground.advance(0.05 + 0.3 + 0.1)
    assert "Hello!" in [getattr(message, "text", "") for message in bob.heard[before:]]


def test_a_download_goes_on_when_a_reader_has_caught_up(playground):
    ada = come_in(playground, "ada")
    bob = come_in(playground, "bob")
    content = content_of(200_000)
    seq = post(playground, ada, content)
    for n in range(2, 200):
        ada.say(m.Send(id=900 + n, n=n, room="#kitchen", text="x" * 10_000))
    transfer, _ = bob.get("#kitchen", seq)
    playground.network.rate = 500_000
    playground.advance(30)
    assert bob.came[transfer] == content
    assert len(bob.texts()) == 198


def test_an_idle_connection_costs_nothing_more(playground):
    come_in(playground, "ada")
    (connection,) = playground.server.connections
    assert connection.transfers is None


def test_what_has_ended_holds_no_blocks(playground):
    ada = come_in(playground, "ada", accepting=False)
    seq = post(playground, ada, content_of(1_000_000))
    for _ in range(5):
        transfer, _ = ada.get("#kitchen", seq)
        playground.advance(0.1)
        ada.say(m.Cancel(transfer=transfer))
        playground.advance(0.1)
    (connection,) = playground.server.connections
    past = connection.transfers._past.values()
    assert len(past) == 6
    assert not sum(each.outgoing._held for each in past if hasattr(each, "outgoing"))


# ---- the client ends it ---------------------------------------------------------------------------------


def test_a_cancelled_upload_goes_on_later(playground):
    ada = come_in(playground, "ada")
    content = content_of(3_000_000)
    playground.network.rate = 500_000
    transfer, _ = ada.put(content)
    playground.advance(2)
    ada.say(m.Cancel(transfer=transfer))
    playground.network.rate = None
    ada._sources.pop(transfer)
    playground.advance(1)
    assert not ada.of(m.Cancel)
    transfer, request = ada.put(content)
    playground.advance(1)
    assert ada.answer(request).offset > 400_000
    assert ada.stored(transfer) == len(content)


def test_a_cancelled_download_sends_no_more(playground):
    ada = come_in(playground, "ada", accepting=False)
    seq = post(playground, ada, content_of(3_000_000))
    transfer, _ = ada.get("#kitchen", seq)
    playground.advance()
    came = len(ada.came[transfer])
    ada.say(m.Cancel(transfer=transfer))
    ada.confirm(transfer, came)
    playground.advance(1)
    assert len(ada.came[transfer]) <= came + 60_000
    assert not len(playground.server.files.downloads)


def test_every_request_is_answered_even_if_it_is_cancelled_at_once(playground):
    ada = come_in(playground, "ada")
    seq = post(playground, ada, content_of(1000))
    ada.say(m.Upload(id=50, transfer=60, size=1000, sha256="1" * 64), m.Cancel(transfer=60))
    ada.say(m.Download(id=51, transfer=61, room="#kitchen", seq=seq), m.Cancel(transfer=61))
    playground.advance(1)
    assert (code_of(ada, 50), code_of(ada, 51)) == ("cancelled", "cancelled")
    assert not len(playground.server.files.uploads)
    assert not len(playground.server.files.downloads)
    bob = come_in(playground, "bob")
    put(playground, bob, content_of(500))


# ---- expiry ---------------------------------------------------------------------------------------------


def test_uploads_that_nobody_finishes_or_posts_expire(playground, tmp_path):
    ada = come_in(playground, "ada")
    posted, unposted = content_of(1000, b"posted"), content_of(1000, b"unposted")
    post(playground, ada, posted)
    put(playground, ada, unposted)
    ada.say(m.Upload(id=3, transfer=90, size=50_000, sha256="1" * 64))
    playground.advance()
    ada.transport.write(chunk(90, 0, b"x" * 1000))
    playground.advance(2)
    ada.transport.abortConnection()
    playground.advance(2)
    playground.advance(3 * DAY, step=600)
    assert len(names(tmp_path)) == 6
    playground.advance(5 * DAY, step=600)
    assert names(tmp_path) == [digest_of(posted)]
    assert playground.server.files.used == SMALLEST


def test_a_clock_that_was_put_forward_removes_nothing(playground, tmp_path):
    ada = come_in(playground, "ada")
    content = content_of(1000)
    put(playground, ada, content)
    right = playground.server.wall
    playground.server.wall = lambda: right() + 30 * DAY * 1000
    playground.advance(3600, step=60)
    assert digest_of(content) in names(tmp_path)


def test_a_file_goes_with_its_event(tmp_path):
    config = Config(files=FilesConfig(), retention=RetentionConfig(days=10))
    playground = Playground(config, folder=tmp_path)
    playground.start_server()
    ada = come_in(playground, "ada")
    content = content_of(1000)
    seq = post(playground, ada, content)
    transfer, _ = ada.get("#kitchen", seq)
    playground.advance(1)
    assert ada.came[transfer] == content
    playground.advance(11 * DAY, step=600)
    assert names(tmp_path) == []
    again = come_back(playground, ada)
    _, request = again.get("#kitchen", seq)
    playground.advance()
    assert code_of(again, request) == "no-such-file"
    assert playground.store.files == {}


def test_a_file_may_be_kept_for_a_shorter_time_than_its_event(tmp_path):
    playground = make(tmp_path, keep_days=10, partial_days=1)
    ada = come_in(playground, "ada")
    content = content_of(1000)
    seq = post(playground, ada, content)
    playground.advance(9 * DAY, step=600)
    assert digest_of(content) in names(tmp_path)
    playground.advance(2 * DAY, step=600)
    assert names(tmp_path) == []
    again = come_back(playground, ada)
    _, request = again.get("#kitchen", seq)
    playground.advance()
    assert code_of(again, request) == "file-expired"
    put(playground, again, content)
    transfer, _ = again.get("#kitchen", seq)
    playground.advance()
    assert again.came[transfer] == content


def test_no_empty_folder_is_left(tmp_path):
    playground = make(tmp_path, partial_days=1)
    ada = come_in(playground, "ada")
    put(playground, ada, content_of(1000))
    assert len(list((tmp_path / "blobs").iterdir())) == 1
    playground.crash_server()
    (tmp_path / "blobs" / "zz").mkdir()
    playground.start_server()
    assert len(list((tmp_path / "blobs").iterdir())) == 1
    playground.advance(2 * DAY, step=600)
    assert list((tmp_path / "blobs").iterdir()) == []
    again = come_in(playground, "bob")
    put(playground, again, content_of(1000))
    assert len(list((tmp_path / "blobs").iterdir())) == 1


@pytest.mark.parametrize("account", [False, True])
def test_a_removed_file_is_gone_even_if_a_crash_comes_before_its_bytes_are(playground, account):
    ada, bob = come_in(playground, "ada"), come_in(playground, "bob")
    content, kept = content_of(5000), content_of(6000)
    seq = post(playground, ada, content, 1)
    post(playground, bob, kept, 1)
    playground.advance(1)
    if account:  # under a nick that is nobody's by now
        world = playground.server.hub.world
        ada.say(m.Nick(id=7, nick="ann"))
        playground.advance()
        accounts.make(world, world.nicks["ann"], "hash", playground.wall())
        playground.advance()
        deleting.delete(world, world.nicks["ann"], playground.wall(), erase=True)
        playground.server.hub.call()
    else:
        ada.say(m.Remove(id=8, room="#kitchen", seq=seq))
    playground.workers.held = True
    playground.advance(2)
    playground.crash_server()
    assert [file for file in playground.folder.rglob("*") if digest_of(content) in file.name]
    for _ in range(2):
        playground.start_server()
        playground.advance(5)
        playground.crash_server()
    assert not [file for file in playground.folder.rglob("*") if digest_of(content) in file.name]
    assert [file for file in playground.folder.rglob("*") if digest_of(kept) in file.name]
    assert [sha256 for _, sha256 in playground.store.uploads] == [digest_of(kept)]


def test_what_is_removed_under_an_earlier_nick_is_gone_at_once(playground):
    ada = come_in(playground, "ada")
    content = content_of(5000)
    post(playground, ada, content, 1)
    ada.say(m.Nick(id=7, nick="ann"))
    playground.advance()
    world = playground.server.hub.world
    accounts.make(world, world.nicks["ann"], "hash", playground.wall())
    deleting.delete(world, world.nicks["ann"], playground.wall(), erase=True)
    playground.server.hub.call()
    playground.advance(3)
    assert playground.server.files.size(digest_of(content)) is None
    assert not [file for file in playground.folder.rglob("*") if digest_of(content) in file.name]


def test_very_many_uploads_expire_a_few_at_a_time(playground, tmp_path, monkeypatch):
    monkeypatch.setattr("chatd.server.files.expiry.AT_ONCE", 2)
    library = playground.server.files
    for user in range(100, 109):
        library._date(library.uploaded, Key(user, "a" * 64))
        library._bringers["a" * 64] += 1
    playground.advance()
    left = [9]
    left += [len(library.uploaded) for _ in turns(playground.clock, 600)]
    assert left[-1] == 0
    assert max(before - after for before, after in pairwise(left)) <= 2


def test_uploads_of_a_deleted_account_go(playground):
    ada, bob = come_in(playground, "ada"), come_in(playground, "bob")
    world = playground.server.hub.world
    accounts.make(world, world.nicks["ada"], "hash", playground.wall())
    put(playground, ada, content_of(5000))  # and never posts it
    put(playground, bob, content_of(6000))
    ada.put(content_of(100_000), 900_000, "1" * 64)
    playground.advance(1)
    deleting.delete(world, world.nicks["ada"], playground.wall(), erase=False)
    playground.server.hub.call()
    playground.advance(2 * INTERVAL + 1, 10)
    left = {file.name.partition(".")[0] for file in playground.folder.rglob("*") if file.is_file()}
    assert left == {f"{world.nicks['bob'].id}-{digest_of(content_of(6000))}", digest_of(content_of(6000))}
