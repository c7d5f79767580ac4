"""One browser, a daemon whose page it shows, and people in it."""

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.near import MISSING, SHELL, NearDaemon
from tests.browser.people import Person
from tests.end_to_end.harness.processes import LOOPBACK


@pytest.fixture(scope="module")
def browser():
    """Return the system's chromium; while it is there no other test could run a loop of asyncio."""
    if SHELL is None:
        pytest.skip(MISSING)
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=SHELL, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def daemon(tmp_path):
    """Return a daemon that shows the page at its ``web`` port."""
    daemon = NearDaemon(tmp_path / "daemon")
    daemon.start()
    yield daemon
    daemon.end()


@pytest.fixture
def person(browser, daemon):
    """Return a function that lets somebody come; nothing may have gone wrong in their windows."""
    made = []

    def come(nick, room="#tea", port=0, **how):
        made.append(Person(browser, f"http://{LOOPBACK}:{port or daemon.web}/", **how))
        return made[-1].enter(nick, room)

    yield come
    for one in made:
        one.close()
    assert [one.troubles for one in made] == [[] for _ in made]
