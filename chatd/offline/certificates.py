"""chatctl user certificate: the certificates that open an account, as the operator adds and removes them."""

from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from cryptography.x509 import load_pem_x509_certificate

from chatd.chat.storage import StoreError
from chatd.control import messages as m
from chatd.control.cli.options import as_json
from chatd.control.rows import CertificateRow
from chatd.fingerprint import fingerprint, read
from chatd.offline.users import DATA, NICK, Group, do, tell
from chatd.ops.words import escape


@click.group("certificate", cls=Group)
def certificate() -> None:
    """Let certificates open accounts in the data folder DATA, by the daemon that uses it if one does."""


@certificate.command("add")
@DATA
@NICK
@click.argument("which", metavar="FILE|FINGERPRINT")
@click.option("--name", metavar="TEXT", default="", help="What to call it, such as the device it is on.")
def add(data: Path, nick: str, which: str, name: str) -> None:
    """Let the certificate in FILE (PEM), or the one with FINGERPRINT, open the account NICK."""
    shown = read(which) or _fingerprint_of(Path(which))
    tell(data, m.AskCertificateAdd(nick=nick, fingerprint=shown, name=name))


@certificate.command("list")
@DATA
@NICK
@as_json
def list_certificates(data: Path, nick: str, as_json: bool) -> None:
    """List the certificates that open the account NICK."""
    rows = do(data, m.AskCertificateList(nick=nick), CertificateRow).rows
    for row in rows:
        click.echo(msgspec.json.encode(row) if as_json else escape(_line(row)))
    if not rows and not as_json:
        click.echo(escape(f"No certificate opens {nick}."), err=True)


@certificate.command("remove")
@DATA
@NICK
@click.argument("which", metavar="FINGERPRINT")
def remove(data: Path, nick: str, which: str) -> None:
    """Let the certificate with FINGERPRINT open the account NICK no more; its sessions go on."""
    tell(data, m.AskCertificateRemove(nick=nick, fingerprint=read(which) or which))


def _line(row: CertificateRow) -> str:
    day = datetime.fromtimestamp(row.added / 1000, UTC).astimezone().date()
    name = f", {row.name}" if row.name else ""
    return f"{row.fingerprint}, added {day}{name}"


def _fingerprint_of(path: Path) -> str:
    """Return the fingerprint of the first certificate in a PEM file. Raises `StoreError`."""
    try:
        return fingerprint(load_pem_x509_certificate(path.read_bytes()))
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read: {error.strerror}; name a file with a certificate in PEM form, or give"
            " its fingerprint."
        ) from None
    except ValueError:
        raise StoreError(
            f"{path} is neither a fingerprint nor a file with a certificate in PEM form."
        ) from None
