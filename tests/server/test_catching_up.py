"""Those who catch up from the store share it fairly, and hold up nobody, however many they are (P5, P6)."""

from collections import Counter

import pytest

from chatd.chat.reader import Reader
from chatd.server.delivery import PAGES
from chatd.testing import MemoryStore, Playground
from chatd.wire import messages as m
from tests.helpers import come_in, sends, turns


class SlowStore(MemoryStore):
    """A store in memory that reads when it is told to: ``reads`` are those that wait."""

    def __init__(self):
        super().__init__()
        self.reads = []
        self.most = 0

    def read(self, *asked):
        self.reads.append(lambda: MemoryStore.read(self, *asked))
        self.most = max(self.most, len(self.reads))

    def look(self, *asked):
        self.reads.append(lambda: MemoryStore.look(self, *asked))

    def let(self, count):
        """Do the oldest ``count`` of the reads that wait."""
        for read in [self.reads.pop(0) for _ in range(min(count, len(self.reads)))]:
            read()


@pytest.fixture
def playground():
    playground = Playground(store=SlowStore())
    playground.start_server()
    return playground


def fill(playground, rooms, count=40, size=3000):
    """Let a writer fill ``rooms`` with more than a page each, of which memory has nothing."""
    writer = come_in(playground, "writer", *[m.Join(id=1, room=room) for room in rooms], wait=0.1)
    n = 1
    for room in rooms:
        writer.say(*sends(room, *[f"{number} " + "x" * size for number in range(count)], n=n))
        n += count
        playground.advance(0.2)
    for room in rooms:
        playground.server.hub.world.rooms[room].log.forget_tail()
    return writer


def members(playground, count, rooms):
    """Return the tokens of ``count`` members of ``rooms`` who have gone."""
    tokens = []
    for number in range(count):
        talker = come_in(playground, f"n{number}", *[m.Join(id=1, room=room) for room in rooms], wait=0.1)
        tokens.append(talker.of(m.Welcome)[0].token)
        talker.transport.abortConnection()
    playground.advance(0.1)
    return tokens


def come_back(playground, tokens, rooms):
    return [
        come_in(playground, token=token, cursors=dict.fromkeys(rooms, 0), answer_pings=False)
        for token in tokens
    ]


def test_a_storm_of_returns_reads_a_few_pages_at_once(playground):
    tokens = members(playground, 60, ["#a"])
    fill(playground, ["#a"])
    back = come_back(playground, tokens, ["#a"])
    store = playground.store
    assert len(store.reads) == PAGES
    for _ in range(2000):
        store.let(3)
        playground.advance()
    assert store.most <= PAGES
    head = playground.server.hub.world.rooms["#a"].log.head
    for talker in back:
        assert talker.seqs("#a") == list(range(1, head + 1))


def test_a_page_of_history_waits_for_few_of_them(playground):
    tokens = members(playground, 60, ["#a"])
    writer = fill(playground, ["#a"])
    come_back(playground, tokens, ["#a"])
    writer.say(m.History(id=77, room="#a", limit=5))
    playground.advance()
    playground.store.let(PAGES + 1)
    playground.advance()
    assert [len(ok.events) for ok in writer.of(m.Ok) if ok.id == 77] == [5]


def test_what_was_read_is_handed_over_to_some_in_each_turn(playground, monkeypatch):
    monkeypatch.setattr("chatd.server.delivery.STEPS", 3)
    handed, moved = Counter(), Reader.moved
    now = [0]

    def counts(reader, *where):
        handed[now[0]] += 1
        moved(reader, *where)

    monkeypatch.setattr(Reader, "moved", counts)
    tokens = members(playground, 40, ["#a"])
    fill(playground, ["#a"])
    back = come_back(playground, tokens, ["#a"])
    handed.clear()
    for _ in range(400):
        playground.store.let(PAGES)
        for _ in turns(playground.clock, 0.001):
            now[0] += 1
    head = playground.server.hub.world.rooms["#a"].log.head
    assert all(talker.seqs("#a")[-1] == head for talker in back)
    assert max(handed.values()) <= 3


def test_who_is_behind_in_one_room_is_not_kept_waiting_by_those_in_many(playground):
    many = [f"#r{number}" for number in range(10)]
    greedy = members(playground, 20, many)
    (modest,) = [come_in(playground, "modest", m.Join(id=1, room="#r0"), wait=0.1).of(m.Welcome)[0].token]
    fill(playground, many, count=12)
    come_back(playground, greedy, many)
    (one,) = come_back(playground, [modest], ["#r0"])
    for _ in range(3 * 21):  # pages: one room is two of them, and everybody comes first once in a round
        playground.store.let(1)
        playground.advance()
    assert one.seqs("#r0")[-1] == playground.server.hub.world.rooms["#r0"].log.head


def test_what_was_removed_after_it_was_read_is_read_again(playground):
    tokens = members(playground, 1, ["#a"])
    fill(playground, ["#a"], count=5)
    (back,) = come_back(playground, tokens, ["#a"])
    playground.store.let(1)
    playground.server.hub.world.rooms["#a"].log.revisions += 1
    playground.advance()
    assert not back.texts("#a")
    assert len(playground.store.reads) == 1
    playground.store.let(1)
    playground.advance()
    assert len(back.texts("#a")) == 5


def test_who_goes_while_waiting_for_a_page_leaves_the_place_to_others(playground):
    tokens = members(playground, 40, ["#a"])
    fill(playground, ["#a"])
    back = come_back(playground, tokens, ["#a"])
    for talker in back[:30]:
        talker.transport.abortConnection()
    for _ in range(300):
        playground.store.let(2)
        playground.advance()
    head = playground.server.hub.world.rooms["#a"].log.head
    for talker in back[30:]:
        assert talker.seqs("#a") == list(range(1, head + 1))
    assert not playground.store.reads
