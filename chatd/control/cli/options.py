"""The options that all commands share which ask a running daemon."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

data = click.option("--data", metavar="DIR", envvar="CHATD_DATA", help="The daemon's data folder.")
config = click.option(
    "--config", metavar="FILE", envvar="CHATD_CONFIG", help="Its configuration, which names it."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
where = click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="Only rows for which this holds: KEY=VALUE, KEY>N or KEY<N; * stands for anything.",
)


def asking(function: F) -> F:
    """Give a command the options that say which daemon is asked."""
    return data(config(function))
