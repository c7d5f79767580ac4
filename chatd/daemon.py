"""Begins the daemon: says what signals do until it runs, names the sockets of systemd, then imports the rest.

The command ``chatd`` and the plugin of twistd come in here. To import twisted takes a second, in which SIGHUP
and SIGUSR1 would end the process without a word, and ^C with a traceback. It takes no socket without a name.
"""

import gc
import os
import re
import signal
from types import FrameType
from typing import Any, Final

HELD: Final = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""Signals that wait until `chatd.ops.signals.survive_signals` takes or ignores them."""

_MANY: Final = 100_000
"""New objects after which the garbage collector looks at them during the start, which makes what stays."""

_ENDING: Final = (signal.SIGTERM, signal.SIGINT)
"""Signals that end the start: nothing is open yet."""


def main() -> None:
    """Run the command ``chatd``."""
    _prepare()
    from chatd import tap  # noqa: PLC0415 - signals first

    tap.main()


def __getattr__(name: str) -> Any:
    """Return what twistd asks the plugin's module for, once it is known to be chatd that it runs."""
    if name not in ("Options", "makeService"):
        raise AttributeError(name)
    if name == "Options":
        _prepare()
    from chatd import tap  # noqa: PLC0415 - signals first

    return getattr(tap, name)


def _prepare() -> None:
    _name_sockets()
    gc.set_threshold(_MANY, *gc.get_threshold()[1:])  # until chatd.memory.spare_the_collector sets it
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _name_sockets() -> None:
    """Name the sockets that were handed over without names as sd_listen_fds_with_names(3) does."""
    count = os.environ.get("LISTEN_FDS", "")
    ours = os.environ.get("LISTEN_PID") == str(os.getpid())
    if ours and not os.environ.get("LISTEN_FDNAMES") and re.fullmatch(r"[0-9]{1,4}", count):
        os.environ["LISTEN_FDNAMES"] = ":".join(["unknown"] * int(count))


def _end(number: int, _frame: FrameType | None) -> None:
    # Not SystemExit: it comes in the middle of some import, where anything may catch it.
    os.write(2, f"chatd: {signal.Signals(number).name} came before the start was done; it ends.\n".encode())
    os._exit(0)
