"""Writes the pages of chatc's manual, as its command line prints them.

    PYTHONPATH=. python tools/help_pages.py

To be run when an option or a command was changed: `tests/client/cli/test_manual.py` finds pages that say
something else than the command line.
"""

from pathlib import Path

import click

from chatd.client.cli.commands import chatc
from chatd.client.cli.manual import FOLDER, WIDTH


def pages() -> dict[str, str]:
    """Return the text of each page by its name."""
    return _below(chatc, "chatc", None, ())


def _below(
    command: click.Command, word: str, parent: click.Context | None, before: tuple[str, ...]
) -> dict[str, str]:
    context = click.Context(
        command, info_name=word, parent=parent, terminal_width=WIDTH - 2, **command.context_settings
    )
    words = (*before, word)
    found = {".".join(words): f"{command.get_help(context)}\n"}
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            found |= _below(inner, name, context, words) if inner else {}
    return found


def main() -> None:
    """Write all pages, and remove those of commands that are no more."""
    folder = Path(FOLDER)
    folder.mkdir(exist_ok=True)
    found = pages()
    for old in folder.glob("*.txt"):
        if old.stem not in found:
            old.unlink()
    for name, text in found.items():
        (folder / f"{name}.txt").write_text(text)


if __name__ == "__main__":
    main()
