"""What a store promises, kept by nodes over a stream: the same changes, the same answers as in memory.

The rules are those of the store of a single node. Here one node decides, the network loses what it likes,
rivals decide in between, and another node, which decides nothing, has the same.
"""

import shutil
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from chatd.chat.storage import Changes
from chatd.cluster.journal import ReplacedError
from chatd.testing.stream import MemoryStream
from tests.cluster.nodes import Replicated
from tests.examples import examples
from tests.store import test_model

FATES = st.lists(st.sampled_from(["", "request", "answer", "late"]), min_size=1, max_size=9)


class Nodes(test_model.Stores):
    """One node that decides, and one that follows."""

    @initialize()
    def begin(self):
        self.fates = []
        self.stream = MemoryStream(lambda: self.fates.pop() if self.fates else "")
        self.names = count()
        super().begin()
        self.follower = Replicated(self.folder.with_name("follower"), self.stream)

    def open(self):
        return Replicated(self.folder, self.stream)

    @rule(fates=FATES)
    def disturb(self, fates):
        """Let the network lose some of what comes next."""
        self.fates += fates

    @rule(log=test_model.ids)
    def fail(self, log):
        """Let a rival decide: what this node decides then is refused, and nothing of it is anywhere."""
        if not self.disk.node.store.epoch:
            return
        rival = Replicated(self.folder.with_name("rival"), self.stream)
        assert rival.append(Changes()) is None
        rival.close()
        wrong = Changes(events=[(log, self.heads[log] + 1, [b"never"])])
        assert isinstance(self.disk.append(wrong), ReplacedError)

    @rule()
    def change_places(self):
        """Let the other node decide."""
        self.disk.node.store.resign()
        self.disk, self.follower = self.follower, self.disk
        self.folder = self.disk.store._path.parent

    @rule()
    def lose_the_end(self):
        """Let a power cut take the last records from the node that follows: it takes them in again."""
        folder = self.follower.store._path.parent
        image = folder.with_name(f"image {next(self.names)}")
        self.follower.close()
        shutil.copytree(folder, image)
        self.follower = Replicated(folder, self.stream)
        self.follower.node.catch_up()
        self.follower.close()
        self.follower = Replicated(image, self.stream)

    @invariant()
    def same(self):
        super().same()
        if hasattr(self, "follower"):
            self.follower.node.catch_up()
            self.same_as_in_memory(self.follower)

    def teardown(self):
        if hasattr(self, "follower"):
            self.follower.close()
        super().teardown()


Nodes.TestCase.settings = settings(test_model.Stores.TestCase.settings, max_examples=examples(10))
TestNodes = Nodes.TestCase
