"""The store of a node: durable once the journal has it, in the local store then, the same on all nodes."""

import itertools

import pytest

from chatd.chat.changes.rows import DropMarks, PutMark, PutMember, PutRoom, PutUser
from chatd.chat.storage import Changes, StoreError
from chatd.cluster.journal import LostError, ReplacedError
from chatd.cluster.records import Place, Record, RecordError, decoded, encoded
from chatd.testing.stream import MemoryStream
from tests.cluster.nodes import Node, contents


@pytest.fixture
def make(open_store, tmp_path):
    """Return a function that makes a node of a stream, over the folder of that name."""
    count = itertools.count()
    return lambda stream, name="": Node(open_store(tmp_path / (name or str(next(count)))), stream)


@pytest.fixture
def again(make):
    """Return a function that ends a node and begins it again over the same folder."""

    def again_(node):
        node.driven.close()
        return make(node.stream, node.driven.store._path.parent.name)

    return again_


ROOM = Changes(others=[PutUser(1, "Ann", "ann"), PutRoom(7, "#a", "", 1), PutMember(7, 1, 0, 5)])


def said(first, *texts):
    return Changes(events=[(7, first, [text.encode() for text in texts])])


def test_whoever_does_not_lead_takes_nothing(make):
    node = make(MemoryStream())
    with pytest.raises(StoreError, match="does not lead"):
        node.store.append(ROOM, lambda _: None)


def test_what_one_node_decides_all_have(make):
    stream = MemoryStream()
    one, two = make(stream), make(stream)
    assert one.lead(1) is None
    for changes in (ROOM, said(1, "a", "b"), said(3, "c" * 5000)):
        assert one.append(changes) is None
    two.catch_up()
    assert two.store.place == one.store.place
    assert one.store.place.number == 4
    assert one.store.place.position == len(stream.messages) > 4  # the last one was cut
    assert contents(two.load()) == contents(one.load())
    assert two.driven.read(7, 1, 3) == one.driven.read(7, 1, 3) == [b"a", b"b", b"c" * 5000]


def test_a_node_goes_on_where_it_ended(make, again):
    stream = MemoryStream()
    one, two = make(stream), make(stream)
    one.lead(1)
    one.append(ROOM)
    two.catch_up()
    before = two.store.place
    two = again(two)
    assert two.store.place == before
    one.append(said(1, "a"))
    two.catch_up()
    one = again(one)
    assert one.store.place == two.store.place
    assert one.lead(2) is None
    assert one.append(said(2, "b")) is None


def test_a_record_that_the_leader_did_not_live_to_take_in_is_taken_in_later(make, again):
    stream = MemoryStream()
    one, two = make(stream), make(stream)
    one.lead(1)
    one.append(ROOM)
    one.local.append = lambda *_: None  # it is killed before
    one.store.append(said(1, "a"), lambda _: pytest.fail("nobody is told"))
    two.catch_up()
    assert two.driven.read(7, 1, 1) == [b"a"]
    one = again(one)
    assert one.lead(2) is None
    assert one.driven.read(7, 1, 1) == [b"a"]


def test_a_leader_that_was_replaced_learns_it_and_has_nothing_of_what_it_decided(make):
    stream = MemoryStream()
    one, two = make(stream), make(stream)
    one.lead(1)
    one.append(ROOM)
    assert two.lead(2) is None
    assert two.append(said(1, "two")) is None
    assert isinstance(one.append(said(1, "one")), ReplacedError)
    assert [what for what, _ in one.heard] == ["replaced"]
    with pytest.raises(StoreError):
        one.append(said(1, "one"))
    one.catch_up()
    assert contents(one.load()) == contents(two.load())
    assert one.driven.read(7, 1, 9) == [b"two"]
    assert one.lead(3) is None
    assert isinstance(two.append(said(2, "two")), ReplacedError)


def test_what_waits_behind_a_record_that_was_refused_fails_as_well(make):
    stream = MemoryStream()
    one, two = make(stream), make(stream)
    one.lead(1)
    two.lead(2)
    held, append = [], stream.append
    stream.append = lambda *given: held.append(given)
    got = []
    one.store.append(said(1, "a"), lambda error: got.append(("a", type(error))))
    one.store.append(said(2, "b"), lambda error: got.append(("b", type(error))))
    assert one.store.busy
    assert len(held) == 1
    append(*held[0])
    assert got == [("a", ReplacedError), ("b", StoreError)]


def test_whoever_resigns_hears_what_became_of_what_was_on_its_way(make):
    stream = MemoryStream()
    one = make(stream)
    one.lead(1)
    one.append(ROOM)
    held, append = [], stream.append
    stream.append = lambda *given: held.append(given)
    got = []
    one.store.append(said(1, "a"), lambda error: got.append(("a", error)))
    one.store.append(said(2, "b"), lambda error: got.append(("b", type(error))))
    one.store.resign()
    append(*held[0])
    assert got == [("b", StoreError), ("a", None)]
    assert one.driven.read(7, 1, 9) == [b"a"]
    two = make(stream)
    two.catch_up()
    assert two.store.place == one.store.place


def test_a_leader_that_opens_too_late_takes_in_what_came_and_opens_again(make):
    stream = MemoryStream()
    one, two = make(stream), make(stream)
    one.lead(1)
    two.catch_up()
    one.append(ROOM)
    got = []
    two.store.lead(2, got.append)
    assert isinstance(got[0], ReplacedError)
    assert two.lead(2) is None
    assert contents(one.load()) == contents(two.load())


def test_a_disk_that_fails_behind_the_acknowledgement_ends_the_node_and_takes_nothing_back(make):
    stream = MemoryStream()
    one, two = make(stream), make(stream)
    one.lead(1)
    one.append(ROOM)
    one.local.failing = StoreError("The disk is full.")
    one.store.append(said(1, "a"), lambda _: pytest.fail("it is durable, and not here"))
    one.store.append(said(2, "b"), lambda _: pytest.fail("nothing goes on"))
    assert one.heard == [("broken", one.local.failing)]
    two.catch_up()
    assert two.driven.read(7, 1, 9) == [b"a"]


def test_servers_that_have_lost_records_are_told_of(make):
    stream = MemoryStream()
    one = make(stream)
    one.lead(1)
    one.append(ROOM)
    del stream.messages[1:]
    assert isinstance(one.append(said(1, "a")), LostError)
    assert [type(error) for _, error in one.heard] == [LostError]


def test_what_cannot_be_written_at_all_fails_alone(make):
    stream = MemoryStream()
    one = make(stream)
    one.lead(1)
    assert isinstance(one.append(Changes(others=[PutUser(1, "\ud800", "a")])), UnicodeEncodeError)
    assert one.append(ROOM) is None


def test_a_node_whose_data_are_others_stops_at_the_next_record(make):
    """Somebody has changed the file of one node: what a change concerns there is not what it is elsewhere."""
    stream = MemoryStream()
    one, two = make(stream), make(stream)
    one.lead(1)
    one.append(Changes(others=[*ROOM.others, PutMark(7, 1, 5), PutMark(7, 2, 6)]))
    two.catch_up()
    two.driven.append(Changes(others=[DropMarks(7, 2)]))
    one.append(Changes(others=[DropMarks(7, 3)]))
    one.append(said(1, "a"))
    with pytest.raises(RecordError, match="Record 3 has changed 1 rows here, and 2 at the leader"):
        two.catch_up()


def test_a_node_with_another_history_is_refused(make):
    stream, other = MemoryStream(), MemoryStream()
    one, two = make(stream), make(other)
    for node in (one, two):
        node.lead(1)
    one.append(ROOM)
    one.append(said(1, "one"))
    two.append(Changes(others=[*ROOM.others, PutUser(2, "Bob", "bob")]))
    two.store.resign()
    two.stream = stream
    with pytest.raises(RecordError, match="another history"):
        two.catch_up()


def test_records_of_others_are_refused_while_one_leads(make):
    node = make(MemoryStream())
    node.lead(1)
    record = Record(2, 2, node.store.place.digest, 0, Changes())
    with pytest.raises(RecordError):
        node.store.take(record, encoded(record), 2, lambda _: None)


def test_an_opening_has_nothing_else_in_it(make):
    stream = MemoryStream()
    make(stream).lead(9)
    assert decoded(stream.messages[0][1:]) == Record(1, 9, b"", 0, Changes())


def test_a_single_node_keeps_no_place(make):
    node = make(MemoryStream())
    node.driven.append(ROOM)
    assert Place.of(node.load().mark.place) == Place()
