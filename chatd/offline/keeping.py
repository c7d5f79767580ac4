"""chatctl backup, restore, verify and export: what is done with data beside the daemon that uses it."""

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any, Final

import click
import msgspec
from msgspec import Struct

from chatd.chat.folding import sentences
from chatd.chat.storage import StoreError
from chatd.control.cli.asking import folder_of
from chatd.control.cli.options import asking
from chatd.control.cli.words import size
from chatd.files.blobs import BlobStore
from chatd.offline.backups import Manifest, backup, restore
from chatd.offline.users import told
from chatd.ops.words import counted, escape
from chatd.store.reading import LogRow, Reading
from chatd.wire.names import fold
from chatd.wire.stored import text_of

NAMED: Final = 20
"""Rows of one log that are named when they are wrong."""

EVERY: Final = 2.0
"""Seconds between two words of progress, where a person looks."""


class Command(click.Command):
    """Says in one sentence why it could not be done."""

    def invoke(self, ctx: click.Context) -> Any:
        """Do what was asked."""
        return told(super().invoke, ctx)


class Progress:
    """Tells a person how far something is, now and then."""

    def __init__(self) -> None:
        self._next = monotonic() + EVERY

    def __call__(self, what: str, done: int, total: int) -> None:
        """Tell it, if somebody looks and it is time."""
        if sys.stderr.isatty() and monotonic() >= self._next:
            self._next = monotonic() + EVERY
            click.echo(f"{done} of {total} {what}", err=True)


def _sentence(manifest: Manifest, file: Path, verb: str) -> str:
    contents = sum(name.startswith("blobs/") for name in manifest.members)
    words = f"{file}: {size(file.stat().st_size)}, {counted(contents, 'file')}, read back and right; {verb}"
    lost = f" {counted(len(manifest.missing), 'file')} had been removed already." if manifest.missing else ""
    return f"{words} of server {manifest.server}.{lost}"


@click.command("backup", cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@asking
def backup_command(data: str | None, config: str | None, file: Path, force: bool) -> None:
    """Write all data, with the files, into FILE, as of one moment; the daemon goes on meanwhile.

    FILE is read back before it gets its name. Only its owner may read it.
    """
    if file.exists() and not force:
        raise StoreError(f"{file} is there already; name another file, or give --force.")
    manifest = backup(folder_of(data, config), file, Progress())
    click.echo(escape(_sentence(manifest, file, "a backup")))


@click.command("restore", cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@asking
def restore_command(data: str | None, config: str | None, file: Path) -> None:
    """Make a data folder of the backup FILE. There must be no data in it yet, so nothing is overwritten."""
    folder = folder_of(data, config)
    manifest = restore(file, folder, Progress())
    click.echo(escape(_sentence(manifest, file, f"{folder} is a copy now")))


@click.command("verify", cls=Command)
@asking
def verify(data: str | None, config: str | None) -> None:
    """Look whether every log is dense and every file is what its name says; the daemon goes on meanwhile.

    What is kept of edits, replies, reactions and pins is compared with the logs. Exits with 0 if all is
    right, with 1 if not.
    """
    folder, progress = folder_of(data, config), Progress()
    os.nice(10)
    found = list(mistakes(folder, progress))
    for mistake in found:
        click.echo(escape(mistake))
    if found:
        sys.exit(1)
    click.echo("all is right")


def mistakes(folder: Path, progress: Progress) -> Iterator[str]:
    """Yield a sentence about each mistake in the data of ``folder``."""
    reading = Reading(folder)
    damage = reading.damage()
    if damage:
        yield f"The database is damaged: {damage}."
        return
    logs = reading.logs()
    for number, log in enumerate(logs, 1):
        _, lacking, first = reading.missing(log)
        if lacking:
            yield f"The log of {log.name} lacks {counted(lacking, 'event')}, the first of them {first}."
        progress("logs", number, len(logs))
    yield from derived_mistakes(reading, progress)
    wanted, blobs = reading.contents(), BlobStore(folder)
    there = blobs.list().blobs
    for number, sha256 in enumerate(sorted(there), 1):
        try:
            with os.fdopen(blobs.open_blob(sha256), "rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                    yield f"The file {sha256} is damaged."
        except FileNotFoundError:
            pass  # it was removed meanwhile
        progress("files", number, len(there))
    gone = [sha256 for sha256 in sorted(wanted - there.keys()) if sha256 in reading.contents()]
    if gone:
        lost = f"{counted(len(gone), 'file')} that events post {'is' if len(gone) == 1 else 'are'} not there"
        yield f"{lost}, as after keep_days: {gone[0][:12]}…"
    reading.close()


def derived_mistakes(reading: Reading, progress: Progress) -> Iterator[str]:
    """Yield a sentence about each row that the logs say otherwise, up to a number for each log."""
    deriving, wrong = reading.deriving(), False
    logs = deriving.logs()
    for number, log in enumerate(logs, 1):
        found = deriving.differences(log.id)
        yield from sentences(log.name, found[:NAMED])
        if len(found) > NAMED:
            more = len(found) - NAMED
            yield f"In {log.name}, {counted(more, 'row')} more {'is' if more == 1 else 'are'} wrong."
        wrong = wrong or bool(found)
        progress("logs compared", number, len(logs))
    if wrong:
        yield "Stop the daemon and give chatctl rebuild: it makes these rows anew from the logs."
    if reading.index_is_damaged():
        yield "The index of words is damaged; a daemon that starts makes it anew, and nothing else is lost."


class _Person(Struct, omit_defaults=True):
    """What is known of a user beside what they said."""

    kind: str
    nick: str
    rooms: list[str]
    sessions: list[dict[str, object]]


@click.command("export", cls=Command)
@click.argument("what", metavar="ROOM|@NICK")
@asking
def export(data: str | None, config: str | None, what: str) -> None:
    """Print a room's events, or what is known of a user and all that they said, as one JSON object per line.

    Of an account that is what it said under any of its nicks, of a guest what came from its sessions. Of
    direct messages a user gets those of both sides. Of files, what they are; chatc get fetches them.
    """
    reading = Reading(folder_of(data, config))
    lines = _of_user(reading, what[1:]) if what.startswith("@") else _of_room(reading, what)
    for line in lines:
        click.echo(line)


def _of_room(reading: Reading, name: str) -> Iterator[bytes]:
    log = next((log for log in reading.logs() if log.name == fold(name)), None)
    if log is None:
        raise StoreError(f"There is no room {name}; chatctl rooms lists them.")
    for event in reading.events(log):
        yield bytes(text_of(event))


class _Said(Struct):
    """What an event tells of who has caused it, and when."""

    by: str
    ts: int
    session: int = 0


_said: Final = msgspec.json.Decoder(_Said)


def _of_user(reading: Reading, nick: str) -> Iterator[bytes]:
    found = reading.user(fold(nick))
    if found is None:
        raise StoreError(f"Nobody is called {nick}; chatctl user list names the accounts.")
    user, shown = found
    sessions = reading.sessions(user)
    rooms = reading.rooms_of(user)
    yield msgspec.json.encode(
        _Person(
            "user",
            shown,
            [log.name for log in rooms if log.name.startswith("#")],
            [{"session": one, "address": address, "software": what} for one, address, what in sessions],
        )
    )
    own, nicks = {one for one, _, _ in sessions}, reading.nicks(user)
    for log in reading.logs():
        direct = log.name.startswith("@")
        if direct and log not in rooms:
            continue
        if direct:
            peer = msgspec.json.encode(reading.peer(log, user))
            for event in reading.events(log):
                yield bytes(text_of(event))[:-1] + b',"peer":' + peer + b"}"
        else:
            yield from _said_by(reading, log, own, nicks)


def _said_by(reading: Reading, log: LogRow, sessions: set[int], nicks: dict[str, int]) -> Iterator[bytes]:
    """Yield the events of ``log`` that come from ``sessions``, or from ``nicks`` since these times."""
    for event in reading.events(log):
        text = bytes(text_of(event))
        said = _said.decode(text)
        since = nicks.get(fold(said.by))
        if said.session in sessions or (since is not None and said.ts >= since):
            yield text
