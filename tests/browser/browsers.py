"""Browsers for scenes of outages: each can be frozen, and be closed and opened again."""

import os
import signal
import subprocess
from contextlib import suppress
from typing import Any

from playwright.sync_api import Playwright

from tests.browser.firefox import Firefox, FoxPerson
from tests.browser.lab import Lab
from tests.browser.outages import Window
from tests.browser.people import Person


class Chromium:
    """Debian's chromium on the client of ``lab``, by playwright."""

    name = "chromium"

    def __init__(self, lab: Lab, player: Playwright, program: str) -> None:
        self._lab, self._player, self._program = lab, player, program
        self.downloads = lab.folder / "downloads"
        self.downloads.mkdir()
        self._context: Any = None
        self._frozen: Any = None

    def version(self) -> str:
        """Return its version."""
        return str(self._context.browser.version) if self._context.browser else _version(self._program)

    def come(self) -> Person:
        """Open the browser, with a window of the page."""
        self._context = self._player.chromium.launch_persistent_context(
            self._lab.folder / "chromium-profile",
            executable_path=self._program,
            args=["--no-sandbox", f"--unsafely-treat-insecure-origin-as-secure={self._lab.origin}"],
            downloads_path=self.downloads,
        )
        return Person(None, self._lab.origin, context=self._context)

    def freeze(self, ada: Person) -> None:
        """Freeze the page as the browser does with one that nobody looks at."""
        self._frozen = self._context.new_cdp_session(ada.window)
        self._frozen.send("Page.setWebLifecycleState", {"state": "frozen"})

    def thaw(self) -> None:
        """Let it go on."""
        self._frozen.send("Page.setWebLifecycleState", {"state": "active"})

    def go_offline(self, offline: bool) -> None:
        """Put the browser into its offline mode, or end that."""
        self._context.set_offline(offline)

    def close(self) -> None:
        """End it."""
        if self._context is not None:
            self._context.close()
            self._context = None


class Fox:
    """Debian's firefox there."""

    name = "firefox-esr"

    def __init__(self, lab: Lab, program: str) -> None:
        self._lab, self._program = lab, program
        self.downloads = lab.folder / "downloads"
        self.downloads.mkdir()
        self._firefox: Firefox | None = None

    def version(self) -> str:
        """Return its version."""
        return _version(self._program)

    def come(self) -> FoxPerson:
        """Open the browser, with a window of the page."""
        client, server = self._lab.network.client, self._lab.network.server
        self._firefox = Firefox(
            self._program,
            self._lab.folder / "firefox-profile",
            9222,
            client.name,
            {
                "dom.securecontext.allowlist": server.address,
                "browser.download.folderList": 2,
                "browser.download.dir": str(self.downloads),
            },
        )
        return FoxPerson(self._firefox, self._lab.origin)

    def freeze(self, ada: Window) -> None:
        """Stop the processes of its pages."""
        del ada
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._firefox is not None
        for pid in self._firefox.pages():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def close(self) -> None:
        """End it."""
        if self._firefox is not None:
            firefox, self._firefox = self._firefox, None
            firefox.close()


def _version(program: str) -> str:
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[
        -1
    ]
