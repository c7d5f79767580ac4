"""chatctl: the operators' command."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from chatd import __version__
from chatd.clock import wall_milliseconds
from chatd.files.blobs import BlobStore, Listing
from chatd.ops.sqlite_head import read_head
from chatd.ops.words import counted, escape


class _Commands(click.Group):
    """Says in its help, of each command, the whole first sentence; ends quietly where nobody reads on."""

    def invoke(self, ctx: click.Context) -> Any:
        """Do what was asked, until nobody reads it any more, as behind ``head``."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at the end
            ctx.exit(0)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(_SENTENCE)) for name, command in found if command]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


_SENTENCE: Final = 500
"""Characters of a first sentence at the most."""


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="chatctl", message="%(prog)s %(version)s")
def main() -> None:
    """Help to run the chat daemon chatd."""


@main.command("check-config")
@click.argument("file")
def check_config(file: str) -> None:
    """Say whether the configuration FILE is right, or name every mistake in it.

    Exits with 0 if it is right, with 1 if it is not. The daemon makes the same check when it starts. What
    will not last, such as a certificate that expires soon, is a warning.
    """
    from chatd.ops.config import ConfigError, load  # noqa: PLC0415 - the other commands need no TLS
    from chatd.ops.validity import moment, warnings, watched  # noqa: PLC0415

    try:
        config = load(file)
    except ConfigError as error:
        for sentence in error.sentences:
            click.echo(sentence, err=True)
        sys.exit(1)
    found = [
        f"{file}: listen[{index}]: warning: {sentence}"
        for index, listen in enumerate(config.listen)
        for one in watched(listen)
        for sentence in warnings(one, moment(wall_milliseconds()))
    ]
    for line in found:
        click.echo(escape(line), err=True)
    click.echo(f"{file} is right" + (", but look at the warnings" if found else ""))


@main.command("make-cert")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--out", type=click.Path(path_type=Path), default=".", help="The folder.  [default: this one]")
@click.option("--days", type=click.IntRange(1, 36_500), default=3650, show_default=True, help="Its validity.")
@click.option("--force", is_flag=True, help="Replace the files that are there.")
def make_cert(names: tuple[str, ...], out: Path, days: int, force: bool) -> None:
    """Make cert.pem and key.pem for a server that people call NAME: a certificate that is signed by itself.

    Clients know it by its fingerprint, which is printed. Nothing that is there is replaced without --force.
    """
    from chatd.fingerprint import in_words  # noqa: PLC0415 - the other commands need no TLS
    from chatd.ops.make_cert import MakeError, make  # noqa: PLC0415

    try:
        made = make(names, out, days, force=force)
    except MakeError as error:
        click.echo(escape(str(error)), err=True)
        sys.exit(1)
    click.echo(f"made {made.certificate} and {made.key}, which nobody else may read")
    click.echo(f"fingerprint {made.fingerprint}")
    click.echo(f"in words {in_words(made.fingerprint)}")


@main.command("files")
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def list_files(data: Path, as_json: bool) -> None:
    """List what the data folder DATA holds of files: contents, and uploads that are not finished.

    The daemon may run meanwhile. Names are in the rooms' events; here a content is its SHA-256.
    """
    try:
        _check_folder(data)
        listing = BlobStore(data).list()
    except OSError as error:
        click.echo(escape(f"chatctl: {data}: {error.strerror or error}"), err=True)
        sys.exit(1)
    rows = list(_rows(listing))
    for row in rows:
        click.echo(msgspec.json.encode(row) if as_json else _line(row))
    if not rows and not as_json:
        click.echo(escape(f"There are no files in {data}."), err=True)


@main.command("space")
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def tell_space(data: Path, as_json: bool) -> None:
    """Say how much room the data folder DATA takes, and how much of the database is free.

    The daemon may run meanwhile. Free room is used again, or given back while the daemon runs.
    """
    try:
        _check_folder(data)
        taken = _taken(data)
    except OSError as error:
        click.echo(escape(f"chatctl: {data}: {error.strerror or error}"), err=True)
        sys.exit(1)
    if as_json:
        click.echo(msgspec.json.encode(taken))
        return
    click.echo(f"database {taken.database} bytes, of which {taken.free} are free")
    if not taken.shrinks:
        click.echo("it cannot shrink before the daemon's next start has written it anew")
    click.echo(f"write-ahead log {taken.wal} bytes")
    click.echo(f"{counted(taken.contents, 'content')}, {taken.contents_bytes} bytes")
    click.echo(f"{counted(taken.partial, 'partial upload')}, {taken.partial_bytes} bytes")


def _check_folder(data: Path) -> None:
    """Raise OSError if ``data`` is not a data folder."""
    if not any((data / name).exists() for name in ("chatd.sqlite", "blobs")):
        raise OSError("this is no data folder of chatd, it has no chatd.sqlite; name the folder of --data")


class _Taken(msgspec.Struct):
    """The room taken by the database, its free pages, its log, by contents and by partial uploads.

    ``shrinks`` is whether the database gives back its free pages.
    """

    database: int
    free: int
    shrinks: bool
    wal: int
    contents: int
    contents_bytes: int
    partial: int
    partial_bytes: int


def _taken(data: Path) -> _Taken:
    """Return what the data folder holds. Raises OSError."""
    path = data / "chatd.sqlite"
    head = read_head(path)
    wal = path.with_name(path.name + "-wal")
    listing = BlobStore(data).list()
    return _Taken(
        path.stat().st_size,
        head.free,
        head.shrinks,
        wal.stat().st_size if wal.exists() else 0,
        len(listing.blobs),
        sum(listing.blobs.values()),
        len(listing.partial),
        sum(came.stored for came in listing.partial.values()),
    )


class _Row(msgspec.Struct, omit_defaults=True):
    """A content, or an upload of which so many bytes are ``stored``; ``user`` is its uploader."""

    kind: str
    sha256: str
    size: int
    stored: int
    user: int | None = None


def _rows(listing: Listing) -> Iterator[_Row]:
    """Yield a row for each content and each unfinished upload."""
    for sha256, size in sorted(listing.blobs.items()):
        yield _Row("content", sha256, size, size)
    for key, came in sorted(listing.partial.items()):
        yield _Row("partial", key.sha256, came.size, came.stored, key.user)


def _line(row: _Row) -> str:
    if row.user is None:
        return f"content {row.sha256} {row.size} bytes"
    return f"partial {row.sha256} {row.stored} of {row.size} bytes of user {row.user}"
