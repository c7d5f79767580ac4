"""Batches: lines that belong together (ircv3.net, "batch")."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from chatd.server.irc.reply import batch_sign, tagged
from chatd.wire.irc import encode

if TYPE_CHECKING:
    from chatd.server.irc.client import Client


def say_batch(client: "Client", lines: Iterable[bytes], *what: str) -> None:
    """Say ``lines`` in a batch that is ``what``, or one by one where the client knows no batches."""
    if not client.has("batch"):
        for line in lines:
            client.say(line)
        return
    batch = client.new_batch()
    client.tell("BATCH", f"+{batch}", *what)
    for line in lines:
        client.say_within(within(line, batch))
    client.tell("BATCH", f"-{batch}")


def batched(client: "Client", lines: Iterable[bytes], *what: str) -> bytes:
    """Return the same as bytes, for what answers nothing."""
    if not client.has("batch"):
        return b"".join(lines)
    batch, server = client.new_batch(), client.network.name
    begin, end = encode(server, "BATCH", f"+{batch}", *what), encode(server, "BATCH", f"-{batch}")
    return begin + b"".join(within(line, batch) for line in lines) + end


def within(line: bytes, batch: str) -> bytes:
    """Return ``line`` as a part of ``batch``, unless it is of another one already."""
    inner = line.startswith(b"@batch=") or batch_sign(line) == b"-"
    return line if inner else tagged(line, "batch", batch)
