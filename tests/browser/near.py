"""A browser, and a daemon whose page it shows, on this machine."""

import shutil
from pathlib import Path
from typing import Final

from tests.end_to_end.harness.processes import LOOPBACK, free_port
from tests.end_to_end.test_succession import Standing

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
SHELL: Final = shutil.which("chromium-headless-shell") or CHROMIUM
"""The same browser without windows and menus: what is done in a page costs half of the processor's time."""

MISSING: Final = "chromium is not installed: apt-get install chromium"


class NearDaemon(Standing):
    """A daemon that shows the page at its port ``web``; anybody may register."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.web = free_port()
        self.page = f"http://{LOOPBACK}:{self.web}/"
        self.write(
            f"tcp:{self.port}:interface={LOOPBACK}",
            '[accounts]\nregistration = "open"\n'
            f'[[listen]]\nendpoint = "tcp:{self.web}:interface={LOOPBACK}"\nprotocol = "web"\n',
        )
