"""Transfers, without files and without a network: what is said on the wire, and what becomes of each."""

import os
import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from chatd.client.core.agreements import CHANGED
from chatd.client.core.notices import Connected
from chatd.client.core.stages import Stage
from chatd.client.core.steps import Drop, Failed
from chatd.wire.errors import Code
from chatd.wire.messages import Cancel, Download, Error, Limits, Progress, Send, Upload
from tests.client.filing import FileServer, Filing, Place, file_of
from tests.client.model import LIMITS
from tests.examples import examples


def connected(**how):
    world = Filing(server=FileServer(), **how)
    world.step()
    assert world.said(Connected)
    return world


def ended(world, key):
    over = world.over[key]
    return over.code, over.text


# ---- sending ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 1000, 100_000])
def test_a_file_is_sent_and_stored(size):
    world, data = connected(), os.urandom(size)
    key = world.send(data)
    world.settle()
    assert world.server.blobs[file_of(data).sha256] == data
    assert ended(world, key) == ("", "")
    assert world.server.carried == size
    assert not world.server.lies


def test_what_the_server_has_is_not_sent_again():
    world, data = connected(), os.urandom(5000)
    world.server.partial[file_of(data).sha256] = data[:3000]
    world.send(data)
    world.settle()
    assert world.server.carried == 2000
    again = world.send(data)
    world.settle()
    assert world.server.carried == 2000
    assert ended(world, again) == ("", "")


def test_a_transfer_waits_for_the_link_and_goes_on_where_the_disk_ends():
    world, data = connected(), os.urandom(50_000)
    key = world.send(data)
    world.step(6)
    stored = world.machine.requests.transfers.all[key].done
    assert 0 < stored < len(data)
    world.reachable = False
    world.cut()
    assert world.stages[key][-1] is Stage.WAITING
    assert world.machine.requests.transfers.all[key].done == stored
    world.settle()
    assert ended(world, key) == ("", "")
    assert world.server.carried <= len(data) + LIMITS.window
    assert world.stages[key][2:5] == [Stage.WAITING, Stage.OFFERING, Stage.SENDING]


def test_no_more_than_agreed_go_at_once_and_the_others_follow():
    world = connected()
    keys = [world.send(os.urandom(20_000)) for _ in range(5)]
    world.settle()
    assert [ended(world, key) for key in keys] == [("", "")] * 5
    assert not world.server.lies


def test_a_server_that_cannot_store_is_asked_again():
    world, data = connected(), os.urandom(100)
    world.server.full = True
    key = world.send(data)
    world.step()
    assert world.machine.requests.transfers.all[key].reason == "full"
    world.server.full = False
    world.wait(0.9)
    world.step()
    assert key not in world.over
    world.wait(0.2)
    world.step()
    assert ended(world, key) == ("", "")


def test_a_file_that_changed_is_told():
    world = connected()
    key = world.send(b"x" * 100)
    world.sources[key] = b"y" * 100
    world.step()
    assert ended(world, key) == (Code.HASH_MISMATCH, "mismatch")


def test_a_server_that_takes_no_files_is_not_asked(monkeypatch):
    none = Limits(frame=65_536, text=16_384, name=32, rooms=200, unanswered=8)
    monkeypatch.setattr("tests.client.model.LIMITS", none)
    world = Filing(server=FileServer())
    key = world.send(b"x")
    world.step()
    assert ended(world, key) == (Code.UNSUPPORTED, "This server takes no files.")
    assert not world.heard(Upload)


def test_a_transfer_that_was_put_off_to_a_named_moment_is_not_asked_for_sooner_on_another_link():
    world = connected()
    begin = world.now
    world.send(os.urandom(100))
    world.carry_up()
    (asked,) = world.heard(Upload)
    world.conn.out.clear()
    world.conn.say(Error(id=asked.id, code=Code.TOO_MANY_TRANSFERS, text="Not now.", retry_after=20.0))
    world.carry_down()
    world.cut()
    world.wait(5)
    world.step()
    while not world.heard(Upload):
        world.wait(0.1)
        world.carry_up()
        world.carry_down()
    assert 20 <= world.now - begin <= 22.2


def test_a_dropped_transfer_is_cancelled_and_not_heard_of_again():
    world = connected()
    key = world.send(os.urandom(50_000))
    world.step(3)
    world.change(Drop(key))
    world.step(20)
    assert [cancel.code for cancel in world.heard(Cancel)] == [Code.CANCELLED]
    assert not world.over
    assert not world.server.lies


def test_a_source_that_fails_ends_its_transfer_here_and_there():
    world = connected()
    key = world.send(os.urandom(50_000))
    world.step(3)
    world.change(Failed(key, "source-changed", "changed"))
    world.step()
    assert ended(world, key) == ("source-changed", "changed")
    assert world.heard(Cancel)


@pytest.mark.parametrize(
    "lie",
    [
        Progress(transfer=1, received=60_000, stored=0),
        Progress(transfer=1, received=10, stored=20),
    ],
)
def test_a_server_that_lies_about_what_it_has_costs_the_link(lie):
    world = connected()
    world.send(os.urandom(50_000))
    world.carry_up()
    world.carry_down()
    world.conn.say(lie)
    world.carry_down()
    assert not world.conns
    assert "does not speak chatd's protocol" in world.machine.out.reason


# ---- receiving --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 1000, 100_000])
def test_a_file_is_received_and_verified(size):
    world, data = connected(), os.urandom(size)
    event = world.server.put("#a", data)
    key = world.fetch("#a", event.seq)
    world.settle()
    assert bytes(world.places[key].data) == data
    assert world.places[key].whole
    assert ended(world, key) == ("", "")
    assert not world.server.lies
    assert world.stages[key][-1] is Stage.VERIFYING


def test_a_place_that_holds_a_part_is_filled_up():
    world, data = connected(), os.urandom(50_000)
    event = world.server.put("#a", data)
    left = Place(file_of(data), bytearray(data[:40_000]), 40_000)
    key = world.fetch("#a", event.seq, left)
    world.settle()
    assert (bytes(left.data), left.whole) == (data, True)
    assert ended(world, key) == ("", "")
    assert world.server.carried <= 10_000 + LIMITS.window
    said = [message for message in world.conn.heard if isinstance(message, Download | Cancel | Progress)]
    assert [type(message) for message in said[:3]] == [Download, Cancel, Download]
    assert [said[0].offset, said[2].offset] == [0, 40_000]


def test_a_place_that_holds_all_is_finished_without_asking_again():
    world, data = connected(), os.urandom(5_000)
    event = world.server.put("#a", data)
    left = Place(file_of(data), bytearray(data), 5_000)
    key = world.fetch("#a", event.seq, left)
    world.settle()
    assert left.whole
    assert ended(world, key) == ("", "")
    assert len(world.heard(Download)) == len(world.heard(Cancel)) == 1


def test_a_download_goes_on_where_our_disk_ends():
    world, data = connected(), os.urandom(50_000)
    event = world.server.put("#a", data)
    key = world.fetch("#a", event.seq)
    world.step(8)
    came = len(world.places[key].data)
    assert 0 < came < len(data)
    world.cut()
    world.settle()
    assert bytes(world.places[key].data) == data
    assert ended(world, key) == ("", "")
    assert world.server.carried <= len(data) + LIMITS.window


def test_another_file_under_the_same_number_ends_the_download_and_not_the_link():
    world, data = connected(), os.urandom(50_000)
    event = world.server.put("#a", data)
    key = world.fetch("#a", event.seq)
    world.step(8)
    came = bytes(world.places[key].data)
    assert 0 < len(came) < len(data)
    world.cut()
    other = os.urandom(50_000)
    log = world.server.rooms["#a"]
    log[event.seq - 1] = replace(event, file=file_of(other))
    world.server.blobs[file_of(other).sha256] = other
    world.settle()
    assert ended(world, key) == ("file-changed", CHANGED)
    assert data.startswith(bytes(world.places[key].data))
    links = world.machine.links.count
    world.settle()
    assert world.machine.links.count == links
    assert world.machine.links.current is not None


def test_what_has_come_when_the_link_is_lost_is_stored_and_not_sent_again():
    world, data = connected(), os.urandom(50_000)
    event = world.server.put("#a", data)
    key = world.fetch("#a", event.seq)
    world.step(8)
    world.carry_down()  # one part is being written, the next ones wait for that
    world.conn.feed()
    world.carry_up()
    world.carry_down(100_000)
    came = world.machine.requests.transfers.all[key].incoming.received
    assert came > len(world.places[key].data)
    world.cut()
    world.work()
    assert len(world.places[key].data) == came
    world.settle()
    assert bytes(world.places[key].data) == data
    assert [download.offset for download in world.heard(Download)] == [came]


def test_what_was_read_for_an_older_link_is_not_sent_on_a_newer_one():
    world, data = connected(), os.urandom(10_000)
    key = world.send(data)
    world.carry_up()
    world.carry_down()
    assert len(world.errands) == 1
    world.cut()
    world.server.partial[file_of(data).sha256] = data[:6000]  # it was only slow to store what it had
    for _ in range(3):
        world.dial()
        world.carry_up()
        world.carry_down()
        world.flush()
    assert len(world.errands) == 2
    world.settle()
    assert ended(world, key) == ("", "")
    assert world.server.blobs[file_of(data).sha256] == data


def test_nothing_is_said_to_be_received_before_it_is_known_what_lies_here():
    world = connected()
    event = world.server.put("#a", os.urandom(50_000))
    world.fetch("#a", event.seq)
    for _ in range(3):
        world.carry_up()
        world.carry_down(600)
    assert world.machine.requests.transfers.all[1].incoming.received > 0
    assert not world.heard(Progress)


def test_a_cancel_that_comes_when_all_is_here_changes_nothing():
    world, data = connected(), os.urandom(100)
    event = world.server.put("#a", data)
    key = world.fetch("#a", event.seq)
    while not world.machine.requests.transfers.all[key].verifying:
        world.carry_up()
        world.carry_down()
        world.work(1)
    world.conn.say(Cancel(transfer=1, code=Code.FILE_EXPIRED, text="gone"))
    world.carry_down()
    world.step()
    assert ended(world, key) == ("", "")


def test_an_answer_to_nothing_is_passed_over():
    world = connected()
    world.reachable = False
    world.cut()
    world.send(b"x")
    world.reachable = True
    world.dial()
    world.carry_up()
    world.conn.say(Error(id=0, code=Code.NO_SUCH_FILE, text="none"))
    world.carry_down()
    assert not world.over


def test_a_slow_disk_slows_the_server():
    world, data = connected(), os.urandom(50_000)
    event = world.server.put("#a", data)
    key = world.fetch("#a", event.seq)
    for _ in range(30):
        world.carry_up()
        world.carry_down()
        if key not in world.places:
            world.work()
    assert len(world.conn.out) == 0
    assert world.conn.going[1].sent <= 2 * LIMITS.window
    world.settle()
    assert ended(world, key) == ("", "")


def test_what_is_not_there_is_told():
    world = connected()
    key = world.fetch("#a", 99)
    world.step()
    assert ended(world, key) == (Code.NO_SUCH_FILE, "none")


def test_a_disk_that_fails_ends_the_download_here_and_there():
    world = connected()
    event = world.server.put("#a", os.urandom(50_000))
    key = world.fetch("#a", event.seq)
    world.step(4)
    world.change(Failed(key, "target-unusable", "full"))
    world.step(20)
    assert ended(world, key) == ("target-unusable", "full")
    assert not world.conn.going


def test_hundred_percent_is_told_to_the_server_only_when_it_is_in_its_place():
    world, data = connected(), os.urandom(3000)
    event = world.server.put("#a", data)
    key = world.fetch("#a", event.seq)
    while not world.places.get(key) or not world.places[key].whole:
        world.carry_up()
        world.carry_down()
        assert all(progress.stored < 3000 for progress in world.heard(Progress))
        world.work(1)
    world.step()
    assert world.heard(Progress)[-1].stored == 3000


# ---- chat goes first --------------------------------------------------------------------------------------


def test_messages_are_written_before_chunks_and_while_they_are_under_way():
    world = connected()
    world.send(os.urandom(100_000))
    world.step(20)
    _, effects = world.machine.orders.queue("#a", "hello", world.now)
    world.perform(effects)
    before = len(world.conn.heard)
    world.flush()
    world.carry_up()
    assert isinstance(world.conn.heard[before], Send)


def test_no_chunk_is_written_while_the_transport_is_full():
    world = connected()
    world.send(os.urandom(100_000))
    (link,) = world.conns
    world.perform(world.machine.writable(link, False, world.now))
    world.step()
    assert world.server.carried == 0
    world.perform(world.machine.writable(link, True, world.now))
    world.step()
    assert world.server.carried > 0


# ---- anything ---------------------------------------------------------------------------------------------


class Anything(RuleBasedStateMachine):
    """Cuts, a slow disk on either side, a full one there, in any order: every byte arrives, each once."""

    def __init__(self):
        super().__init__()
        self.world = Filing(server=FileServer())
        self.random = random.Random(1)
        self.up, self.down = {}, {}

    def _data(self, size):
        return self.random.randbytes(size)

    @rule(size=st.integers(0, 60_000))
    def put(self, size):
        if len(self.up) < 4:
            data = self._data(size)
            self.up[self.world.send(data)] = data

    @rule(size=st.integers(0, 60_000), left=st.floats(0, 1))
    def get(self, size, left):
        if len(self.down) < 4:
            data = self._data(size)
            event = self.world.server.put("#a", data)
            part = int(size * left)
            place = Place(file_of(data), bytearray(data[:part]), part)
            self.down[self.world.fetch("#a", event.seq, place)] = (data, place)

    @rule(works=st.lists(st.integers(0, 3), min_size=2, max_size=6))
    def go_well(self, works):
        for count in works:
            self.world.dial()
            self.world.carry_up()
            self.world.carry_down()
            self.world.flush()
            self.world.work(count)

    @rule(size=st.integers(1, 9000))
    def carry_up(self, size):
        self.world.carry_up(size)

    @rule(size=st.integers(1, 9000))
    def carry_down(self, size):
        self.world.carry_down(size)

    @rule(count=st.integers(1, 5))
    def work(self, count):
        self.world.work(count)

    @precondition(lambda self: self.world.machine.requests.transfers.all)
    @rule()
    def cut(self):
        self.world.cut()

    @rule(slow=st.booleans(), full=st.booleans())
    def trouble(self, slow, full):
        self.world.server.slow, self.world.server.full = slow, full

    @rule(seconds=st.floats(0.01, 3))
    def wait(self, seconds):
        self.world.wait(seconds)

    @rule()
    def say(self):
        _, effects = self.world.machine.orders.queue("#a", "said", self.world.now)
        self.world.perform(effects)

    @invariant()
    def nobody_lies(self):
        assert not self.world.server.lies

    @invariant()
    def nothing_is_over_that_is_not_there(self):
        for key, data in self.up.items():
            if key in self.world.over:
                assert self.world.server.blobs[file_of(data).sha256] == data

    def teardown(self):
        self.world.settle(300)
        assert not self.world.server.lies
        for key, data in self.up.items():
            assert self.world.over[key].code == "", key
            assert self.world.server.blobs[file_of(data).sha256] == data
        for key, (data, place) in self.down.items():
            assert self.world.over[key].code == "", key
            assert bytes(place.data) == data
            assert place.whole
        assert not self.world.machine.requests.transfers.all
        assert not self.world.machine.outbox.entries


Anything.TestCase.settings = settings(
    max_examples=examples(100),
    stateful_step_count=100,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestAnything = Anything.TestCase
