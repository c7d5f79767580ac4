"""chatctl user certificate: the certificates that open an account, as the operator adds and removes them."""

from pathlib import Path

import click
import msgspec
from cryptography.x509 import load_pem_x509_certificate

from chatd.chat import certificates
from chatd.clock import wall_milliseconds
from chatd.fingerprint import fingerprint, read
from chatd.offline.folder import opened
from chatd.offline.users import DATA, NICK, Group, find_account
from chatd.ops.words import escape


@click.group("certificate", cls=Group)
def certificate() -> None:
    """Let certificates open accounts in the data folder DATA, while no daemon uses it."""


@certificate.command("add")
@DATA
@NICK
@click.argument("which", metavar="FILE|FINGERPRINT")
@click.option("--name", metavar="TEXT", default="", help="What to call it, such as the device it is on.")
def add(data: Path, nick: str, which: str, name: str) -> None:
    """Let the certificate in FILE (PEM), or the one with FINGERPRINT, open the account NICK."""
    shown = read(which) or _fingerprint_of(Path(which))
    with opened(data) as world:
        found = find_account(world, nick)
        certificates.add(world, found, shown, name, wall_milliseconds())
    click.echo(escape(f"{found.nick} is opened by the certificate {shown}."))


@certificate.command("list")
@DATA
@NICK
def list_certificates(data: Path, nick: str) -> None:
    """List the certificates that open the account NICK, as one JSON object per line."""
    with opened(data) as world:
        rows = list(find_account(world, nick).certificates.values())
    for row in rows:
        click.echo(
            msgspec.json.encode({"fingerprint": row.fingerprint, "name": row.name, "added": row.added})
        )


@certificate.command("remove")
@DATA
@NICK
@click.argument("which", metavar="FINGERPRINT")
def remove(data: Path, nick: str, which: str) -> None:
    """Let the certificate with FINGERPRINT open the account NICK no more; its sessions go on."""
    with opened(data) as world:
        found = find_account(world, nick)
        certificates.drop(world, found, read(which) or which)
    click.echo(escape(f"{found.nick} is no longer opened by that certificate."))


def _fingerprint_of(path: Path) -> str:
    """Return the fingerprint of the first certificate in a PEM file. Raises `OSError`."""
    try:
        return fingerprint(load_pem_x509_certificate(path.read_bytes()))
    except ValueError:
        raise click.ClickException(
            escape(f"{path} is neither a fingerprint nor a file with a certificate in PEM form.")
        ) from None
