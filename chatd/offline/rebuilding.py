"""chatctl rebuild: makes what is kept beside the logs anew, where no daemon uses the data."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw
import click

from chatd.chat.storage import StoreError
from chatd.control.cli.asking import folder_of
from chatd.control.cli.options import asking
from chatd.offline.folder import Quiet, act_as_owner, while_running
from chatd.offline.keeping import Command, Progress
from chatd.ops.words import counted, escape
from chatd.store.company import Company
from chatd.store.deriving import Deriving, mend
from chatd.store.folder import FILE_NAME, lock_folder
from chatd.store.opening import bring_up, explained, open_writer
from chatd.store.reading import Reading

_FORGET_WORDS: Final = "DELETE FROM meta WHERE name = 'rules'"
"""A daemon that finds no rules of the index makes all of it anew."""

Tell = Callable[[str, int, int], object]


@click.command("rebuild", cls=Command)
@click.option("--words", is_flag=True, help="Have the daemon make the index of words anew, too.")
@asking
def rebuild(data: str | None, config: str | None, words: bool) -> None:
    """Make what is kept of edits, replies, reactions and pins anew from the logs; no daemon may use the data.

    What counts as unread, and who follows which threads, is mended, too. What is right stays as it is.
    Whoever ends the command loses nothing: given again, it does the rest.
    """
    folder = folder_of(data, config)
    act_as_owner(folder)
    changed = rebuild_in(folder, Progress(), words=words)
    click.echo(escape(f"{counted(changed, 'row')} mended" if changed else "all was right"))
    if words:
        click.echo("The daemon makes the index of words anew once it has started.")


def rebuild_in(folder: Path, tell: Tell, *, words: bool = False) -> int:
    """Mend the tables in ``folder``; return how many rows that has changed. Raises `StoreError`."""
    Reading(folder).close()  # it says what is wrong where this is no database of a format that is known
    try:
        lock = lock_folder(folder)
    except StoreError as error:
        raise while_running(folder, error) from None
    try:
        return _rebuild(folder / FILE_NAME, tell, words=words)
    finally:
        os.close(lock)


def _rebuild(path: Path, tell: Tell, *, words: bool) -> int:
    database, version, _ = open_writer(path, Quiet(), checked=True)
    company = Company(path)
    try:
        company.mind(database)
        bring_up(database, path, version)
        deriving = Deriving(database)
        logs, changed = deriving.logs(), 0
        for number, log in enumerate(logs, 1):
            for rows in mend(database, deriving.differences(log.id)):
                changed += rows
                company.mind(database)
            tell("logs", number, len(logs))
        if words:
            database.execute(_FORGET_WORDS)
        if company.is_there():
            database.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    except apsw.Error as error:
        raise explained(path, error, database) from None
    finally:
        database.close()
        company.release()
    return changed
