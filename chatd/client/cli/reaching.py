"""Reaching a server that is to be told a secret: it is known to be the right one before anybody types."""

from typing import Any, Final

from twisted.internet.task import deferLater

from chatd.client.cli.running import complain
from chatd.client.core.problems import ClientError
from chatd.client.net.hail import hail
from chatd.client.net.security import Security
from chatd.client.net.way import way_to
from chatd.client.profile.pins import agreed
from chatd.client.values import Options

AGAIN: Final = 2.0
"""Seconds behind an attempt that has failed."""


async def await_server(reactor: Any, options: Options) -> None:
    """Wait until the server is reached, and TLS says that it is the one that is trusted.

    Raises `ClientError` where no further attempt can mend it.
    """
    security = Security(options.ca, agreed(options), options.cert, options.key)
    way = way_to(reactor, options.server, security, options.proxy)
    secure = options.server.scheme == "tls"  # over WebSocket nobody is reached before TLS has verified them
    said = ""
    while (failed := await hail(way, secure=secure)) is not None:
        if failed.code:
            raise ClientError(failed.code, failed.text)
        if failed.text != said:
            said = failed.text
            complain(f"cannot reach {options.server}: {said}; trying again")
        await deferLater(reactor, AGAIN)
