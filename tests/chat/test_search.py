"""Searches: everybody finds what they may read by then, and nothing else; and no answer is too large."""

import json

import pytest

from chatd.chat.log import REWRITTEN, Log
from chatd.chat.storage import StoreError
from chatd.server import reads
from chatd.testing import MemoryStore, Playground
from chatd.wire import messages as m
from chatd.wire.errors import Code
from tests.helpers import come_in, sends


@pytest.fixture
def playground():
    found = Playground(store=MemoryStore())
    found.start_server()
    return found


def comer(playground, nick, *rooms):
    talker = come_in(playground, nick, *[m.Join(id=n, room=room) for n, room in enumerate(rooms)])
    playground.advance()
    return talker


def say(playground, talker, room, *texts):
    sent = [one for one in talker.of(m.Ok) if one.id >= 1000]
    talker.say(*sends(room, *texts, n=len(sent) + 1))
    playground.advance()


def ask(playground, talker, query, **more):
    """Return the answer to a search."""
    talker.say(m.Search(id=77, query=query, **more))
    playground.advance()
    return next(one for one in reversed(talker.heard) if getattr(one, "id", None) == 77)


def texts(answer):
    """Return what was found: what it says now."""
    return [hit.text if hit.edit else json.loads(bytes(hit.event))["text"] for hit in answer.hits]


def test_it_finds_what_was_said_in_all_rooms_of_the_user_the_newest_first(playground):
    ann = comer(playground, "ann", "#tea", "#cake")
    ben = comer(playground, "ben", "#tea", "#other")
    say(playground, ann, "#tea", "one cup")
    playground.advance(1)
    say(playground, ann, "#cake", "two cups", "one cup more")
    playground.advance(1)
    say(playground, ben, "#tea", "a cup for ben")
    say(playground, ben, "#other", "a cup elsewhere")
    say(playground, ann, "@ben", "psst, a cup")
    assert texts(ask(playground, ann, "cup")) == ["psst, a cup", "a cup for ben", "one cup more", "one cup"]
    assert texts(ask(playground, ben, "cup")) == [
        "psst, a cup",
        "a cup elsewhere",
        "a cup for ben",
        "one cup",
    ]
    assert texts(ask(playground, ann, "cup", room="#tea")) == ["a cup for ben", "one cup"]
    assert texts(ask(playground, ann, "cup in:@ben")) == ["psst, a cup"]
    assert texts(ask(playground, ann, "cup in:#cake in:#tea from:ann")) == ["one cup more", "one cup"]
    assert texts(ask(playground, ann, "cup in:#other")) == ["a cup elsewhere"], "public rooms can be read"


def test_pages_follow_each_other(playground):
    ann = comer(playground, "ann", "#tea", "#cake")
    for number in range(6):
        say(playground, ann, ["#tea", "#cake"][number % 2], f"cup {number}")
        playground.advance(1)
    found, before = [], ""
    while True:
        page = ask(playground, ann, "cup", limit=4, before=before)
        found += texts(page)
        if not page.more:
            break
        before = page.rest
    assert found == [f"cup {number}" for number in range(5, -1, -1)]


def test_a_page_fits_into_a_frame(playground):
    ann = comer(playground, "ann", "#tea")
    for number in range(8):
        say(playground, ann, "#tea", f"cup {number} " + "x" * 15_000)
    found, before = [], ""
    while before or not found:
        page = ask(playground, ann, "cup", before=before)
        found += texts(page)
        before = page.rest
    assert [text.split()[1] for text in found] == [str(number) for number in range(7, -1, -1)]


def test_an_edited_message_is_found_by_what_it_says_now(playground):
    ann = comer(playground, "ann", "#tea")
    say(playground, ann, "#tea", "one cup")
    ann.say(m.Edit(id=1001, n=2, room="#tea", seq=2, text="one mug"))
    playground.advance()
    (hit,) = ask(playground, ann, "mug").hits
    assert (json.loads(bytes(hit.event))["seq"], hit.edit, hit.text) == (2, 3, "one mug")
    assert not ask(playground, ann, "cup").hits


def test_nobody_finds_what_they_may_not_read(playground):
    ann = comer(playground, "ann", "#tea", "#cake")
    say(playground, ann, "#tea", "cup in the private room")
    say(playground, ann, "#cake", "cup before ben")
    ann.say(m.Set(id=5, room="#tea", rule="kind", value="private"))
    ann.say(m.Set(id=6, room="#cake", rule="history", value="since-join"))
    playground.advance()
    ben = comer(playground, "ben", "#cake")
    say(playground, ann, "#cake", "cup with ben")
    assert texts(ask(playground, ben, "cup")) == ["cup with ben"]
    refused = ask(playground, ben, "cup in:#tea")
    assert refused.code == Code.NO_SUCH_ROOM
    nowhere = ask(playground, ben, "cup in:#nowhere")
    assert nowhere.code == Code.NO_SUCH_ROOM
    assert refused.text.replace("#tea", "#nowhere") == nowhere.text
    ann.say(m.Kick(id=7, room="#cake", whom="ben"))
    playground.advance()
    assert not ask(playground, ben, "cup").hits
    assert ask(playground, ben, "cup in:#cake").code == Code.NOT_A_MEMBER


def test_what_was_removed_is_found_no_more(playground):
    ann = comer(playground, "ann", "#tea")
    say(playground, ann, "#tea", "one cup", "two cups")
    ann.say(m.Remove(id=5, room="#tea", seq=2))
    playground.advance()
    assert not ask(playground, ann, "one").hits


class Late(MemoryStore):
    """Its answers to searches come when `come` is called."""

    def __init__(self):
        super().__init__()
        self.late = []

    def search(self, query, scopes, before, limit, done):
        super().search(query, scopes, before, limit, lambda found: self.late.append((done, found)))

    def come(self):
        late, self.late = self.late, []
        for done, found in late:
            done(found)


@pytest.fixture
def late():
    found = Playground(store=Late())
    found.start_server()
    return found


@pytest.mark.parametrize("act", ["kick", "remove", "private", "edit"])
def test_what_happens_while_it_is_looked_for_counts(late, act):
    ann, ben = comer(late, "ann", "#tea"), comer(late, "ben", "#tea")
    say(late, ann, "#tea", "one cup")
    ben.say(m.Search(id=9, query="cup"))
    late.advance()
    done = {
        "kick": m.Kick(id=5, room="#tea", whom="ben"),
        "remove": m.Remove(id=5, room="#tea", seq=3),
        "private": m.Set(id=5, room="#tea", rule="kind", value="private"),
        "edit": m.Edit(id=5, n=2, room="#tea", seq=3, text="one mug"),
    }
    ann.say(done[act])
    if act == "kick":
        ann.say(m.Set(id=6, room="#tea", rule="kind", value="private"))
    late.advance()
    while late.store.late:
        late.store.come()
        late.advance()
    (answer,) = [one for one in ben.of(m.Ok) if one.id == 9]
    assert len(answer.hits) == (act == "private"), "who is a member may read on"


@pytest.mark.parametrize(
    ("query", "more", "code"),
    [
        ("", {}, Code.BAD_QUERY),
        ('"open', {}, Code.BAD_QUERY),
        ("cup before:yesterday", {}, Code.BAD_QUERY),
        ("x" * 401, {}, Code.BAD_QUERY),
        ("cup from:ann,ben", {}, Code.BAD_QUERY),
        ("from:(ann)", {}, Code.BAD_QUERY),
        ('from:"ann lee"', {}, Code.BAD_QUERY),
        ("from:ann's", {}, Code.BAD_QUERY),
        ("from:\uff02", {}, Code.BAD_QUERY),
        ("from:a\0", {}, Code.BAD_QUERY),
        ("cup from:*", {}, Code.BAD_QUERY),
        ("cup", {"before": "1.2"}, Code.BAD_VALUE),
        ("cup", {"before": "1.2.x"}, Code.BAD_VALUE),
        ("cup", {"before": "9" * 20 + ".1.1"}, Code.BAD_VALUE),
        ("cup", {"room": "tea"}, Code.BAD_ROOM),
        ("cup in:@nobody", {}, Code.NO_SUCH_USER),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_sentence(playground, query, more, code):
    ann = comer(playground, "ann", "#tea")
    refused = ask(playground, ann, query, **more)
    assert refused.code == code
    assert refused.text[-1] == "."
    assert not ask(playground, ann, "cup").hits, "the connection lives"


def test_a_disk_that_cannot_be_read_is_told(playground):
    ann = comer(playground, "ann", "#tea")
    nowhere = comer(playground, "ben")
    assert ask(playground, nowhere, "cup").hits == []
    playground.store.unreadable = StoreError("broken")
    for talker in (ann, nowhere):
        assert ask(playground, talker, "cup").code == Code.STORAGE_UNAVAILABLE


def test_only_so_many_wait_for_their_turn(late, monkeypatch):
    monkeypatch.setattr(reads, "MAX_SEARCHES", 2)
    people = [comer(late, nick, "#tea") for nick in ("ann", "ben", "cem")]
    for talker in people:
        talker.say(m.Search(id=9, query="cup"), m.Search(id=10, query="cup"))
        late.advance()
    assert [one.code for one in people[2].of(m.Error)] == [Code.TOO_FAST] * 2
    for _ in range(2):
        late.store.come()
        late.advance()
    assert [len(talker.of(m.Ok)) for talker in people] == [3, 3, 1]


def test_what_happens_to_other_messages_makes_no_search_be_done_again(late):
    ann, ben = comer(late, "ann", "#tea"), comer(late, "ben", "#tea")
    say(late, ann, "#tea", "one cup", "other", "third")
    ben.say(m.Search(id=9, query="cup"))
    late.advance()
    ann.say(
        m.React(id=5, n=4, room="#tea", seq=3, emoji="👍"),
        m.React(id=6, n=5, room="#tea", seq=4, emoji="👍"),
        m.Edit(id=7, n=6, room="#tea", seq=5, text="else"),
        m.Remove(id=8, room="#tea", seq=4),
    )
    late.advance()
    assert not ann.of(m.Error)
    late.store.come()
    late.advance()
    (answer,) = [one for one in ben.of(m.Ok) if one.id == 9]
    assert texts(answer) == ["one cup"]


def test_a_search_whose_hit_changes_again_and_again_is_told_to_wait(late):
    ann, ben = comer(late, "ann", "#tea"), comer(late, "ben", "#tea")
    say(late, ann, "#tea", "one cup")
    ben.say(m.Search(id=9, query="cup"))
    late.advance()
    for number in range(12):
        ann.say(m.Edit(id=50 + number, n=2 + number, room="#tea", seq=3, text=f"cup {number}"))
        late.advance(1)
        late.store.come()
        late.advance()
    (refused,) = ben.of(m.Error)
    assert (refused.code, refused.retry_after, refused.text[-1]) == (Code.TOO_FAST, 1.0, ".")


def test_each_user_searches_once_at_a_time(late):
    ann, ben = comer(late, "ann", "#tea"), comer(late, "ben", "#tea")
    again = come_in(late, token=ann.of(m.Welcome)[0].token, device=True)
    late.advance()
    ann.say(m.Search(id=9, query="cup"))
    late.advance()
    again.say(m.Search(id=10, query="cup"))
    ben.say(m.Search(id=11, query="cup"))
    late.advance()
    (refused,) = again.of(m.Error)
    assert (refused.code, refused.retry_after) == (Code.TOO_FAST, 1.0)
    late.store.come()
    late.advance()
    assert [one.id for one in ben.of(m.Ok)][-1] == 11
    again.say(m.Search(id=12, query="cup"))
    late.advance()
    late.store.come()
    late.advance()
    assert [one.id for one in again.of(m.Ok)][-1] == 12


def test_a_log_knows_what_was_rewritten_lately():
    log = Log(1, "#tea", head=9, first=1)
    assert log.rewritten_since(0) == set()
    for seq in (3, 5, 7):
        log.erase(seq, b"")
    assert log.rewritten_since(3) == set()
    assert log.rewritten_since(1) == {5, 7}
    assert log.rewritten_since(0) == {3, 5, 7}
    for _ in range(REWRITTEN):
        log.erase(4, b"")
    assert log.rewritten_since(2) is None
    assert log.rewritten_since(3) == {4}
