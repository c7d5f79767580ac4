"""WeeChat and irssi are cut off for a quarter of a minute, and come back: nothing is missing or doubled."""

import asyncio

import pytest

from tests.irc.real.clients import Irssi, WeeChat
from tests.irc.real.scenes import cut_off
from tests.network.lab.machine import why_no_namespaces

KINDS = (WeeChat, Irssi)

pytestmark = [pytest.mark.skipif(bool(why_no_namespaces()), reason=why_no_namespaces() or "-")]
pytestmark += [
    pytest.mark.skipif(not kind.version(), reason=f"not installed: {kind.program}") for kind in KINDS
]


@pytest.fixture(scope="module")
def scene():
    """What each client has shown, by its nick; all are cut off at the same time."""
    return asyncio.run(cut_off(KINDS))


def test_nothing_is_missing_or_doubled(scene):
    for found in scene:
        assert found.wrong() == [], found
