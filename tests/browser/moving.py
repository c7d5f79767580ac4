"""A large file goes from the page to the server, and another one comes, each over a cut, in any browser."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from tests.browser.outages import ROOM
from tests.end_to_end.harness.chatc import Chatc
from tests.end_to_end.harness.processes import Deadline
from tests.end_to_end.harness.stranger import digest

SIZE: Final = 96_000_000
"""Bytes: it takes some seconds where nothing slows it."""

CUT: Final = 15.0
PATIENCE: Final = 120.0
_LOOK: Final = 0.02

_DROP: Final = f"""(async () => {{
  const bytes = new Uint8Array({SIZE}), data = new DataTransfer();
  for (let at = 0; at < bytes.length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  data.items.add(new File([bytes], "sent.bin"));
  const told = {{ bubbles: true, cancelable: true, dataTransfer: data }};
  document.querySelector("main .log").dispatchEvent(new DragEvent("drop", told));
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...sum].map((one) => one.toString(16).padStart(2, "0")).join("");
}})()"""
"""Drops a file of random bytes; returns their SHA-256."""

_SAVE: Final = "document.querySelector('[aria-label=\"Save given.bin\"]')"
_FAR: Final = "Math.max(-1, ...[...document.querySelectorAll('progress')].map((one) => one.value))"
"""Bytes that are safe, -1 where no file is on its way."""

Start = Callable[..., Chatc]
Act = Callable[[], object]


def _await(what: str, true: Callable[[], Any]) -> None:
    deadline = Deadline(PATIENCE)
    while not true():
        deadline.check(what)
        time.sleep(_LOOK)


def _over_a_cut(ada: Any, cut: Act, heal: Act) -> float:
    """Cut a file off on its way; return the seconds from the heal until more of it is safe."""
    _await("the file to be on its way", lambda: ada.evaluate(_FAR) > 0)
    cut()
    time.sleep(CUT)
    far = ada.evaluate(_FAR)
    assert 0 < far < SIZE, f"there was nothing left to be cut off behind {far} bytes"
    heal()
    healed = time.monotonic()
    _await("it to go on", lambda: ada.evaluate(_FAR) not in range(far + 1))
    return time.monotonic() - healed


def play(ada: Any, start: Start, cut: Act, heal: Act, folder: Path, saved: Path) -> float:
    """Send and save; ``start`` begins a chatc. Return the seconds until the slower of both went on."""
    sum_sent = ada.evaluate(_DROP)
    sending = _over_a_cut(ada, cut, heal)
    _await("it to be posted", lambda: ada.evaluate(f"document.querySelector('.log .file') && {_FAR} < 0"))
    got = folder / "got"
    zoe = start("zoe", "get", ROOM, sum_sent, "-o", str(got))
    assert zoe.wait(PATIENCE) == 0, zoe.complaints
    assert digest(got.read_bytes()) == sum_sent

    given = folder / "given.bin"
    with Path("/dev/urandom").open("rb") as random:
        given.write_bytes(random.read(SIZE))
    eve = start("eve", "put", ROOM, str(given))
    assert eve.wait(PATIENCE) == 0, eve.complaints
    _await("the file of somebody else", lambda: ada.evaluate(f"!!{_SAVE}"))
    ada.evaluate(f"{_SAVE}.click()")
    receiving = _over_a_cut(ada, cut, heal)
    wanted = given.read_bytes()

    def is_there() -> bool:
        with suppress(FileNotFoundError):  # it was given its name meanwhile
            return any(file.read_bytes() == wanted for file in saved.iterdir() if file.stat().st_size == SIZE)
        return False

    _await("it to be saved", is_there)
    return max(sending, receiving)
