"""Worlds in which the page's machine stands beside the companion client's."""

from dataclasses import dataclass, field

from chatd.client.core.backoff import Backoff
from chatd.client.core.session import Remembered
from chatd.client.core.trail import Trail
from tests.client.filing import Filing
from tests.client.model import Disk, World
from tests.page.twin import Twin


@dataclass
class TwinDisk(Disk):
    """Keeps names and trails too."""

    names: dict[str, str] = field(default_factory=dict)
    trails: dict[str, Trail] = field(default_factory=dict)

    def apply(self, changes):
        super().apply(changes)
        for room, (seq, name) in changes.cursors.items():
            self.names[room], self.trails[room] = name, Trail.unpack(changes.trails[room])
            if seq is None:
                del self.names[room], self.trails[room]

    def remembered(self):
        kept = super().remembered()
        return Remembered(kept.session, kept.last, kept.cursors, self.names, kept.outbox, (), self.trails)


class TwinWorld(World):
    """The page's machine is told all that the companion client's is."""

    def __init__(self, server=None, rooms=("#a",), disk=None, **how):
        how["follow_all"] = True
        super().__init__(server, rooms, disk or TwinDisk(), **how)

    def made(self, remembered, wishes):
        return Twin(remembered, wishes, Backoff(self.uniform))


class TwinFiling(Filing, TwinWorld):
    """The same, with files."""


def adopted(module, without=()):
    """Return the tests and fixtures of ``module``, without some, to be played with the page's machine."""
    found = {
        name: one
        for name, one in vars(module).items()
        if name.startswith(("test_", "Test")) or type(one).__name__ == "FixtureFunctionDefinition"
    }
    assert set(without) <= set(found), set(without) - set(found)
    return {name: one for name, one in found.items() if name not in without}
