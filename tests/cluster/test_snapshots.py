"""A node that lost its disk begins with a snapshot, then takes in the rest; the stream keeps just that."""

import pytest

from chatd.chat.changes.rows import PutMember, PutRoom, PutUser
from chatd.chat.storage import Changes
from chatd.cluster.jetstream import Options
from chatd.cluster.records import Parts, Place, decoded
from chatd.cluster.settling import UnansweredError
from chatd.cluster.snapshots import KEPT, Snapshots
from chatd.cluster.store import ReplicatedStore
from chatd.store.folder import FILE_NAME
from chatd.store.reading import Reading
from tests.cluster.ear import Ear
from tests.cluster.nodes import LocalStore, contents
from tests.cluster.servers import Servers

ROOM = Changes(others=[PutUser(1, "Ann", "ann"), PutRoom(7, "#a", "", 1), PutMember(7, 1, 0, 5)])


@pytest.fixture
def ear(tmp_path):
    servers = Servers(tmp_path, 1)
    ear = Ear(Options(servers.urls, replicas=1))
    yield ear
    ear.stop()
    servers.stop()


class Leader:
    """A node that decides, over a real stream."""

    def __init__(self, ear, driven):
        self.ear, self.driven = ear, driven
        self.store = ReplicatedStore(LocalStore(driven), driven.store.load().mark, ear.engine, self)
        self.seq = 0
        self.finish(self.store.lead, 1)

    def finish(self, begin, *given):
        got = []
        begin(*given, got.append)
        self.ear.until(lambda: got, "an outcome")
        assert got == [None]

    def append(self, changes):
        self.finish(self.store.append, changes)

    def say(self):
        self.seq += 1
        self.append(Changes(events=[(7, self.seq, [b"said %d" % self.seq])]))

    def snapshot(self, snapshots, file):
        file.unlink(missing_ok=True)
        Reading(self.driven.store._path).copy_into(file, lambda *_: None)
        self.ear.run(snapshots.put(file, self.store.place))
        return self.store.place

    def settled(self):
        pass


def take_rest(ear, driven):
    """Take in what is in the stream behind what a node has."""
    store = ReplicatedStore(LocalStore(driven), driven.store.load().mark, ear.engine, None)
    store._listener = Quiet()
    parts = Parts()
    for position, part in ear.messages:
        if position > store.place.position and (data := parts.take(part)) is not None:
            store.take(decoded(data), data, position, lambda _: None)
    return store


class Quiet:
    def settled(self):
        pass


def test_a_node_that_lost_its_disk_begins_with_a_snapshot(ear, open_store, tmp_path):
    snapshots = Snapshots(ear.engine._jetstream)
    ear.run(snapshots.open())
    assert ear.run(snapshots.places()) == []
    leader = Leader(ear, open_store(tmp_path / "leader"))
    leader.append(ROOM)
    places = []
    for _ in range(KEPT + 2):
        leader.say()
        places.append(leader.snapshot(snapshots, tmp_path / "copy"))
    leader.say()
    leader.say()
    assert ear.run(snapshots.places()) == places[-KEPT:]

    new = tmp_path / "new"
    new.mkdir()
    newest = ear.run(snapshots.places())[-1]
    ear.run(snapshots.fetch(newest, new / FILE_NAME))
    driven = open_store(new)
    assert Place.of(driven.store.load().mark.place) == newest
    ear.engine.read(newest.position)
    ear.until(lambda: len(ear.messages) == 2, "the rest")
    store = take_rest(ear, driven)
    assert store.place == leader.store.place
    assert contents(driven.store.load()) == contents(leader.driven.store.load())
    assert driven.read(7, 1, 99) == leader.driven.read(7, 1, 99)

    state = ear.run(ear.engine._jetstream.demand(f"STREAM.INFO.{ear.engine._jetstream.stream}"))["state"]
    assert state["first_seq"] == places[-KEPT].position + 1


def test_a_snapshot_that_is_not_there_leaves_no_file(ear, tmp_path):
    snapshots = Snapshots(ear.engine._jetstream)
    ear.run(snapshots.open())
    ear.engine._side.do(snapshots.fetch(Place(9, 9, 1, b"x" * 16), tmp_path / "file"))
    ear.wait("failed")
    assert not (tmp_path / "file").exists()
    assert not (tmp_path / "file.part").exists()
    assert not isinstance(ear.told["failed"][0], UnansweredError)
