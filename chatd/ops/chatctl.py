"""chatctl: the operators' command."""

import sys

import click

from chatd import __version__
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
