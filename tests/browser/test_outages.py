"""The page in a real browser whose network fails: chromium as people have it, with all its windows.

`tests.browser.measure` plays more, also in firefox.
"""

import time

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import outages
from tests.browser.lab import FarDaemon, Lab
from tests.browser.people import Person
from tests.end_to_end.harness.chatc import Chatc
from tests.network.lab.machine import why_no_namespaces

pytestmark = pytest.mark.skipif(bool(why_no_namespaces()), reason=why_no_namespaces() or "-")

CUT = 15.0
FROZEN = 14.0
"""Seconds: the server has given up by then."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with Lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def browser(lab):
    """Return the system's chromium on the client of ``lab``."""
    program = lab.program("chromium")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with sync_playwright() as player:
        browser = player.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", f"--unsafely-treat-insecure-origin-as-secure={lab.origin}"],
        )
        yield browser
        browser.close()


@pytest.fixture
def scene(lab, browser, tmp_path):
    """Return Ada at the page, Ben beside the daemon, and a function that lets others come to the page."""
    daemon = FarDaemon(lab, tmp_path / "d")
    daemon.start()
    ben = Chatc(
        daemon, tmp_path, "ben", "--server", f"unix:{daemon.socket}", "talk", outages.ROOM, "--json", fed=True
    )
    people = []

    def come(nick):
        people.append(Person(browser, lab.origin))
        return people[-1].enter(nick, outages.ROOM)

    ada = come("ada")
    outages.meet(ada, ben)
    yield ada, ben, come
    for person in people:
        person.close()
    ben.close()
    daemon.end()
    assert not daemon.faults(), daemon.log
    assert [person.troubles for person in people] == [[] for _ in people]


def test_what_is_said_in_a_tunnel_comes_through_once_and_in_order(lab, scene):
    ada, ben, _ = scene
    try:
        found = outages.play(ada, ben, lab.cut, lab.heal, CUT)
    finally:
        lab.heal()
    assert found.suspects < outages.SUSPECTS + outages.SLACK
    assert found.knows < outages.KNOWS + outages.SLACK
    assert not found.gap, "it claims to be connected and is not"
    assert found.back < outages.BACK + outages.SLACK


def test_offline_mode_and_a_frozen_page_cost_nothing(scene):
    """Dora's page is frozen, as one that nobody looks at; meanwhile Ada's browser is offline."""
    ada, ben, come = scene
    dora = come("dora")
    outages.agree(dora, ben, 2, 30)
    freezer = dora.context.new_cdp_session(dora.window)
    freezer.send("Page.setWebLifecycleState", {"state": "frozen"})
    since = time.monotonic()

    def go(offline):
        ada.context.set_offline(offline)

    found = outages.play(ada, ben, lambda: go(True), lambda: go(False), FROZEN)
    assert found.knows < outages.KNOWS + outages.SLACK
    assert not found.gap
    assert found.back < outages.BACK + outages.SLACK
    assert time.monotonic() - since > FROZEN
    freezer.send("Page.setWebLifecycleState", {"state": "active"})
    thawed = time.monotonic()
    outages.agree(dora, ben, len(outages.heard(ben)), 60)
    assert time.monotonic() - thawed < outages.BACK + outages.SLACK
