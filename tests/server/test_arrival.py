"""Who comes in while commits fail: the welcome is true, and no session is lost."""

import pytest

from chatd.wire import messages as m
from tests.helpers import Talker, come_in, hello, restart, sends


def disk_is_full(playground, full):
    playground.store.failing = OSError("disk full") if full else None


@pytest.mark.parametrize("cursors", [{}, {"#a": 1}])
@pytest.mark.parametrize("following", [False, True], ids=["one-batch", "the-next-batch"])
def test_a_welcome_behind_a_leave_that_could_not_be_stored_tells_of_the_room(playground, cursors, following):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"), m.Join(id=2, room="#b"))
    token = alice.of(m.Welcome)[0].token
    playground.store.held = True
    alice.say(*sends("#b", "keeps the disk busy"))
    playground.advance()
    alice.say(m.Leave(id=3, room="#a"))
    playground.advance()
    if not following:
        playground.store.release(1)
        playground.advance()
    again = come_in(playground, "", m.Join(id=5, room="#c"), token=token, cursors=cursors)
    disk_is_full(playground, True)
    playground.store.release()
    playground.advance()
    (welcome,) = again.of(m.Welcome)
    assert {state.room: state.cursor for state in welcome.rooms} == {"#a": 0, "#b": 0} | cursors
    assert [error.id for error in again.of(m.Error)] == [5]
    disk_is_full(playground, False)
    playground.store.held = False
    playground.store.release()
    again.say(m.Join(id=6, room="#c"), *sends("#a", "still here", n=welcome.last + 1))
    playground.advance()
    assert again.texts("#a") == ["still here"]
    assert again.seqs("#c") == [1]


def test_a_welcome_tells_of_no_room_that_was_joined_behind_its_hello(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    token = alice.of(m.Welcome)[0].token
    come_in(playground, "bob", m.Join(id=1, room="#b"), *sends("#b", "old"))
    playground.store.held = True
    alice.say(*sends("#a", "keeps the disk busy"))
    playground.advance()
    again = come_in(playground, "", m.Join(id=5, room="#b", after=0), token=token)
    playground.store.held = False
    playground.store.release()
    playground.advance()
    assert [state.room for state in again.of(m.Welcome)[0].rooms] == ["#a"]
    assert again.seqs("#b") == [1, 2, 3]


def test_a_cursor_beyond_the_head_of_a_room_whose_leaving_failed_is_brought_back(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    token = alice.of(m.Welcome)[0].token
    playground.store.held = True
    alice.say(m.Leave(id=3, room="#a"))
    playground.advance()
    again = come_in(playground, token=token, cursors={"#a": 99})
    disk_is_full(playground, True)
    playground.store.release()
    playground.advance()
    assert [state.cursor for state in again.of(m.Welcome)[0].rooms] == [1]


@pytest.mark.parametrize("mended_first", [False, True])
def test_a_session_that_was_resumed_while_nothing_could_be_stored_is_not_lost(playground, mended_first):
    first = come_in(playground, "alice", answer_pings=False)
    token = first.of(m.Welcome)[0].token
    disk_is_full(playground, True)
    again = come_in(playground, token=token, answer_pings=False)
    assert again.of(m.Welcome)
    disk_is_full(playground, not mended_first)
    again.transport.abortConnection()
    playground.advance(7300, step=1)
    disk_is_full(playground, False)
    assert come_in(playground, token=token, answer_pings=False).of(m.Welcome)[0].resumed
    restart(playground)
    assert come_in(playground, token=token).of(m.Welcome)[0].resumed


def test_a_session_whose_pong_could_not_be_stored_is_stored_later(playground):
    alice = Talker(hello("alice"), answer_pings=False)
    playground.connect(alice)
    playground.advance()
    disk_is_full(playground, True)
    alice.answer_pings = True
    alice.transport.write(b"\x00\x00\x00\x07\x04token?")
    playground.advance()
    alice.transport.abortConnection()
    playground.advance()
    disk_is_full(playground, False)
    playground.advance(3700, step=1)
    restart(playground)
    assert come_in(playground, token=alice.of(m.Welcome)[0].token).of(m.Welcome)[0].resumed


def test_a_send_that_could_not_be_stored_confirms_no_session(playground):
    playground.store.held = True
    lost = come_in(playground, "alice", m.Join(id=1, room="#a"), answer_pings=False)
    playground.store.release(1)
    playground.network.cut("down")
    playground.store.release()
    playground.advance()
    disk_is_full(playground, True)
    lost.say(*sends("#a", "x"))
    playground.advance()
    playground.store.release()
    disk_is_full(playground, False)
    playground.store.held = False
    lost.transport.abortConnection()
    playground.network.heal()
    playground.advance(1)
    assert come_in(playground, "alice").of(m.Welcome)


def test_a_goodbye_that_forgets_frees_the_nick(playground):
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "last words"))
    ben = come_in(playground, "ben", m.Join(id=1, room="#a"))
    token = ann.of(m.Welcome)[0].token
    ann.say(m.Goodbye(forget=True))
    playground.advance(1)
    assert ann.lost
    assert [event.kind for event in ben.of(m.Event)][-1] == "leave"
    assert come_in(playground, token=token).of(m.Error)[0].code == "unknown-session"
    restart(playground)
    assert come_in(playground, "ann").of(m.Welcome)[0].token


def test_a_device_that_forgets_leaves_the_others_where_they_are(playground):
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    token = ann.of(m.Welcome)[0].token
    phone = come_in(playground, token=token, device=True)
    phone.say(m.Goodbye(forget=True))
    playground.advance(1)
    ann.say(*sends("#a", "still here"))
    playground.advance(1)
    assert ann.texts() == ["still here"]


def test_a_forgotten_session_is_back_where_that_could_not_be_stored(playground):
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"))
    token = ann.of(m.Welcome)[0].token
    disk_is_full(playground, True)
    ann.say(m.Goodbye(forget=True))
    playground.advance(1)
    disk_is_full(playground, False)
    assert come_in(playground, token=token).of(m.Welcome)[0].resumed
