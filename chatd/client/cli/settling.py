"""Settling on a way to a server, where a person names a host and no way: natively, or else by WebSocket.

What a profile knows is used as it is, so that who we are there does not depend on the network of the day.
"""

from collections.abc import Callable
from threading import Thread
from typing import Final

from chatd.client.core.address import Address, parse_address
from chatd.client.core.problems import ClientError
from chatd.client.net.probe import PATIENCE

NOTE: Final = "nobody answers at {}; going by {}"

Asked = Callable[[Address], bool]


def settle(text: str, known: Asked, answers: Asked, shakes_hands: Asked) -> tuple[Address, str]:
    """Return the address that ``text`` means, and what to say about that.

    A host alone that is not ``known`` is looked at: whether it ``answers`` natively, and if not whether it
    ``shakes_hands`` by WebSocket. Raises `ClientError` where ``text`` is no address.
    """
    native = parse_address(text)
    web = _by_web(text, native)
    if web is None or known(native):
        return native, ""
    if known(web):
        return web, ""
    if _soon(answers, native) or not _soon(shakes_hands, web):
        return native, ""
    return web, NOTE.format(native, web.secured)


def _by_web(text: str, address: Address) -> Address | None:
    """Return the place of WebSocket on a host of elsewhere, if ``text`` names that and nothing more."""
    if address.scheme != "tcp" or address.here or text.strip("[]") != address.host:
        return None
    try:
        return parse_address(f"wss://{text}")
    except ClientError:
        return None


def _soon(look: Asked, address: Address) -> bool:
    """Return what ``look`` finds, or False where that takes too long: nobody waits for names that hang."""
    found: list[bool] = []
    thread = Thread(target=lambda: found.append(look(address)), daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return found == [True]
