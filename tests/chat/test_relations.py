"""Edits, reactions, replies and pins: events that refer to earlier ones, and what these have become."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatd.chat.emoji import is_emoji
from chatd.ops.settings import Config, RoomsConfig
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import Code
from chatd.wire.limits import MAX_EDITS, MAX_EMOJI, MAX_PINS, QUOTE
from tests.helpers import ask, come_in, restart, sends

SAID = 2
"""The event in which ann says the first thing in #tea."""


@pytest.fixture
def playground():
    playground = Playground()
    playground.start_server()
    return playground


@pytest.fixture
def ann(playground):
    ann = come_in(playground, "ann", m.Join(id=1, room="#tea"), *sends("#tea", "helo", "two"))
    playground.advance()
    return ann


@pytest.fixture
def ben(playground, ann):
    ben = come_in(playground, "ben", m.Join(id=1, room="#tea", after=0))
    playground.advance()
    return ben


class Numbers(dict):
    """The last number of each talker's requests."""

    def next(self, talker):
        self[talker] = self.get(talker, sum(isinstance(one, m.Send) for one in talker.first)) + 1
        return self[talker]


@pytest.fixture
def tell(playground):
    """Return a function that sends a numbered request with the next number, and returns the answer."""
    numbers = Numbers()

    def tell(talker, kind, **fields):
        answer = ask(playground, talker, kind(id=70, n=numbers.next(talker), room="#tea", **fields))
        if isinstance(answer, m.Error):
            numbers[talker] -= 1  # a refusal takes no number
        return answer

    return tell


def page(playground, talker, **fields):
    answer = ask(playground, talker, m.History(id=88, room="#tea", present=True, **fields))
    assert isinstance(answer, m.Ok), answer
    return answer


def became(playground, talker, seq, **fields):
    return {one.seq: one for one in page(playground, talker, **fields).became}.get(seq, m.Became(seq=seq))


def event(talker, seq):
    return {one.seq: one for one in talker.of(m.Event)}[seq]


# ---- edits ----------------------------------------------------------------------------------------------


def test_an_edit_is_an_event_and_a_page_has_the_latest(playground, ann, ben, tell):
    first = tell(ann, m.Edit, seq=SAID, text="hello")
    assert (first.seq, event(ben, first.seq).kind, event(ben, first.seq).ref) == (5, "edit", SAID)
    assert event(ben, first.seq).text == "hello"
    second = tell(ann, m.Edit, seq=SAID, text="hello!")
    assert became(playground, ben, SAID) == m.Became(seq=SAID, edit=second.seq, text="hello!")
    assert page(playground, ben).at == second.seq
    assert became(playground, ben, SAID, before=3).text == "hello!", "the edit itself is not in the page"


def test_only_who_said_it_edits_it(playground, ann, ben, tell):
    playground.advance()
    answer = tell(ben, m.Edit, seq=SAID, text="no")
    assert (answer.code, answer.text) == (Code.NOT_ALLOWED, "Only who said it may edit that; reply to it.")
    assert tell(ann, m.Edit, seq=1, text="no").code == Code.NOT_ALLOWED, "a join is nothing that was said"
    assert tell(ann, m.Edit, seq=99, text="no").code == Code.NO_SUCH_EVENT
    assert tell(ann, m.Edit, seq=SAID, text=" ").code == Code.EMPTY_TEXT
    edit = tell(ann, m.Edit, seq=SAID, text="yes").seq
    assert tell(ann, m.Edit, seq=edit, text="no").code == Code.NOT_ALLOWED, "an edit is edited by its message"


def test_a_message_is_edited_so_often_and_no_more(playground, ann, tell):
    for number in range(MAX_EDITS):
        assert tell(ann, m.Edit, seq=SAID, text=str(number)).seq
    assert tell(ann, m.Edit, seq=SAID, text="more").code == Code.TOO_MANY_EDITS


def test_what_was_said_long_ago_stays():
    playground = Playground(config=Config(rooms=RoomsConfig(edit_hours=1)))
    playground.start_server()
    ann = come_in(playground, "ann", m.Join(id=1, room="#tea"), *sends("#tea", "helo"))
    playground.advance()
    playground.advance(3590)
    edit = m.Edit(id=7, n=2, room="#tea", seq=SAID, text="hello")
    assert isinstance(ask(playground, ann, edit), m.Ok)
    playground.advance(20)
    answer = ask(playground, ann, m.Edit(id=8, n=3, room="#tea", seq=SAID, text="hello!"))
    assert answer.code == Code.NOT_ALLOWED
    assert "more than 1 hours ago" in answer.text or "1 hour" in answer.text


def test_a_numbered_request_has_one_effect(playground, ann, ben):
    """P3: the same edit and reaction again, as after a lost acknowledgement."""
    edit = m.Edit(id=7, n=3, room="#tea", seq=SAID, text="hello")
    react = m.React(id=8, n=4, room="#tea", seq=SAID, emoji="🍵")
    head = ask(playground, ann, edit).seq
    assert ask(playground, ann, edit) == m.Ok(id=7)
    assert ask(playground, ann, react).seq == head + 1
    assert ask(playground, ann, react) == m.Ok(id=8)
    assert ask(playground, ann, m.Send(id=9, n=4, room="#tea", text="x")) == m.Ok(id=9), (
        "one numbering for all"
    )
    assert ask(playground, ann, m.Send(id=9, n=6, room="#tea", text="x")).code == Code.OUT_OF_ORDER
    assert ben.seqs("#tea")[-1] == head + 1
    restart(playground)
    again = come_in(playground, "ben2", m.Join(id=1, room="#tea", after=0))
    playground.advance()
    assert became(playground, again, SAID).text == "hello"


def test_several_behind_each_other_keep_their_order(playground, ann, ben):
    """A request that waits for the disk holds those behind it back."""
    ann.say(
        m.Edit(id=7, n=3, room="#tea", seq=SAID, text="a"),
        m.Send(id=8, n=4, room="#tea", text="behind"),
        m.Edit(id=9, n=5, room="#tea", seq=SAID, text="b"),
        m.React(id=10, n=6, room="#tea", seq=SAID, emoji="👍"),
        m.React(id=11, n=7, room="#tea", seq=SAID, emoji="👍", off=True),
        m.React(id=12, n=8, room="#tea", seq=SAID, emoji="👍"),
    )
    playground.advance()
    kinds = [one.kind for one in ben.of(m.Event) if one.seq > 4]
    assert kinds == ["edit", "message", "edit", "react", "unreact", "react"]
    assert [one.id for one in ann.of(m.Ok) if 7 <= one.id < 100] == [7, 8, 9, 10, 11, 12]
    row = became(playground, ben, SAID)
    assert (row.text, row.reactions) == ("b", (m.Reaction(emoji="👍", count=1),))


# ---- reactions ------------------------------------------------------------------------------------------


def test_reactions_are_counted_once_per_user_and_emoji(playground, ann, ben, tell):
    assert tell(ann, m.React, seq=SAID, emoji="🍵").seq == 5
    assert tell(ann, m.React, seq=SAID, emoji="🍵").seq is None, "it is so already"
    tell(ben, m.React, seq=SAID, emoji="🍵")
    tell(ben, m.React, seq=SAID, emoji=":tea:")
    mine = m.Reaction(emoji="🍵", count=2, mine=True)
    assert became(playground, ben, SAID).reactions == (mine, m.Reaction(emoji=":tea:", count=1, mine=True))
    assert became(playground, ann, SAID).reactions == (mine, m.Reaction(emoji=":tea:", count=1))
    told = event(ann, 6)
    assert (told.kind, told.by, told.ref, told.value) == ("react", "ben", SAID, "🍵")
    assert tell(ann, m.React, seq=SAID, emoji="🍵", off=True).seq == 8
    assert tell(ann, m.React, seq=SAID, emoji="🍵", off=True).seq is None
    assert event(ben, 8).kind == "unreact"
    assert became(playground, ann, SAID).reactions[0] == m.Reaction(emoji=":tea:", count=1)


def test_two_at_once_are_decided_by_what_the_other_has_decided(playground, ann, ben):
    playground.store.held = True
    ann.say(m.React(id=7, n=3, room="#tea", seq=SAID, emoji="🍵"))
    ben.say(m.React(id=7, n=1, room="#tea", seq=SAID, emoji="🍵"))
    ann.say(m.React(id=8, n=4, room="#tea", seq=SAID, emoji="🍵"))
    playground.advance()
    playground.store.held = False
    playground.store.release()
    playground.advance()
    assert [one.seq for one in ann.of(m.Ok) if one.id in {7, 8}] == [5, None]
    assert became(playground, ann, SAID).reactions == (m.Reaction(emoji="🍵", count=2, mine=True),)


def test_so_many_different_reactions_and_no_more(playground, ann, ben, tell):
    for number in range(MAX_EMOJI):
        tell(ann, m.React, seq=SAID, emoji=f":e{number}:")
    assert tell(ben, m.React, seq=SAID, emoji=":more:").code == Code.TOO_MANY_REACTIONS
    assert tell(ben, m.React, seq=SAID, emoji=":e3:").seq
    assert len(became(playground, ben, SAID).reactions) == MAX_EMOJI


def test_a_failed_commit_leaves_no_reaction_behind(playground, ann, ben, tell):
    playground.store.failing = OSError("full")
    assert ask(playground, ann, m.React(id=7, n=3, room="#tea", seq=SAID, emoji="🍵")).code == (
        Code.STORAGE_UNAVAILABLE
    )
    playground.store.failing = None
    assert not playground.server.hub.world.rooms["#tea"].log.pending
    assert ask(playground, ann, m.React(id=7, n=3, room="#tea", seq=SAID, emoji="🍵")).seq == 5


@pytest.mark.parametrize(
    "emoji",
    ["👍", "👍🏽", "❤️", "❤", "🇩🇪", "👨‍👩‍👧‍👦", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "1️⃣", "☕", "🏳️‍🌈", "✅", "⏰", "〰️", "🧑🏿‍🚀", "🫨", "©️"],
)
def test_emoji_are_told_from_other_signs(emoji):
    assert is_emoji(emoji)


@pytest.mark.parametrize(
    "text",
    ["", " ", "a", "ab", "1", "👍👍", "👍 ", "é", "a️", "‍", "️", "🇩", "🇩🇪🇫", "\n", "文", "👍" * 40, "‍👍", "->"],
)
def test_what_is_no_emoji_is_refused(text):
    assert not is_emoji(text)


@given(st.text(max_size=6))
@example("\ud800")
def test_whatever_is_reacted_with_is_an_emoji_or_a_name(text):
    if is_emoji(text):
        assert not any(char.isalnum() and char not in "0123456789" for char in text)
        assert not any(char.isspace() for char in text)


# ---- replies --------------------------------------------------------------------------------------------


def test_a_reply_is_in_the_thread_that_it_answers(playground, ann, ben, tell):
    first = tell(ben, m.Send, text="what is it?", ref=SAID)
    told = event(ann, first.seq)
    assert (told.kind, told.ref, told.thread) == ("message", SAID, SAID)
    second = tell(ann, m.Send, text="tea", ref=first.seq)
    assert (event(ben, second.seq).ref, event(ben, second.seq).thread) == (first.seq, SAID)
    assert became(playground, ben, SAID) == m.Became(seq=SAID, replies=2, last_reply=second.seq)
    thread = page(playground, ben, thread=SAID)
    assert [json.loads(bytes(raw))["seq"] for raw in thread.events] == [SAID, first.seq, second.seq]
    pages = [
        page(playground, ben, thread=SAID, limit=2),
        page(playground, ben, thread=SAID, limit=2, before=5),
    ]
    assert [[json.loads(bytes(raw))["seq"] for raw in one.events] for one in pages] == [[5, 6], [SAID]]
    assert [one.more for one in pages] == [True, False]


def test_a_page_quotes_what_is_replied_to(playground, ann, ben, tell):
    long = tell(ann, m.Send, text="x" * 500).seq
    tell(ben, m.Send, text="so much", ref=long)
    tell(ann, m.Edit, seq=long, text="y" * 500)
    (quote,) = page(playground, ben).quotes
    assert quote == m.Quote(seq=long, by="ann", text="y" * QUOTE)
    assert ask(playground, ann, m.Remove(id=9, room="#tea", seq=long)).seq
    (quote,) = page(playground, ben).quotes
    assert quote == m.Quote(seq=long, by="ann", removed=True)


def test_nothing_replies_to_what_is_not_there(playground, ann, ben, tell):
    assert tell(ben, m.Send, text="?", ref=99).code == Code.NO_SUCH_EVENT
    assert tell(ben, m.Send, text="?", ref=1).code == Code.NOT_ALLOWED
    ask(playground, ann, m.Remove(id=9, room="#tea", seq=SAID))
    assert tell(ben, m.Send, text="?", ref=SAID).code == Code.NO_SUCH_EVENT


def test_slow_mode_counts_a_reply_once(playground, ann, ben, tell):
    assert isinstance(ask(playground, ann, m.Set(id=9, room="#tea", rule="slow", value="60")), m.Ok)
    assert tell(ben, m.Send, text="one", ref=SAID).seq
    assert tell(ben, m.Send, text="two", ref=SAID).code == Code.SLOW_MODE


# ---- pins -----------------------------------------------------------------------------------------------


def test_pins_are_told_listed_and_kept(playground, ann, ben):
    answer = ask(playground, ann, m.Pin(id=9, room="#tea", seq=SAID))
    assert (event(ben, answer.seq).kind, event(ben, answer.seq).ref) == ("pin", SAID)
    assert ask(playground, ann, m.Pin(id=9, room="#tea", seq=SAID)).seq == answer.seq
    assert ask(playground, ben, m.Pin(id=9, room="#tea", seq=3)).code == Code.NOT_ALLOWED
    assert became(playground, ben, SAID) == m.Became(seq=SAID, pinned=True)
    restart(playground)
    cem = come_in(playground, "cem", m.Join(id=1, room="#tea"))
    playground.advance()
    listed = ask(playground, cem, m.Pins(id=9, room="#tea"))
    assert [json.loads(bytes(raw))["text"] for raw in listed.events] == ["helo"]


def test_pins_are_taken_back(playground, ann, ben):
    ask(playground, ann, m.Pin(id=9, room="#tea", seq=SAID))
    answer = ask(playground, ann, m.Pin(id=9, room="#tea", seq=SAID, off=True))
    assert (event(ben, answer.seq).kind, event(ben, answer.seq).ref) == ("unpin", SAID)
    assert ask(playground, ann, m.Pin(id=9, room="#tea", seq=SAID, off=True)).code == Code.NO_SUCH_EVENT
    assert ask(playground, ann, m.Pins(id=9, room="#tea")).events == []


def test_nobody_is_shown_a_pin_that_is_not_durable(playground, ann, ben):
    store = playground.store
    store.held = True
    ann.say(m.Pin(id=9, room="#tea", seq=SAID))
    playground.advance()
    assert ann.of(m.Ok)[-1].id != 9
    assert ask(playground, ben, m.Pins(id=8, room="#tea")).events == []
    assert became(playground, ben, SAID) == m.Became(seq=SAID)
    store.held = False
    store.release()
    playground.advance()
    assert became(playground, ben, SAID) == m.Became(seq=SAID, pinned=True)


def test_nobody_misses_a_pin_whose_end_is_not_durable(playground, ann, ben):
    ask(playground, ann, m.Pin(id=9, room="#tea", seq=SAID))
    playground.store.held = True
    ann.say(m.Pin(id=10, room="#tea", seq=SAID, off=True))
    playground.advance()
    assert len(ask(playground, ben, m.Pins(id=8, room="#tea")).events) == 1
    assert became(playground, ben, SAID) == m.Became(seq=SAID, pinned=True)


def test_so_many_pins_and_no_more(playground, ann, tell):
    for number in range(MAX_PINS + 1):
        seq = tell(ann, m.Send, text=str(number)).seq
        answer = ask(playground, ann, m.Pin(id=9, room="#tea", seq=seq))
    assert answer.code == Code.TOO_MANY_PINS


# ---- removal, retention and rights ----------------------------------------------------------------------


def test_with_a_message_go_its_edits_reactions_and_pin(playground, ann, ben, tell):
    tell(ann, m.Edit, seq=SAID, text="the secret")
    tell(ann, m.Edit, seq=SAID, text="other secret")
    tell(ben, m.React, seq=SAID, emoji="🍵")
    ask(playground, ann, m.Pin(id=9, room="#tea", seq=SAID))
    reply = tell(ben, m.Send, text="what?", ref=SAID).seq
    by = ask(playground, ann, m.Remove(id=9, room="#tea", seq=SAID)).seq
    frames = b"".join(playground.store.events[1].values())
    assert b"secret" not in frames
    assert b"helo" not in frames
    answer = page(playground, ben)
    events = {one["seq"]: one for one in (json.loads(bytes(raw)) for raw in answer.events)}
    assert [events[seq]["kind"] for seq in (SAID, 5, 6)] == ["removed"] * 3
    assert {events[seq]["ref"] for seq in (SAID, 5, 6)} == {by}
    assert events[reply]["text"] == "what?", "a reply stays"
    assert answer.became == [m.Became(seq=SAID, replies=1, last_reply=reply)]
    assert tell(ann, m.Edit, seq=SAID, text="again").code == Code.NO_SUCH_EVENT
    assert tell(ann, m.React, seq=SAID, emoji="🍵").code == Code.NO_SUCH_EVENT
    store = playground.store
    assert not (store.edits or store.reactions or store.pins)


def test_an_edit_that_is_not_durable_yet_goes_too(playground, ann, ben):
    playground.store.held = True
    ann.say(
        m.Edit(id=7, n=3, room="#tea", seq=SAID, text="the secret"), m.Remove(id=8, room="#tea", seq=SAID)
    )
    playground.advance()
    playground.store.held = False
    playground.store.release()
    playground.advance()
    assert [one.id for one in ann.of(m.Ok)][-2:] == [7, 8]
    assert b"secret" not in b"".join(playground.store.events[1].values())


def test_what_is_not_kept_any_longer_has_become_nothing(playground, ann, ben, tell):
    tell(ann, m.Edit, seq=SAID, text="hello")
    tell(ben, m.React, seq=SAID, emoji="🍵")
    ask(playground, ann, m.Pin(id=9, room="#tea", seq=SAID))
    tell(ben, m.Send, text="what?", ref=SAID)
    hub = playground.server.hub
    hub.trim(hub.world.rooms["#tea"], 9)
    playground.advance()
    store = playground.store
    assert not (store.edits or store.reactions or store.pins or store.replies)
    assert page(playground, ben).became == []


def test_a_newcomer_is_told_nothing_of_what_was_before(playground, ann, ben, tell):
    """Where newcomers see no history: no page, no look, no quote, no pin, and nothing can refer to it."""
    ask(playground, ann, m.Set(id=9, room="#tea", rule="history", value="since-join"))
    ask(playground, ann, m.Pin(id=9, room="#tea", seq=SAID))
    cem = come_in(playground, "cem", m.Join(id=1, room="#tea"))
    playground.advance()
    reply = tell(ann, m.Send, text="about that", ref=SAID).seq
    answer = page(playground, cem)
    assert [json.loads(bytes(raw))["seq"] for raw in answer.events] == [reply - 1, reply]
    assert answer.quotes == []
    looked = ask(playground, cem, m.Look(id=9, room="#tea", seqs=[SAID, reply]))
    assert [json.loads(bytes(raw))["seq"] for raw in looked.events] == [reply]
    assert ask(playground, cem, m.Pins(id=9, room="#tea")).events == []
    assert [json.loads(bytes(raw))["seq"] for raw in page(playground, cem, thread=SAID).events] == [reply]
    for request in (
        m.React(id=9, n=1, room="#tea", seq=SAID, emoji="🍵"),
        m.Send(id=9, n=1, room="#tea", text="?", ref=SAID),
    ):
        assert ask(playground, cem, request).code == Code.NO_SUCH_EVENT


def test_who_was_removed_while_the_disk_was_read_gets_nothing(playground, ann, ben):
    store = playground.store
    look, waiting = store.look, []
    store.look = lambda *asked: waiting.append(asked)
    ask(playground, ann, m.Set(id=9, room="#tea", rule="kind", value="private"))
    ben.say(m.History(id=88, room="#tea", present=True))
    playground.advance()
    ask(playground, ann, m.Kick(id=9, room="#tea", whom="ben"))
    for asked in waiting:
        look(*asked)
    playground.advance()
    assert [one.code for one in ben.of(m.Error) if one.id == 88] == [Code.NO_SUCH_ROOM]


def test_a_page_that_would_not_fit_is_cut(playground, ann, tell):
    """The answer stays one frame, whatever the events have become."""
    long = "\n" * 10 + "x" * 16_000
    seqs = [tell(ann, m.Send, text=long).seq for _ in range(3)]
    for seq in seqs:
        tell(ann, m.Edit, seq=seq, text="\\" * 16_000)
    answer = page(playground, ann)
    assert answer.more
    (row,) = [one for one in page(playground, ann, before=seqs[1]).became if one.seq == seqs[0]]
    assert row.edit


def direct(playground, *nicks):
    talkers = [come_in(playground, nick) for nick in nicks]
    playground.advance()
    return talkers


def test_facts_of_one_log_decide_nothing_about_another(playground):
    """While they are read, two people change their nicks, and the same name means another log."""
    ann, bob, ben = direct(playground, "ann", "bob", "ben")
    ann.say(m.Send(id=2, n=1, room="@bob", text="first"))
    ben.say(m.Send(id=2, n=1, room="@ann", text="ben's words"))
    playground.advance()
    store, waiting = playground.store, []
    facts = store.facts
    store.facts = lambda *asked: waiting.append(asked)
    ann.say(m.Remove(id=3, room="@bob", seq=1))
    playground.advance()
    store.facts = facts
    bob.say(m.Nick(id=3, nick="bobby"))
    playground.advance()
    ben.say(m.Nick(id=3, nick="bob"))
    playground.advance()
    for asked in waiting:
        facts(*asked)
    playground.advance()
    assert [one.code for one in ann.of(m.Error) if one.id == 3] == [Code.NO_SUCH_EVENT]
    frames = b"".join(frame for events in playground.store.events.values() for frame in events.values())
    assert b"ben's words" in frames
    assert b"first" in frames


def test_who_is_not_taken_neither_pins_nor_writes_reasons(playground):
    ann, bob = direct(playground, "ann", "bob")
    bob.say(m.Send(id=2, n=1, room="@ann", text="hello"))
    playground.advance()
    ann.say(m.Block(id=3, whom="bob"))
    playground.advance()
    assert ask(playground, bob, m.Pin(id=4, room="@ann", seq=1)).code == Code.NOT_ALLOWED
    assert ask(playground, bob, m.Remove(id=5, room="@ann", seq=1, reason="read this")).seq
    assert not [one for one in ann.of(m.Event) if "read this" in one.reason]


def test_a_reply_begins_no_direct_messages(playground):
    ann, bob = direct(playground, "ann", "bob")
    assert ask(playground, ann, m.Send(id=2, n=1, room="@bob", text="re", ref=1)).code == Code.NO_SUCH_ROOM
    assert not playground.server.hub.world.rooms
    assert not bob.of(m.Rooms)
