"""chatctl vacuum: done by the daemon that uses the data; where none does, the file is written anew."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import click
import msgspec

from chatd.chat.storage import Space, StoreError
from chatd.control.cli import words
from chatd.control.cli.asking import Answer, AskError, Exit, folder_of
from chatd.control.cli.options import as_json, asking
from chatd.control.messages import AskVacuum
from chatd.control.rows import SpaceRow
from chatd.control.vacuuming import progress
from chatd.offline.folder import act_as_owner
from chatd.offline.keeping import Command
from chatd.ops.words import escape
from chatd.store import space
from chatd.store.folder import FILE_NAME, lock_folder
from chatd.store.reading import Reading


@click.command("vacuum", cls=Command)
@asking
@as_json
def vacuum(data: str | None, config: str | None, as_json: bool) -> None:
    """Give what is free in the database back to the file system, while the daemon serves.

    Where none runs, the file is written anew: that makes it as small as it can be, but takes as much room
    beside it meanwhile. Ending the command ends neither what the daemon does, nor harms the data.
    """
    folder = folder_of(data, config)
    row: SpaceRow | None = None

    def tell(now: SpaceRow) -> None:
        nonlocal row
        row = now
        if as_json:
            click.echo(msgspec.json.encode(now))
        elif sys.stderr.isatty():
            freed, free, size = (words.size(number) for number in (now.freed, now.free, now.size))
            click.echo(f"{freed} given back, {free} of {size} are free", err=True)

    try:
        for raw in Answer(folder, AskVacuum()):
            tell(msgspec.json.decode(raw, type=SpaceRow))
    except AskError as error:
        if error.exit_code != Exit.NO_DAEMON:
            raise
        compact(folder, tell)
    if row is not None and not as_json:
        click.echo(f"{words.size(row.freed)} given back; the database has {words.size(row.size)} now")


def compact(folder: Path, tell: Callable[[SpaceRow], object]) -> None:
    """Write the database in ``folder``, which no daemon uses, anew; ``tell`` hears of it at the end.

    A crash leaves the old file or the new one, whole. Raises `StoreError`.
    """
    act_as_owner(folder)
    path = folder / FILE_NAME
    Reading(path).close()  # it says what is wrong where this is no database of a format that is known
    lock = lock_folder(folder)
    try:
        database = apsw.Connection(str(path))
        before = space.space_of(database, path)
        listener = _Listener(before, tell)
        tell(progress(before, before))
        space.convert(database, path, listener)
    finally:
        os.close(lock)
    if listener.why:
        raise StoreError(
            f"The database cannot be written anew: {listener.why}. Nothing was changed. A daemon that"
            " runs can shrink it in its place."
        )


class _Listener:
    """Hears how the file is written anew; ``why`` is why it was not."""

    def __init__(self, before: Space, tell: Callable[[SpaceRow], object]) -> None:
        self.why = ""
        self._before = before
        self._tell = tell

    def converting(self, size: int, written: int) -> None:
        """Tell a person who waits how far it is; nothing is given back before the end."""
        if written and sys.stderr.isatty():
            click.echo(f"{words.size(written)} of at most {words.size(size)} written anew", err=True)

    def converted(self, size: int, freed: int, duration: float) -> None:
        """Tell what it has come to."""
        del freed, duration
        self._tell(progress(self._before, Space(size, 0, 0)))

    def not_converted(self, error: str) -> None:
        """Keep why."""
        self.why = escape(error)
