"""Threads that people follow: who follows which, what is listed, and who may see it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.chat import thread as thread_module
from chatd.chat import threads
from chatd.chat.thread import Thread
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import Code
from tests.helpers import ask, come_in, restart


@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "put", "put", "drop", "load"]), st.integers(1, 40)), max_size=60
    )
)
def test_replies_are_counted_up_to_a_limit(steps):
    most, thread_module.MAX_THREAD_UNREAD = thread_module.MAX_THREAD_UNREAD, 5
    try:
        thread, known = Thread(), []
        for what, seq in steps:
            if what == "put":
                thread.put(seq)
                known = sorted({*known, seq})
                known = known[5:] if len(known) > 10 else known
            elif what == "drop":
                thread.drop(seq)
                known = [one for one in known if one != seq]
            else:
                thread = Thread()
                thread.load(known)
                known = known[-5:]
            for after, head in ((0, 40), (seq, 40), (seq, seq + 3), (seq, seq - 1)):
                assert thread.above(after, head) == min(5, sum(after < one <= head for one in known))
    finally:
        thread_module.MAX_THREAD_UNREAD = most


@pytest.fixture
def playground():
    playground = Playground()
    playground.start_server()
    return playground


class Talk:
    """People in one room."""

    def __init__(self, playground, *nicks, room="#tea"):
        self.playground, self.room, self.count = playground, room, 10
        self.people, self.ns = {}, dict.fromkeys(nicks, 0)
        for nick in nicks:
            self.people[nick] = come_in(playground, nick, m.Join(id=1, room=room), wait=0.1)

    def ask(self, nick, kind, **fields):
        self.count += 1
        if kind is m.Send:
            self.ns[nick] += 1
            fields["n"] = self.ns[nick]
        return ask(self.playground, self.people[nick], kind(id=self.count, room=self.room, **fields))

    def say(self, nick, text="tea?", ref=0):
        return self.ask(nick, m.Send, text=text, ref=ref).seq

    def listed(self, nick):
        return self.ask(nick, m.Threads).threads


def told(talker):
    """Return the last state of each thread that was told."""
    states = {one.thread: one for message in talker.of(m.Following) for one in message.threads}
    return {thread: (one.read, one.unread) for thread, one in states.items() if not one.off}


def test_who_began_it_and_who_replies_follow_it_and_nobody_else(playground):
    talk = Talk(playground, "ann", "ben", "cat", "dan")
    first = talk.say("ann")
    reply = talk.say("ben", "yes", ref=first)
    assert told(talk.people["ann"]) == {first: (reply - 1, 1)}
    assert told(talk.people["ben"]) == {first: (reply, 0)}
    assert told(talk.people["cat"]) == {}
    second = talk.say("cat", "me too", ref=reply)
    assert told(talk.people["cat"]) == {first: (second, 0)}
    (info,) = talk.listed("ann")
    assert info == m.ThreadInfo(
        thread=first, by="ann", text="tea?", read=reply - 1, unread=2, replies=2, last_reply=second
    )
    assert talk.listed("dan") == []


def test_a_thread_is_read_by_itself_and_with_the_room(playground):
    talk = Talk(playground, "ann", "ben")
    one, other = talk.say("ann", "one"), talk.say("ann", "other")
    talk.say("ben", ref=one)
    last = talk.say("ben", ref=one)
    talk.say("ben", ref=other)
    talk.ask("ann", m.Read, seq=last, thread=one)
    assert told(talk.people["ann"]) == {one: (last, 0), other: (last, 1)}
    assert (
        playground.server.hub.world.rooms["#tea"].members[playground.server.hub.world.nicks["ann"]].read == 0
    )
    talk.ask("ann", m.Read, seq=last + 1)
    assert [state.unread for state in talk.listed("ann")] == [0, 0]
    assert told(talk.people["ann"])[other] == (last, 0)


def test_following_can_be_asked_for_and_ended(playground):
    talk = Talk(playground, "ann", "ben", "cat")
    first = talk.say("ann")
    reply = talk.say("ben", ref=first)
    talk.ask("cat", m.FollowThread, thread=reply)
    assert told(talk.people["cat"]) == {first: (reply, 0)}, "that in which the event is"
    talk.ask("ann", m.FollowThread, thread=first, off=True)
    assert told(talk.people["ann"]) == {}
    later = talk.say("ben", ref=first)
    assert told(talk.people["ann"]) == {}, "it stays so, though somebody replies to her"
    assert talk.listed("ann") == []
    assert [info.unread for info in talk.listed("cat")] == [1]
    talk.say("ann", ref=later)
    assert len(talk.listed("ann")) == 1, "but not if she replies herself"
    refused = talk.ask("cat", m.FollowThread, thread=1)
    assert refused.code == Code.NOT_ALLOWED, "a join is nothing to reply to"
    assert talk.ask("cat", m.FollowThread, thread=99).code == Code.NO_SUCH_EVENT
    assert talk.ask("cat", m.FollowThread, thread=98, off=True).id


def test_all_of_it_is_known_after_a_crash_and_told_behind_the_welcome(playground):
    talk = Talk(playground, "ann", "ben")
    first = talk.say("ann")
    talk.say("ben", ref=first)
    token = talk.people["ann"].of(m.Welcome)[0].token
    restart(playground)
    ann = come_in(playground, token=token, cursors={"#tea": 0}, wait=0.1)
    assert told(ann) == {first: (first, 1)}
    device = come_in(playground, token=token, device=True, wait=0.1)
    assert told(device) == {first: (first, 1)}


def test_too_many_are_as_many_as_can_be(playground, monkeypatch):
    monkeypatch.setattr(threads, "MAX_THREADS", 3)
    talk = Talk(playground, "ann", "ben")
    roots = [talk.say("ann", str(number)) for number in range(5)]
    for root in roots:
        playground.advance(1)
        talk.say("ben", ref=root)
    assert [info.thread for info in talk.listed("ben")] == roots[2:]
    assert set(told(talk.people["ben"])) == set(roots[2:])


def test_a_root_that_may_not_be_read_is_not_shown(playground):
    talk = Talk(playground, "ann", "ben")
    talk.ask("ann", m.Set, rule="history", value="since-join")
    first = talk.say("ann", "secret")
    reply = talk.say("ann", "and more", ref=first)
    talk.people["cat"], talk.ns["cat"] = come_in(playground, "cat", m.Join(id=1, room="#tea"), wait=0.1), 0
    assert talk.ask("cat", m.FollowThread, thread=reply).code == Code.NO_SUCH_EVENT
    shown = talk.say("ann", "to all", ref=reply)
    talk.ask("cat", m.FollowThread, thread=shown)
    (info,) = talk.listed("cat")
    assert (info.thread, info.by, info.text, info.replies) == (first, "", "", 0)


def test_who_leaves_follows_nothing_there_any_more(playground):
    talk = Talk(playground, "ann", "ben")
    first = talk.say("ann")
    talk.say("ben", ref=first)
    talk.ask("ben", m.Leave)
    talk.ask("ben", m.Join)
    assert talk.listed("ben") == []
    assert len(playground.store.threads) == 1


def test_what_was_removed_or_edited_is_listed_as_it_is_now(playground):
    talk = Talk(playground, "ann", "ben")
    first, other = talk.say("ann", "frist"), talk.say("ann", "other")
    replies = [talk.say("ben", ref=first), talk.say("ben", ref=other)]
    talk.ns["ann"] += 1
    talk.count += 1
    ask(
        playground,
        talk.people["ann"],
        m.Edit(id=talk.count, room="#tea", seq=first, n=talk.ns["ann"], text="first"),
    )
    talk.ask("ann", m.Remove, seq=other)
    talk.ask("ben", m.Remove, seq=replies[0])
    assert [(one.text, one.removed, one.unread) for one in talk.listed("ann")] == [
        ("first", False, 0),
        ("", True, 1),
    ]
