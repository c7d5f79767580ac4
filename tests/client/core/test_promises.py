"""P3, P2 and P9 of the client under any order of sends, cuts, crashes, refusals, full disks and takebacks."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chatd.client.core.notices import Accepted, EventSeen, SendRefused
from tests.client.model import World
from tests.examples import examples


class Promises(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.world = self.made()
        self.count = 0
        self.queued: dict[str, int] = {}  # of the present run, by text
        self.must: list[str] = []  # every text that may not be lost, in order
        self.may: set[str] = set()  # texts that a crash or a takeback made doubtful

    def made(self):
        return World()

    @rule(bad=st.booleans(), more=st.integers(0, 3))
    def say(self, bad, more):
        for text in ["bad"] * bad + ["ok"] * more:
            self._say(text)

    def _say(self, kind):
        self.count += 1
        text = f"{kind} {self.count}"
        key, effects = self.world.machine.orders.queue("#a", text, self.world.now)
        self.queued[text] = key
        self.must.append(text)
        self.world.perform(effects)

    @rule()
    def flush(self):
        self.world.flush()

    @rule()
    def dial(self):
        self.world.dial()

    @rule(rounds=st.integers(1, 4), flush=st.booleans())
    def go_well(self, rounds, flush):
        for _ in range(rounds):
            self.world.dial()
            self.world.carry_up()
            self.world.carry_down()
            if flush:
                self.world.flush()

    @rule(size=st.integers(1, 400))
    def up(self, size):
        self.world.carry_up(size)

    @rule(size=st.integers(1, 400))
    def down(self, size):
        self.world.carry_down(size)

    @rule()
    def cut(self):
        self.world.cut()

    @rule(seconds=st.floats(0.1, 3))
    def wait(self, seconds):
        self.world.wait(seconds)

    @rule(full=st.booleans())
    def disk(self, full):
        self.world.server.full = full

    @rule(asks=st.booleans())
    def ask(self, asks):
        self.world.server.asks = asks

    @rule(reachable=st.booleans())
    def reach(self, reachable):
        self.world.reachable = reachable

    @rule()
    def others_speak(self):
        self.world.server.post("#a", "bob", "from bob")

    @precondition(lambda self: self.world.machine.outbox.entries)
    @rule(data=st.data())
    def take_back(self, data):
        entry = data.draw(st.sampled_from(list(self.world.machine.outbox.entries)))
        self.may.add(entry.text)
        self.world.perform(self.world.machine.orders.withdraw({entry.key}))

    @rule()
    def crash(self):
        saved = {entry.text for entry in self.world.disk.outbox.values()}
        self._note_order()
        self.may |= {text for text in self.queued if text not in saved}
        self.queued = {}
        self.world.crash()

    def _note_order(self):
        """Check what this run saw: dense, in order, and never what the server does not have."""
        seqs = self._seen()
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs))) if seqs else True

    def _seen(self):
        return [seen.event.seq for seen in self.world.said(EventSeen) if seen.event.room == "#a"]

    @invariant()
    def nothing_is_said_to_be_sent_before_it_is(self):
        texts = set(self.world.server.texts("#a"))
        keys = {key: text for text, key in self.queued.items()}
        for accepted in self.world.said(Accepted):
            if accepted.key in keys:
                assert keys[accepted.key] in texts

    @invariant()
    def nothing_is_doubled(self):
        texts = [text for text in self.world.server.texts("#a") if text != "from bob"]
        assert len(texts) == len(set(texts))

    def teardown(self):
        self.world.settle()
        self._note_order()
        texts = [text for text in self.world.server.texts("#a") if text != "from bob"]
        assert len(texts) == len(set(texts))
        assert texts == [text for text in self.must if text in set(texts)], "order"
        wanted = {text for text in self.must if not text.startswith("bad")} - self.may
        assert wanted <= set(texts)
        assert not self.world.machine.outbox.entries
        assert not self.world.disk.outbox
        assert self.world.disk.last == self.world.machine.outbox.last
        seen = self._seen()
        assert not seen or seen[-1] == len(self.world.server.rooms["#a"])
        refused = {refusal.text for refusal in self.world.said(SendRefused)}
        assert all(text.startswith("bad") for text in refused)


Promises.TestCase.settings = settings(
    max_examples=examples(150), stateful_step_count=80, deadline=None, suppress_health_check=list(HealthCheck)
)
TestPromises = Promises.TestCase


# Found by chance once: each resumes with a token that is not on the client's disk yet.


def test_a_send_behind_a_resume_with_a_token_that_is_not_on_disk_is_seen():
    promises = Promises()
    promises.go_well(rounds=1, flush=False)
    promises.wait(3)
    promises.say(bad=False, more=1)
    promises.teardown()


def test_a_send_whose_answer_is_lost_behind_such_a_resume_is_not_doubled():
    promises = Promises()
    promises.go_well(rounds=1, flush=False)
    promises.wait(3)
    promises.go_well(rounds=1, flush=False)
    promises.wait(1)
    promises.wait(2)
    promises.say(bad=False, more=1)
    promises.flush()
    promises.up(104)
    promises.wait(2)
    promises.wait(3)
    promises.teardown()


def test_none_of_many_that_wait_behind_refused_ones_is_lost():
    promises = Promises()
    for _ in range(100):
        promises.say(bad=True, more=1)
    promises.teardown()


def test_nor_is_one_that_waited_for_a_disk_that_was_full():
    promises = Promises()
    promises.disk(full=False)
    promises.go_well(rounds=1, flush=False)
    promises.wait(3)
    promises.go_well(rounds=1, flush=False)
    promises.wait(2)
    promises.wait(3)
    promises.say(bad=False, more=1)
    promises.dial()
    promises.flush()
    promises.up(110)
    promises.wait(3)
    promises.dial()
    promises.go_well(rounds=3, flush=True)
    promises.teardown()
