"""Starting quickly: what a chatc that ends after one message neither imports nor does."""

import gc
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any, Final

_POSTPONED: Final[Mapping[str, Mapping[str, str]]] = {
    "http.cookiejar": {},
    "asyncio": {
        "AbstractEventLoop": "asyncio.events",
        "Future": "asyncio.futures",
        "iscoroutine": "asyncio.coroutines",
    },
}
"""What Twisted imports, with e-mail, HTTP and TLS behind it, and where the parts are that it uses."""


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


class Postponed(ModuleType):
    """A module that begins once anything is asked of it but modules below it and what `_POSTPONED` names."""

    def __getattr__(self, name: str) -> Any:
        """Return what has ``name``, having imported what that needs."""
        spec: Any = self.__spec__
        where = _POSTPONED[self.__name__].get(name)
        if where is not None:
            return getattr(import_module(where), name)
        if spec.submodule_search_locations:
            with suppress(ModuleNotFoundError):
                return import_module(f"{self.__name__}.{name}")
        self.__class__ = ModuleType  # type: ignore[assignment]
        spec.loader.exec_module(self)
        return getattr(self, name)


def postpone() -> None:
    """Have what Twisted imports and hardly uses wait until it is needed, where it was not imported yet."""
    for name in _POSTPONED:
        if name not in sys.modules and (spec := find_spec(name)) is not None:
            sys.modules[name] = module = module_from_spec(spec)
            module.__class__ = Postponed
            package, _, below = name.rpartition(".")
            if package:
                setattr(sys.modules[package], below, module)
