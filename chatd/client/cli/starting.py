"""Starting quickly: what a chatc that ends after one message neither imports nor does."""

import gc
import sys
from typing import Final

YOUNG: Final = 20_000
"""New objects after which the garbage collector looks at them; Python's default is 700.

To import chatc makes some 100,000 that stay for ever. What a chat makes of cycles is little.
"""


def spare_the_collector() -> None:
    """Have the garbage collector look seldom, from before the imports on."""
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])


def leave_tls_out() -> None:
    """Have Twisted, if it was not imported yet, do without TLS in this process: it imports pyOpenSSL for all.

    Only for a process that never speaks TLS. It is what Twisted does where pyOpenSSL is not installed.
    """
    if "twisted.internet" not in sys.modules:
        sys.modules["OpenSSL"] = None  # type: ignore[assignment]  # what forbids an import, by Python's manual
