"""Starting quickly: what a chatc that ends after one message neither imports nor does."""

import gc
import sys


def spare_the_collector() -> None:
    """Have the garbage collector wait during the imports: what they make stays for ever."""
    gc.disable()


def begin_to_collect() -> None:
    """Have the garbage collector look at what is made from now on, and at nothing else."""
    gc.freeze()
    gc.enable()


def leave_garbage() -> None:
    """Have the end of the process look at nothing: its memory goes back as a whole."""
    gc.freeze()


def leave_tls_out() -> None:
    """Have Twisted, if it was not imported yet, do without TLS in this process: it imports pyOpenSSL for all.

    Only for a process that never speaks TLS. It is what Twisted does where pyOpenSSL is not installed.
    """
    if "twisted.internet" not in sys.modules:
        sys.modules["OpenSSL"] = None  # type: ignore[assignment]  # what forbids an import, by Python's manual
