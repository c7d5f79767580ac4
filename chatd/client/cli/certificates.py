"""chatc certificate: the certificates that open our account."""

from functools import partial
from typing import Any, Final

import msgspec

from chatd.client.api import Client
from chatd.client.cli.account import begin, print_with, run_quietly
from chatd.client.cli.running import complain
from chatd.client.cli.text import certificate_line
from chatd.client.core.problems import ClientError
from chatd.client.values import Options
from chatd.fingerprint import read
from chatd.wire.messages import CertificateInfo

_LEAST: Final = 8
"""Digits of a fingerprint that are enough to name one of ours."""


def run_add(options: Options, fingerprint: str, name: str) -> int:
    """Let a certificate open the account: that of the options, or the one with ``fingerprint``."""
    found = read(fingerprint) if fingerprint else ""
    if found is None:
        raise ClientError(
            "bad-options",
            f"{fingerprint!r} is no fingerprint; write its 64 hexadecimal digits, or its 16 words.",
        )
    if not found and options.cert is None:
        raise ClientError(
            "bad-options",
            "Name the certificate before the command, --cert FILE --key FILE, or its fingerprint behind it.",
        )
    return run_quietly(options, partial(_add, found, name))


def run_list(options: Options, *, as_json: bool) -> int:
    """List the certificates that open the account."""
    return print_with(options, partial(_list, as_json))


def run_remove(options: Options, which: str) -> int:
    """Let the one certificate open the account no more whose fingerprint begins with ``which``."""
    return run_quietly(options, partial(_remove, read(which) or which.strip().lower()))


async def _add(fingerprint: str, name: str, _: Any, client: Client) -> int:
    await begin(client)
    await client.account.add_certificate(fingerprint, name)
    complain(f"this certificate opens the account {client.nickname} now")
    return 0


async def _list(as_json: bool, out: list[bytes], _: Any, client: Client) -> int:
    await begin(client)
    rows = await client.account.certificates()
    out += map(_json_line, rows) if as_json else (f"{certificate_line(row)}\n".encode() for row in rows)
    return 0


async def _remove(which: str, _: Any, client: Client) -> int:
    await begin(client)
    ours = [row.fingerprint for row in await client.account.certificates()]
    found = [one for one in ours if one.startswith(which) and len(which) >= _LEAST]
    if len(found) != 1:
        raise ClientError(
            "no-such-certificate",
            f"{len(found)} certificates of yours begin with {which!r}; chatc certificate list names them, and"
            f" {_LEAST} digits or more name one.",
        )
    await client.account.drop_certificate(found[0])
    complain(f"that certificate opens the account {client.nickname} no more; sessions go on")
    return 0


def _json_line(row: CertificateInfo) -> bytes:
    return msgspec.json.encode(row) + b"\n"
