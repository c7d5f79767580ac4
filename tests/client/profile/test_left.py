"""What is left in a profile, and by whom: queues of other sessions, and files that were interrupted."""

import hashlib

import pytest

from chatd.client.core.address import parse_address
from chatd.client.core.notices import Begun
from chatd.client.core.outbox import Entry
from chatd.client.core.session import Changes, Session
from chatd.client.files.targets import Target, Wanted
from chatd.client.profile.origins import origin_of
from chatd.client.profile.profiles import open_slot
from chatd.client.values import KeptUpload
from chatd.wire.messages import File

HERE, ELSEWHERE = "127.0.0.1:7411", "example.org"


@pytest.fixture
def take(tmp_path):
    """Return a function that opens slots of one profile as processes do; they are closed at the end."""
    slots = []

    def take(nick="ann", address=HERE, server="s1"):
        slot = open_slot("p", origin_of(parse_address(address)), nick, "login", folder=tmp_path / "profile")
        slots.append(slot)
        slot.remembered()
        save(slot, nick, server)
        return slot

    yield take
    for slot in slots:
        slot.close()


def save(slot, nick, server, *texts):
    entries = tuple(Entry(key, "#tea", text) for key, text in enumerate(texts, 1))
    who = Session(server, 1, f"{nick}-{server}-{slot.number}", nick)
    slot.save(Changes(who, 0, {}, entries, ()), cursors=True)


def leave_queue(take):
    """Let a second process of ann end with two texts and a file that wait."""
    first, second = take(), take()
    save(second, "ann", "s1", "one", "two")
    second.keep_upload(KeptUpload("#tea", "/tmp/photo", ""))
    return first, second


def half(path, data=b"0123456789"):
    """Get half of a file."""
    target = Target(
        Wanted(str(path)), File(name="x", size=len(data), sha256=hashlib.sha256(data).hexdigest())
    )
    target.write((data[:5],))
    target.close()
    return Begun(sending=False, room="#tea", path=str(path), seq=7)


def test_the_queue_of_another_session_is_told_once_nobody_uses_that(take):
    first, second = leave_queue(take)
    assert not first.leftovers.found(), "somebody is about to send it"
    second.close()
    (left,) = first.leftovers.found()
    assert (left.ours, left.here, left.nick, left.slot) == (True, False, "ann", second.number)
    assert left.messages == (("#tea", "one"), ("#tea", "two"))
    assert left.files == (("#tea", "/tmp/photo"),)
    assert not left.rooms


def test_it_is_not_sent_under_our_session_and_can_be_dropped(take):
    first, second = leave_queue(take)
    second.close()
    assert first.leftovers.take_over(0) == ([], {})
    assert first.leftovers.found()
    first.leftovers.drop()
    assert not first.leftovers.found()
    assert not take().remembered().outbox


def test_what_somebody_uses_is_not_dropped(take):
    first, second = leave_queue(take)
    first.leftovers.drop()
    second.close()
    assert first.leftovers.found()


@pytest.mark.parametrize("how", [{"nick": "bob"}, {"address": ELSEWHERE, "server": "s2"}])
def test_what_another_process_does_elsewhere_is_not_called_left(take, how):
    other = take(**how)
    save(other, how.get("nick", "ann"), how.get("server", "s1"), "one")
    first = take()
    assert not first.leftovers.found()
    other.close()
    (left,) = first.leftovers.found()
    assert (left.ours, left.here) == (False, False)
    first.leftovers.drop()
    assert first.leftovers.found(), "that is for others to decide"


def test_half_a_file_is_told_with_how_much_of_it_is_there(take, tmp_path):
    slot = take()
    begun = half(tmp_path / "film")
    slot.leftovers.note(begun)
    assert not slot.leftovers.found(), "this process is getting it"
    slot.close()
    (left,) = take().leftovers.found()
    assert left.ours
    assert left.begun == (Begun(sending=False, room="#tea", path=begun.path, seq=7, done=5, size=10),)


def test_it_is_told_to_whoever_else_has_the_profile_in_whichever_session(take, tmp_path):
    first, second, elsewhere = take(), take(), take("ann", ELSEWHERE, "s2")
    second.leftovers.note(half(tmp_path / "film"))
    second.close()
    assert [left.ours for left in first.leftovers.found()] == [True]
    assert [left.ours for left in elsewhere.leftovers.found()] == [False]


def test_a_file_that_is_there_or_gone_is_told_no_more(take, tmp_path):
    slot = take()
    slot.leftovers.note(half(tmp_path / "film"))
    slot.leftovers.note(half(tmp_path / "song"))
    slot.close()
    (tmp_path / "film.part").unlink()
    slot = take()
    (left,) = slot.leftovers.found()
    assert [begun.path for begun in left.begun] == [str(tmp_path / "song")]
    slot.leftovers.forget(left.begun[0])
    assert not slot.leftovers.found()


def test_dropping_removes_what_has_come_of_it(take, tmp_path):
    slot = take()
    slot.leftovers.note(half(tmp_path / "film"))
    slot.close()
    slot = take()
    slot.leftovers.drop()
    assert not slot.leftovers.found()
    assert [one.name for one in tmp_path.iterdir()] == ["profile"]


def test_dropping_leaves_alone_what_somebody_is_getting_and_what_is_no_part(take, tmp_path):
    slot = take()
    slot.leftovers.note(half(tmp_path / "film"))
    slot.leftovers.note(Begun(sending=True, room="#tea", path=str(tmp_path / "photo")))
    (tmp_path / "photo").write_text("mine")
    slot.close()
    data = b"0123456789"
    target = Target(
        Wanted(str(tmp_path / "film")), File(name="x", size=10, sha256=hashlib.sha256(data).hexdigest())
    )
    take().leftovers.drop()
    assert (tmp_path / "photo").read_text() == "mine"
    assert target.write((data[5:],)) == (10, 10) or target.sync() == 10
    target.finish()
    assert (tmp_path / "film").read_bytes() == data


def test_an_interrupted_upload_is_told_until_it_is_done_in_any_session(take, tmp_path):
    begun = Begun(sending=True, room="#tea", path=str(tmp_path / "photo"))
    (tmp_path / "photo").write_text("mine")
    first, second = take(), take()
    second.leftovers.note(begun)
    second.close()
    (left,) = first.leftovers.found()
    assert left.begun == (begun,)
    first.leftovers.note(begun)
    first.leftovers.forget(begun)
    assert not first.leftovers.found()


def test_the_same_file_for_another_server_is_another_one(take, tmp_path):
    begun = Begun(sending=True, room="#tea", path=str(tmp_path / "photo"))
    (tmp_path / "photo").write_text("mine")
    first, other = take(), take("ann", ELSEWHERE, "s2")
    other.leftovers.note(begun)
    first.leftovers.note(begun)
    first.leftovers.forget(begun)
    other.close()
    (left,) = first.leftovers.found()
    assert left.begun == (begun,)


def test_what_is_on_its_way_goes_along_when_the_server_is_another_one(take, tmp_path):
    slot = take()
    slot.leftovers.note(half(tmp_path / "old"))
    slot.close()
    slot = take()
    slot.leftovers.note(half(tmp_path / "new"))
    save(slot, "ann", "s9")
    (left,) = slot.leftovers.found()
    assert left.here
    assert [begun.path for begun in left.begun] == [str(tmp_path / "old")]
