"""A daemon in memory, and what it has logged."""

from collections.abc import Callable, Sequence

import pytest
from twisted.logger import LogEvent

from chatd.ops.log import KEY
from chatd.testing import Playground


@pytest.fixture
def playground() -> Playground:
    """Return a playground whose daemon has started, with the default configuration."""
    playground = Playground()
    playground.start_server()
    return playground


@pytest.fixture
def said(logged_events: Sequence[LogEvent]) -> Callable[..., list[object]]:
    """Return a function that lists the fields of what was said under a name, at a level if one is given."""

    def said(name: str, level: str | None = None) -> list[object]:
        found = [event for event in logged_events if KEY in event and event[KEY].name == name]
        return [event[KEY].fields for event in found if level in (None, event["log_level"].name)]

    return said
