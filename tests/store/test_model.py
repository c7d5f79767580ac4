"""The store against the one in memory, which tests elsewhere rely on: the same changes, the same answers."""

import shutil
import tempfile
import threading
import time
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chatd.chat.changes.rows import (
    DropAct,
    DropAddressBan,
    DropAllow,
    DropBlock,
    DropCertificate,
    DropEdit,
    DropEdits,
    DropEditsBelow,
    DropErasure,
    DropFile,
    DropFiles,
    DropInvite,
    DropMark,
    DropMarks,
    DropMember,
    DropMention,
    DropMentions,
    DropMetadata,
    DropPin,
    DropPlace,
    DropReaction,
    DropReactions,
    DropReactionsBelow,
    DropRepliesBelow,
    DropReply,
    DropRoom,
    DropScram,
    DropSession,
    DropStatus,
    DropTallies,
    DropTally,
    DropThread,
    DropThreads,
    DropUpload,
    Erase,
    PutAccount,
    PutAct,
    PutAddressBan,
    PutAllow,
    PutBlock,
    PutCertificate,
    PutEdit,
    PutEmptied,
    PutErasure,
    PutFile,
    PutInvite,
    PutMark,
    PutMember,
    PutMention,
    PutMetadata,
    PutNick,
    PutPin,
    PutPlace,
    PutReaction,
    PutReply,
    PutRoom,
    PutScram,
    PutSession,
    PutStatus,
    PutTally,
    PutThread,
    PutTime,
    PutUpload,
    PutUser,
    Trim,
)
from chatd.chat.looked import Pinned, Range
from chatd.chat.storage import LOADED, Changes
from chatd.store import sizes
from chatd.testing import MemoryStore
from tests.examples import examples
from tests.store.driven import Driven

ids = st.integers(1, 4)
few = st.integers(0, 12)
times = st.integers(0, 2**53 - 1)
texts = st.text(max_size=12)
emoji = st.sampled_from("🍵👍")
frames = st.lists(
    st.binary(min_size=1, max_size=300) | st.integers(1, 9).map(lambda size: bytes(size) * 5000),
    min_size=1,
    max_size=8,
)
changes = st.one_of(
    st.builds(
        lambda i, nick, free: PutUser(i, nick, None if free else f"{i} {nick}"), ids, texts, st.booleans()
    ),
    st.builds(
        lambda i, user, seen, host: PutSession(i, user, b"%d" % i, 0, seen, host, "", host[::-1]),
        ids,
        ids,
        times,
        texts,
    ),
    st.builds(PutAccount, ids, texts, ids, times, ids, few),
    st.builds(PutNick, texts, ids, texts, times),
    st.builds(PutInvite, st.binary(max_size=3), ids, few, times),
    st.builds(DropInvite, st.binary(max_size=3)),
    st.builds(PutCertificate, ids, texts, texts, times),
    st.builds(DropCertificate, ids, texts),
    st.builds(PutScram, ids, texts),
    st.builds(DropScram, ids),
    st.builds(PutMetadata, texts, texts, texts),
    st.builds(DropMetadata, texts, texts),
    st.builds(PutPlace, ids, texts, times),
    st.builds(DropPlace, ids, texts),
    st.builds(PutReaction, ids, ids, few, emoji, few),
    st.builds(DropReaction, ids, ids, few, emoji),
    st.builds(DropReactions, ids, few),
    st.builds(DropReactionsBelow, ids, few),
    st.builds(DropEdit, ids, few, few),
    st.builds(DropEdits, ids, few),
    st.builds(DropEditsBelow, ids, few),
    st.builds(DropReply, ids, few, few),
    st.builds(PutThread, ids, ids, few, few, times, st.booleans()),
    st.builds(DropThread, ids, ids, few),
    st.builds(DropThreads, ids, few),
    st.builds(DropRepliesBelow, ids, few),
    st.builds(PutPin, ids, few, few),
    st.builds(DropPin, ids, few),
    st.builds(PutTally, ids, st.just(0), few, st.binary(max_size=2)),
    st.builds(DropTally, ids, st.just(0)),
    st.builds(DropTallies, ids, few),
    st.builds(DropMention, ids, ids, few),
    st.builds(DropMentions, ids, few),
    st.builds(DropSession, ids),
    st.builds(PutMember, ids, ids, times, ids, times),
    st.builds(PutAct, ids, texts, texts, ids, times, texts, texts),
    st.builds(DropAct, ids, texts, texts),
    st.builds(PutAddressBan, texts, times, times, texts),
    st.builds(DropAddressBan, texts),
    st.builds(PutBlock, ids, ids),
    st.builds(DropBlock, ids, ids),
    st.builds(PutAllow, ids, texts),
    st.builds(DropAllow, ids),
    st.builds(PutStatus, ids, texts, texts, times),
    st.builds(DropStatus, ids),
    st.builds(DropMember, ids, ids),
    st.builds(PutEmptied, ids, few, times, texts),
    st.builds(PutErasure, ids, ids, few, st.just("")),
    st.builds(DropErasure, ids),
    st.builds(PutMark, ids, few, times),
    st.builds(DropMark, ids, few),
    st.builds(DropMarks, ids, few),
    st.builds(PutUpload, ids, texts, times),
    st.builds(DropUpload, ids, texts),
    st.builds(PutTime, times, times),
)


PACE = sizes.EVERY, sizes.AT_ONCE


class Stores(RuleBasedStateMachine):
    """Two stores that are told the same."""

    @initialize()
    def begin(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="chatd-")
        self.folder = Path(self.scratch.name) / "data"
        self.disk = self.open()
        self.memory = MemoryStore()
        self.heads = dict.fromkeys(range(1, 5), 0)
        self.firsts = dict.fromkeys(range(1, 5), 1)
        self.append(others=[self.room(log, "") for log in self.heads])

    def open(self):
        return Driven(self.folder)

    def room(self, log, topic):
        rules = ("private", "since-join", len(topic), len(topic) % 2, 4, 5, 30) if topic else ()
        return PutRoom(log, f"#{log}{topic}", topic, self.firsts[log], 0, *rules)

    def append(self, **what):
        both = Changes(**what)
        done = []
        self.memory.append(both, done.append)
        assert self.disk.append(both) is None
        assert done == [None]

    @rule(runs=st.dictionaries(ids, frames, max_size=3), others=st.lists(changes, max_size=5))
    def write(self, runs, others):
        known = {row.id for row in self.memory.sessions.values()}
        gone = {change.id for change in others if isinstance(change, DropSession)}
        sends = [(self.heads[1] + number, number) for number in sorted(known - gone)]
        events = [(log, self.heads[log] + 1, run) for log, run in runs.items()]
        self.append(events=events, sends=sends, others=others)
        for log, run in runs.items():
            self.heads[log] += len(run)

    @rule(log=ids, topic=texts)
    def describe(self, log, topic):
        self.append(others=[self.room(log, topic)])

    @rule(log=ids, seq=few, name=texts)
    def post(self, log, seq, name):
        if (log, seq) not in self.memory.files:
            self.append(others=[PutFile(log, seq, "0" * 64, name, 1, "text/plain")])

    @rule(log=ids, seq=few)
    def forget_file(self, log, seq):
        self.append(others=[DropFile(log, seq)])

    @rule(log=ids, seq=few, by=few)
    def edit(self, log, seq, by):
        if (log, seq, by) not in self.memory.edits:
            self.append(others=[PutEdit(log, seq, by)])

    @rule(log=ids, seq=few, thread=few, ref=few)
    def reply(self, log, seq, thread, ref):
        if (log, seq) not in self.memory.replies:
            self.append(others=[PutReply(log, seq, thread, ref)])

    @rule(log=ids, user=ids, seq=few)
    def mention(self, log, user, seq):
        if (log, user, seq) not in self.memory.mentions:
            self.append(others=[PutMention(log, user, seq)])

    @rule(log=ids, seqs=st.lists(few, max_size=5), user=ids)
    def look_at_some(self, log, seqs, user):
        self.look(log, tuple(seqs), user)

    @rule(
        log=ids,
        user=ids,
        low=few,
        size=few,
        limit=st.integers(1, 9),
        newest=st.booleans(),
        thread=st.integers(0, 3),
    )
    def look_at_a_page(self, log, user, low, size, limit, newest, thread):
        first = max(1, self.firsts[log] - 1) + low  # from a hole on, too
        last = min(first + size, self.heads[log])
        self.look(log, Range(first, last, limit, newest, thread), user)

    @rule(log=ids, user=ids, first=few, size=few)
    def look_at_pins(self, log, user, first, size):
        self.look(log, Pinned(first, first + size), user)

    def look(self, log, wanted, user):
        got = []
        self.memory.look(log, wanted, user, got.append)
        assert self.disk.look(log, wanted, user) == got[0]

    @rule(log=ids, seq=few, user=ids, whole=st.booleans())
    def facts(self, log, seq, user, whole):
        got = []
        self.memory.facts(log, seq, user, whole, got.append)
        assert self.disk.facts(log, seq, user, whole=whole) == got[0]

    @rule(log=ids, seq=few, stored=st.binary(min_size=1, max_size=300))
    def erase(self, log, seq, stored):
        self.append(others=[Erase(log, seq, seq + 1, stored)])

    @rule(log=ids, first=few)
    def forget_files(self, log, first):
        self.append(others=[DropFiles(log, first)])

    @rule(log=ids, keep=st.integers(0, 5))
    def trim(self, log, keep):
        self.firsts[log] = max(self.firsts[log], self.heads[log] + 1 - keep)
        self.append(others=[self.room(log, ""), Trim(log, self.firsts[log])])

    @rule(log=ids)
    def fail(self, log):
        if self.heads[log] < self.firsts[log]:
            return  # nothing is kept that could be there again
        wrong = Changes(
            events=[(log, self.heads[log] + 1, [b"x"]), (log, self.heads[log], [b"again"])],
            others=[PutUser(1, "never", "never"), Trim(log, self.heads[log])],
        )
        assert self.disk.append(wrong) is not None

    @rule(log=ids, run=frames, keep=st.integers(0, 5), seq=few, stored=st.binary(min_size=1, max_size=300))
    def erase_trim_and_write(self, log, run, keep, seq, stored):
        self.firsts[log] = max(self.firsts[log], self.heads[log] + 1 - keep)
        others = [Erase(log, seq, seq + 1, stored), self.room(log, ""), Trim(log, self.firsts[log])]
        self.append(events=[(log, self.heads[log] + 1, run)], others=others)
        self.heads[log] += len(run)

    @rule(log=ids)
    def drop_room(self, log):
        """Drop a room of which no event is left; another one has its id some day."""
        self.append(others=[self.room(log, ""), Trim(log, self.heads[log] + 1), DropRoom(log)])
        self.heads[log], self.firsts[log] = 0, 1
        self.append(others=[self.room(log, "")])

    @rule()
    def reopen(self):
        self.disk.close()
        self.disk = self.open()

    @rule()
    def crash(self):
        """Go on with what the disk has at this moment."""
        image = self.folder.with_name(f"{self.folder.name}-")
        copied = threading.Event()

        def copy():  # in the thread that writes, so that nothing moves meanwhile
            shutil.copytree(self.folder, image)
            copied.set()

        self.disk.store._write_jobs.put(copy)
        assert copied.wait(20)
        self.folder = image
        self.disk.close()
        self.disk = self.open()

    @rule(every=st.sampled_from([0.0, 60.0]), at_once=st.integers(1, 3))
    def pace(self, every, at_once):
        """Let the sizes of logs be written with every commit, or with hardly any."""
        sizes.EVERY, sizes.AT_ONCE = every, at_once
        self.disk.store._sizes._next = time.monotonic() + every

    @rule(
        log=ids,
        low=st.integers(0, 12),
        size=st.integers(0, 12),
        limit=st.integers(1, 900),
        newest=st.booleans(),
    )
    def page(self, log, low, size, limit, newest):
        first = self.firsts[log] + low
        last = min(first + size, self.heads[log])
        got = []
        self.memory.read(log, first, last, limit, newest, got.append)
        assert self.disk.read(log, first, last, limit, newest=newest) == got[0]

    @invariant()
    def same(self):
        if not hasattr(self, "disk"):
            return
        self.same_as_in_memory(self.disk)

    def same_as_in_memory(self, driven):
        disk, memory = driven.store.load(), self.memory.load()
        assert sorted(disk.rooms) == sorted(memory.rooms)
        assert disk.rows.keys() == memory.rows.keys() == set(LOADED) - {PutRoom}
        for kind in disk.rows:
            assert sorted(disk.of(kind)) == sorted(memory.of(kind))
        assert disk.time == memory.time
        assert disk.last_user == memory.last_user
        for log in self.heads:
            assert driven.store.size_of(log) == self.memory.size_of(log)

    def teardown(self):
        sizes.EVERY, sizes.AT_ONCE = PACE
        if hasattr(self, "disk"):
            self.disk.close()
            self.scratch.cleanup()


Stores.TestCase.settings = settings(
    max_examples=examples(25),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestStores = Stores.TestCase
