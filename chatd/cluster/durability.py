"""Durability: whether what a server of the stream acknowledges would be there behind a power cut.

Each server tells at its monitoring address how it writes; over the connection it does not
(https://docs.nats.io/running-a-nats-service/nats_admin/monitoring).
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from chatd.cluster.journal import JournalError

LEAST_LEVEL: Final = 2
"""The level of JetStream's interface from which on batches are atomic: that of 2.12."""

PATIENCE: Final = 3.0
"""Seconds that a monitoring address may take."""

MOST_BYTES: Final = 1_048_576
"""Bytes of an answer that are read."""


def fault_of(address: str, told: Any) -> str:
    """Return what is wrong with the server at ``address``, which has ``told`` of JetStream, or nothing."""
    if not isinstance(told, dict) or not isinstance(told.get("config"), dict) or told.get("disabled"):
        return f"The server at {address} has no JetStream; its configuration lacks a block jetstream {{}}."
    level = (told.get("api") or {}).get("level") or 0
    if level < LEAST_LEVEL:
        return f"The server at {address} is older than 2.12, of which chatd needs the atomic batches."
    if told["config"].get("sync_always") is not True:
        return (
            f"The server at {address} does not flush what it acknowledges, so that a power cut would take it;"
            " set sync_interval: always in the block jetstream {} of its configuration, and restart it."
        )
    return ""


async def check_durable(addresses: Sequence[str]) -> None:
    """Check the servers with the monitoring ``addresses``. Raises `JournalError` with all that is wrong."""
    faults = await asyncio.gather(*[asyncio.to_thread(_fault_at, address) for address in addresses])
    if any(faults):
        raise JournalError(" ".join(fault for fault in faults if fault))


def _fault_at(address: str) -> str:
    if urlsplit(address).scheme not in {"http", "https"}:
        return f"The monitoring address {address} is no http:// address."
    try:
        with urlopen(f"{address.rstrip('/')}/jsz", timeout=PATIENCE) as answer:  # noqa: S310 - see above
            told = json.loads(answer.read(MOST_BYTES))
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return (
            f"The server at {address} does not tell how it writes ({reason}); it has to run, with that"
            " address in its configuration, such as http: 127.0.0.1:8222."
        )
    return fault_of(address, told)
