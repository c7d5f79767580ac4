"""chatctl: the operators' command."""

import sys
from pathlib import Path

import click
import msgspec

from chatd import __version__
from chatd.files.blobs import BlobStore, Listing
from chatd.ops.config import ConfigError, load
from chatd.ops.words import escape


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="chatctl", message="%(prog)s %(version)s")
def main() -> None:
    """Help to run the chat daemon chatd."""


@main.command("check-config")
@click.argument("file")
def check_config(file: str) -> None:
    """Say whether the configuration FILE is right, or name every mistake in it.

    Exits with 0 if it is right, with 1 if it is not. The daemon makes the same check when it starts.
    """
    try:
        load(file)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(escape(f"{file}: {problem}"), err=True)
        sys.exit(1)
    click.echo(f"{file} is right")


@main.command("files")
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def list_files(data: Path, as_json: bool) -> None:
    """List what the data folder DATA holds of files: contents, and uploads that are not finished.

    The daemon may run meanwhile. Names are in the rooms' events; here a content is its SHA-256.
    """
    try:
        listing = BlobStore(data).list()
    except OSError as error:
        click.echo(escape(f"{data}: {error.strerror}"), err=True)
        sys.exit(1)
    for row in _rows(listing):
        if as_json:
            click.echo(msgspec.json.encode(row))
        else:
            click.echo("  ".join(str(value) for value in row.values()))


def _rows(listing: Listing) -> list[dict[str, object]]:
    """Return a row for each content and each unfinished upload."""
    blobs: list[dict[str, object]] = [
        {"kind": "content", "sha256": sha256, "size": size, "stored": size}
        for sha256, size in sorted(listing.blobs.items())
    ]
    parts: list[dict[str, object]] = [
        {"kind": "partial", "sha256": key.sha256, "size": came.size, "stored": came.stored, "user": key.user}
        for key, came in sorted(listing.partial.items())
    ]
    return blobs + parts
