"""Nodes that are chosen, replaced, killed and kept waiting at any moment: one order, nothing lost or doubled.

Everything that takes time elsewhere takes a step here: an append, a commit, messages on their way.
"""

from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chatd.chat.storage import Changes, StoreError
from chatd.cluster.journal import LostError
from chatd.cluster.node import Node
from chatd.cluster.records import Parts, Record, decoded, digest_of, encoded
from chatd.testing import MemoryStore
from chatd.testing.stream import MemoryStream
from tests.examples import examples


class Link:
    """What one node has of the stream: each of its calls waits until the test lets it arrive."""

    def __init__(self, stream):
        self.stream = stream
        self.limit = 60  # so that records are cut
        self.appends = []
        self.after = None
        self.ready = self.campaigns = self.releases = False

    def append(self, *given):
        self.appends.append(given)

    def read(self, after):
        self.after, self.ready = after, True

    def go_on(self):
        self.ready = True

    def campaign(self):
        self.campaigns, self.releases = True, False

    def release(self):
        self.releases = True


class Member:
    """One machine: its store outlives whatever runs there."""

    def __init__(self, stream):
        self.stream = stream
        self.store = MemoryStore()
        self.begin()

    def begin(self):
        self.link = Link(self.stream)
        self.history = []
        self.ended = None
        self.leads = False
        self.node = Node(self.store, self.store.load().mark, self.link, self)
        self.node.opened()

    def take_in(self, record):
        assert not self.leads
        self.history.append(record.number)

    def lead(self):
        assert not self.leads
        self.leads = True

    def follow(self):
        assert self.leads
        self.leads = False

    def end(self, error):
        self.ended = error

    def answer(self):
        """Let an append arrive."""
        if self.link.appends:
            self.stream.append(*self.link.appends.pop(0))

    def deliver(self, size):
        """Let messages arrive, if they are wanted."""
        run = list(enumerate(self.stream.messages, 1))[self.link.after :][:size]
        if self.link.ready and run:
            self.link.ready = False
            self.link.after = run[-1][0]
            self.node.took(run)

    @property
    def said(self):
        return list(self.store.events.get(1, {}).values())


who = st.integers(0, 2)


class Cluster(RuleBasedStateMachine):
    """Three machines."""

    @initialize()
    def begin(self):
        self.fates = []
        self.stream = MemoryStream(lambda: self.fates.pop() if self.fates else "")
        self.members = [Member(self.stream) for _ in range(3)]
        self.epoch = self.number = 0
        self.told, self.refused = [], []

    @rule(which=who)
    def choose(self, which):
        """Give one the lease, whoever else believes to have it."""
        member = self.members[which]
        if member.link.campaigns:
            member.link.campaigns = False
            self.epoch += 1
            member.node.chosen(self.epoch)

    @rule(which=who)
    def lose(self, which):
        member = self.members[which]
        if not member.link.campaigns:
            member.node.lost()

    @rule(which=who, size=st.integers(1, 5))
    def deliver(self, which, size):
        self.members[which].deliver(size)

    @rule(which=who)
    def answer(self, which):
        self.members[which].answer()

    @rule(which=who, size=st.integers(1, 90))
    def decide(self, which, size):
        member = self.members[which]
        if member.leads and not member.node.store.busy:
            self.number += 1
            said = b"%d " % self.number * size
            try:
                member.node.store.append(
                    Changes(events=[(1, len(member.said) + 1, [said])]), partial(self.hear, said)
                )
            except StoreError:
                raise AssertionError("whoever leads may append") from None

    def hear(self, said, error):
        (self.told if error is None else self.refused).append(said)

    @rule(which=who)
    def stall(self, which):
        self.members[which].store.held = True

    @rule(which=who)
    def go_on(self, which):
        self.members[which].store.held = False
        self.members[which].store.release()

    @rule(which=who)
    def kill(self, which):
        """Let one die at this moment, and begin again."""
        member = self.members[which]
        member.store.lose_power()
        member.begin()

    @rule(fates=st.lists(st.sampled_from(["", "request", "answer", "late"]), max_size=5))
    def disturb(self, fates):
        self.fates += fates

    def records(self):
        parts, records = Parts(), []
        for message in self.stream.messages:
            data = parts.take(message)
            if data is not None:
                records.append(decoded(data))
        return records

    @invariant()
    def one_order(self):
        if not hasattr(self, "members"):
            return
        records = self.records()
        before = Record(0, 0, b"", 0, Changes())
        for number, record in enumerate(records, 1):
            assert record.number == number
            assert record.before == (digest_of(encoded(before)) if number > 1 else b"")
            assert record.epoch >= before.epoch
            before = record
        said = [frame for record in records for _, _, frames in record.changes.events for frame in frames]
        assert len(set(said)) == len(said)
        assert set(self.told) <= set(said)
        assert not set(self.refused) & set(said)
        for member in self.members:
            assert member.ended is None
            assert member.said == said[: len(member.said)]

    def teardown(self):
        if not hasattr(self, "members"):
            return
        self.fates.clear()
        for member in self.members:
            member.store.held = False
            member.store.release()
            member.answer()
            if not member.link.campaigns:
                member.node.lost()
        self.epoch += 1
        self.members[0].node.chosen(self.epoch)
        for _ in range(3):  # the first opening may be one that lacks something
            for member in self.members:
                member.answer()
                for _ in self.stream.messages:
                    member.deliver(9)
        assert self.members[0].leads
        self.members[0].node.store.append(
            Changes(events=[(1, len(self.members[0].said) + 1, [b"end"])]), print
        )
        self.members[0].answer()
        for member in self.members:
            member.deliver(1000)
            assert member.said == self.members[0].said
            assert member.node.store.place == self.members[0].node.store.place
        self.one_order()


Cluster.TestCase.settings = settings(max_examples=examples(60), stateful_step_count=60, deadline=None)
TestCluster = Cluster.TestCase


def test_servers_that_have_lost_records_end_the_node():
    stream = MemoryStream()
    member = Member(stream)
    member.node.chosen(1)
    member.answer()
    assert member.leads
    member.node.store.append(Changes(events=[(1, 1, [b"a"])]), lambda _: None)
    member.answer()
    del stream.messages[1:]
    member.node.store.append(Changes(events=[(1, 2, [b"b"])]), lambda _: None)
    member.answer()
    assert isinstance(member.ended, LostError)


def test_a_local_store_that_fails_ends_the_node_and_what_waits_is_not_answered():
    member = Member(MemoryStream())
    member.node.chosen(1)
    member.answer()
    member.store.failing = StoreError("The disk is full.")
    got = []
    member.node.store.append(Changes(events=[(1, 1, [b"a"])]), got.append)
    member.answer()
    assert (member.ended, got) == (member.store.failing, [])


def test_an_idle_leader_notices_from_the_stream_that_it_was_replaced():
    stream = MemoryStream()
    one, two = Member(stream), Member(stream)
    one.node.chosen(1)
    one.answer()
    two.deliver(9)
    two.node.chosen(2)
    two.answer()
    assert one.leads
    one.deliver(9)
    assert not one.leads
    assert one.link.releases
    assert two.leads


def test_what_follows_something_else_ends_the_node():
    stream = MemoryStream()
    one, two = Member(stream), Member(stream)
    one.node.chosen(1)
    one.answer()
    stream.messages.append(b"\0" + encoded(Record(2, 1, b"other", 0, Changes())))
    two.deliver(9)
    assert "another history" in str(two.ended)
    assert len(two.history) == 1
