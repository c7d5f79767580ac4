"""What several commands share: options, and the options of the client with which they run."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from chatd.client.values import Options

F = TypeVar("F", bound=Callable[..., Any])

AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON lines, for programs.")
VERBOSE: Final = click.option("--verbose", "-v", is_flag=True, help="Tell of every try to connect.")

PLAIN: Final = click.option(
    "--plain", "strip", is_flag=True, help="Take colours and other control characters out of what is sent."
)

_PASSWORD_FILE: Final = click.option(
    "--password-file", metavar="FILE", help="Read the password from the first line of FILE."
)
_PASSWORD_FD: Final = click.option(
    "--password-fd", type=int, metavar="N", help="Read it from this open descriptor."
)


def with_password(function: F) -> F:
    """Give a command the options that say where a password is read."""
    return _PASSWORD_FILE(_PASSWORD_FD(function))


def strips(context: click.Context) -> bool:
    """Return whether ``--plain`` stood before the command."""
    return context.parent is not None and bool(context.parent.params["strip"])


def options_of(context: click.Context, *rooms: str) -> "Options":
    """Return the options with which a command runs. Raises `ClientError` where one of ``rooms`` is none."""
    from chatd.client.core.problems import ClientError  # noqa: PLC0415 - --help needs none of it

    for room in rooms:
        if not room.startswith(("#", "@")) or len(room) == 1:
            raise ClientError(
                "bad-room", f"{room!r} is no room; write '#{room.lstrip('#@') or 'room'}' or '@nick'."
            )
    options: Options = context.obj
    return options
