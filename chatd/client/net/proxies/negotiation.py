"""What is agreed with a proxy before the server can be heard through it; no I/O."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

from chatd.client.core.problems import ClientError
from chatd.client.core.proxy import Proxy
from chatd.client.net.reasons import Ending


class ProxyError(Exception):
    """The proxy did not lead us to the server; ``words`` follow its name: "could not reach the server (502)".

    ``answered`` if it said so, ``elsewhere`` if another address of the server may do better, ``code`` where
    no further attempt can succeed, ``slow`` where it hardly will soon.
    """

    def __init__(
        self,
        words: str,
        *,
        answered: bool = True,
        elsewhere: bool = False,
        code: str = "",
        slow: bool = False,
    ) -> None:
        super().__init__(words)
        self.slow = slow
        self.words = words
        self.answered = answered
        self.elsewhere = elsewhere
        self.code = code

    def ending(self, proxy: Proxy) -> Ending:
        """Return what this means for a link over ``proxy``."""
        return Ending(f"the proxy {proxy} {self.words}", self.answered, self.code, self.slow)


class UntrustedProxyError(ProxyError):
    """TLS to the proxy failed as ``found`` says."""

    def __init__(self, found: Ending) -> None:
        super().__init__(found.text, answered=found.answered, code=found.code)
        self._found = found

    def ending(self, proxy: Proxy) -> Ending:  # noqa: ARG002 - its name is in the sentence
        """Return what was found."""
        return self._found


class Negotiation(Protocol):
    """One negotiation; ``rest`` is None until the tunnel is open, then what came behind the last answer."""

    rest: bytes | None

    def begin(self) -> bytes:
        """Return what to write first."""

    def receive(self, data: bytes) -> bytes:
        """Take in what the proxy wrote and return what to write to it. Raises `ProxyError`."""


Negotiate = Callable[[Proxy, str, int], Negotiation]
"""Begins a negotiation for a connection to a host and a port."""


def unauthorized(proxy: Proxy, answer: str) -> ProxyError:
    """Return the error of a proxy that wants a name and a password, or other ones."""
    what = f"it wants a name and a password: {proxy.with_name}"
    if proxy.user is not None:
        what = "look at the name and the password"
    return ProxyError(f"refused: {answer}; {what}.", code="proxy-authentication")


def needed(name: str) -> Any:
    """Return the module ``name`` of the extra ``proxy``. Raises `ClientError` ``missing-library``."""
    try:
        return import_module(name)
    except ImportError:
        library = name.partition(".")[0]
        text = f"This proxy needs {library}, which is not installed; run: pip install 'chatd[proxy]'"
        raise ClientError("missing-library", text) from None
