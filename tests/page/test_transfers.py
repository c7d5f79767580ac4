"""Files on their way do to the page's machine what they do to the companion client's."""

import pytest
from hypothesis import settings

from tests.client.core import test_transfers
from tests.page.worlds import TwinFiling, adopted

OTHERWISE = {"test_a_slow_disk_slows_the_server"}  # it takes in what comes at once one by one

globals().update(adopted(test_transfers, {"TestAnything"} | OTHERWISE))


class Anything(test_transfers.Anything):
    """The same world of troubles, with fewer examples: it has been tried already."""


Anything.TestCase.settings = settings(test_transfers.Anything.TestCase.settings, max_examples=20)
TestAnything = Anything.TestCase


@pytest.fixture(autouse=True)
def worlds(monkeypatch):
    monkeypatch.setattr(test_transfers, "Filing", TwinFiling)


def test_the_post_of_a_file_is_queued_as_any_text_is():
    world, data = test_transfers.connected(), b"some bytes"
    world.send(data)
    world.settle()
    _, effects = world.machine.orders.queue("#a", "look", world.now, test_transfers.file_of(data))
    world.perform(effects)
    world.settle()
    (posted,) = [event for event in world.server.rooms["#a"] if event.file is not None]
    assert (posted.text, posted.file.name) == ("look", "x")
