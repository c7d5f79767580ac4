"""chatctl tail."""

import sys
from typing import Any, Final, cast

import click
import msgspec

from chatd.control.cli.asking import Answer, folder_of
from chatd.control.cli.options import as_json, asking, where
from chatd.control.messages import AskTail
from chatd.control.rows import LogLine
from chatd.ops.colours import painted, wanted
from chatd.ops.words import sentence_of

LEVELS: Final = ("debug", "info", "warn", "error", "critical")


@click.command("tail")
@asking
@as_json
@where
@click.option(
    "--since", type=click.IntRange(0), metavar="CURSOR", help="Begin behind that of an earlier line."
)
@click.option(
    "--lines", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Begin with the newest."
)
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    help="What is said from now on from that level on, of one connection or nick that --where names.",
)
@click.option("--once", is_flag=True, help="End when there is no more, instead of waiting for it.")
def tail(
    data: str | None,
    config: str | None,
    as_json: bool,
    where: tuple[str, ...],
    since: int | None,
    lines: int,
    level: str | None,
    once: bool,
) -> None:
    """Print the daemon's log as it grows, wherever it goes and however it is rotated.

    With --json each object has the cursor from which --since goes on, without a gap or a repeat, also after
    restarts of the daemon. The last 100,000 lines are kept.

    With --level debug --where nick=NICK (or connection=NUMBER) each message that the server hears from there,
    or tells it, has a line, until the command ends; what people say has none. It costs nobody else anything.
    """
    if level and (once or since is not None):
        raise click.UsageError("With --level it begins now: give neither --since nor --once.")
    asked = AskTail(
        where=list(where),
        since=-lines if since is None else since,
        follow=not once,
        level=cast("Any", level or ""),
    )
    coloured = sys.stdout.isatty() and wanted(sys.stdout.fileno())
    for raw in Answer(folder_of(data, config), asked, None):
        row = msgspec.json.decode(raw, type=LogLine)
        if as_json:
            missing = {"missing": row.missing} if row.missing else {}
            cursor = {} if level else {"cursor": row.cursor}
            click.echo(msgspec.json.encode({**cursor, **missing, **row.line}))
        else:
            if row.missing and level:
                click.echo(f"{row.missing} lines came too fast and are missing", err=True)
            elif row.missing:
                click.echo(f"lines up to {row.missing} are not kept any more", err=True)
            click.echo(text_of(row, coloured), color=coloured)


def text_of(row: LogLine, coloured: bool = False) -> str:
    """Return a line as people read it."""
    line = dict(row.line)
    time, level = str(line.pop("time", "")), str(line.pop("level", ""))
    name, sentence = str(line.pop("event", "")), str(line.pop("text", ""))
    traceback = str(line.pop("traceback", ""))
    said = sentence_of(name, sentence, line)
    text = painted(time, level, said) if coloured else f"{time} {level} {said}"
    return "\n  | ".join([text, *traceback.splitlines()])
