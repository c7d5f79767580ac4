"""Debian's firefox, driven by what it speaks itself: WebDriver BiDi (https://w3c.github.io/webdriver-bidi/)."""

import ctypes
import itertools
import json
import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.browser.watching import WATCH
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, Deadline, environment

_CLONE_NEWNET = 0x40000000
_ENTER = "\ue007"

PREFERENCES = {
    "app.normandy.enabled": False,
    "browser.safebrowsing.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.disable_open_during_load": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.active-protocols": 1,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.server": "",
}
"""It calls nobody but us."""


def dial(port: int, namespace: str | None) -> socket.socket:
    """Return a connection to ``port`` of loopback, on the network ``namespace``."""
    if namespace is None:
        return socket.create_connection((LOOPBACK, port), PATIENCE)
    found: list[socket.socket] = []

    def enter() -> None:
        with Path(f"/run/netns/{namespace}").open() as there:
            if not ctypes.CDLL(None).setns(there.fileno(), _CLONE_NEWNET):
                with suppress(OSError):
                    found.append(socket.create_connection((LOOPBACK, port), PATIENCE))

    thread = threading.Thread(target=enter)  # of the threads only this one is there
    thread.start()
    thread.join()
    if not found:
        raise ConnectionRefusedError
    return found[0]


class Firefox:
    """One firefox with a profile in ``folder``, on the network ``namespace``; ``wishes`` are preferences."""

    def __init__(
        self,
        program: str,
        folder: Path,
        port: int,
        namespace: str | None = None,
        wishes: dict[str, Any] | None = None,
    ) -> None:
        folder.mkdir(exist_ok=True)
        set_up = PREFERENCES | (wishes or {})
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in set_up.items()]
        (folder / "user.js").write_text("".join(lines))
        command = [
            program,
            "--headless",
            "--no-remote",
            "--profile",
            str(folder),
            "--remote-debugging-port",
            str(port),
        ]
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(HOME=str(folder), MOZ_HEADLESS="1"),
                start_new_session=True,
            )
        self._ids = itertools.count(1)
        deadline = Deadline(60)
        while True:
            try:
                self._socket = connect(
                    f"ws://{LOOPBACK}:{port}/session", sock=dial(port, namespace), max_size=None
                )
                break
            except (OSError, EOFError):
                assert self._process.poll() is None, (folder / "log").read_text()
                deadline.check(f"firefox: {(folder / 'log').read_text()}")
                time.sleep(0.1)
        self.ask("session.new", capabilities={})

    def ask(self, method: str, **params: Any) -> Any:
        """Return what a command of BiDi comes to."""
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            said = json.loads(self._socket.recv(PATIENCE))
            if said.get("id") == number:
                assert said["type"] == "success", said
                return said["result"]

    def pages(self) -> list[int]:
        """Return the processes in which its pages are."""
        found = []
        for status in Path("/proc").glob("[0-9]*/status"):
            with suppress(OSError):
                command = (status.parent / "cmdline").read_bytes().split(b"\0")
                if f"\nPPid:\t{self._process.pid}\n" in status.read_text() and b"tab" in command:
                    found.append(int(status.parent.name))
        return found

    def close(self) -> None:
        """End it, with everything that it has to write down."""
        with suppress(AssertionError, ConnectionError, WebSocketException, TimeoutError):
            self.ask("browser.close")
        self._socket.close()
        try:
            self._process.wait(PATIENCE)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


class FoxPerson:
    """Somebody at a window of ``firefox``; those who are ``apart`` share nothing with others."""

    def __init__(self, firefox: Firefox, address: str, *, apart: bool = False) -> None:
        self._firefox = firefox
        self._user = firefox.ask("browser.createUserContext")["userContext"] if apart else "default"
        self.address = address
        firefox.ask("script.addPreloadScript", functionDeclaration=f"() => {{ {WATCH} }}")
        self.open()

    def open(self) -> None:
        """Open another window, and use it from now on."""
        made = self._firefox.ask("browsingContext.create", type="window", userContext=self._user)
        self.window = made["context"]
        self._firefox.ask("browsingContext.navigate", context=self.window, url=self.address, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """Return what ``expression`` comes to in the page."""
        found = self._firefox.ask(
            "script.evaluate",
            expression=f"(async () => JSON.stringify((await ({expression})) ?? null))()",
            target={"context": self.window},
            awaitPromise=True,
        )
        assert found["type"] == "success", found
        return json.loads(found["result"]["value"])

    def wait(self, expression: str, patience: float = PATIENCE) -> Any:
        """Return what ``expression`` comes to once it is true."""
        deadline = Deadline(patience)
        while not (found := self.evaluate(expression)):
            deadline.check(f"{expression}: {self.evaluate('document.body.innerText')}")
            time.sleep(0.02)
        return found

    def type(self, selector: str, text: str) -> None:
        """Type ``text`` and Enter into a field, key by key."""
        self.wait(f"!!document.querySelector({json.dumps(selector)})")
        self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        keys = [{"type": way, "value": key} for key in (*text, _ENTER) for way in ("keyDown", "keyUp")]
        self._firefox.ask(
            "input.performActions", context=self.window, actions=[{"type": "key", "id": "k", "actions": keys}]
        )

    def enter(self, nick: str, room: str = "#tea") -> "FoxPerson":
        """Come in as a guest, and enter ``room``."""
        self.type("input[name=nick]", nick)
        self.type("nav input[name=room]", room)
        self.wait(f"document.querySelector('main .head h1')?.textContent === {json.dumps(room)}")
        return self

    def say(self, *texts: str) -> None:
        """Say ``texts``."""
        for text in texts:
            self.type(".composer textarea", text)
            self.wait("document.querySelector('.composer textarea').value === ''")
