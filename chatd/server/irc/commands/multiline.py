"""Messages of several lines (ircv3.net, "multiline"): said in a batch, and one text for chat."""

from typing import Final, NamedTuple

from chatd.server.irc.capabilities import MOST_LINES, MOST_TEXT
from chatd.server.irc.client import Client
from chatd.server.irc.client_tags import PIECES
from chatd.server.irc.names import fold, plain
from chatd.server.irc.reply import Reply
from chatd.wire.irc import Line

CONCAT: Final = "draft/multiline-concat"
"""The tag of a line that goes on where the one before has ended."""


class Gathering(NamedTuple):
    """A batch that was begun by the line ``begun``, with what was said in it, and its label's ``reply``."""

    begun: Line
    reply: Reply
    said: list[str]
    commands: set[str]

    @property
    def name(self) -> str:
        """Return what the client calls the batch."""
        return self.begun.params[0][1:]


def begin(client: Client, line: Line) -> None:
    """Begin a batch."""
    if not client.has("draft/multiline") or len(line.params) < 3 or line.params[1] != "draft/multiline":  # noqa: PLR2004 - name, type and target
        client.fail("BATCH", "UNKNOWN_TYPE", *line.params[:1], text="It is draft/multiline, with a target.")
    elif client.gathering is not None:
        client.fail("BATCH", "MULTILINE_INVALID", text="One batch at a time.")
    else:
        client.gathering = Gathering(line, client.detach(), [], set())


def take(client: Client, line: Line) -> bool:
    """Take a message that stands in the batch; return whether it does."""
    gathering = client.gathering
    if gathering is None or "batch" not in line.tags:
        return False
    if line.tags["batch"] != gathering.name:
        _end(client, gathering, "MULTILINE_INVALID", "That is another batch than the one that was begun.")
        return True
    text = line.params[1] if len(line.params) > 1 else ""
    said, concat = gathering.said, CONCAT in line.tags
    if fold(line.params[0] if line.params else "") != fold(gathering.begun.params[2]):
        _end(client, gathering, "MULTILINE_INVALID_TARGET", "All of it goes to one target.")
    elif concat and (not text or not said):
        _end(client, gathering, "MULTILINE_INVALID", "Nothing goes on with nothing.")
    elif len(said) >= MOST_LINES:
        _end(client, gathering, "MULTILINE_MAX_LINES", "These are too many lines.", str(MOST_LINES))
    elif sum(len(one.encode()) + 1 for one in said) + len(text.encode()) > MOST_TEXT:
        _end(client, gathering, "MULTILINE_MAX_BYTES", "This is too long.", str(MOST_TEXT))
    else:
        gathering.commands.add(line.command)
        said.append(text if concat or not said else f"\n{text}")
    return True


def _end(client: Client, gathering: Gathering, code: str, text: str, *context: str) -> None:
    """Take no more of a batch that is wrong."""
    client.gathering = None
    with client.resume(gathering.reply):
        client.fail("BATCH", code, *context, text=text)


def end(client: Client, line: Line) -> tuple[Line, str] | None:
    """End the batch; return what it is as one message, with its text, None if it is none."""
    gathering = client.gathering
    if gathering is None or gathering.name != line.params[0][1:]:
        client.fail("BATCH", "MULTILINE_INVALID", text="There is no such batch.")
        return None
    said = [plain(piece) for piece in gathering.said]
    text = "".join(said)
    if not text.strip() or len(gathering.commands) != 1:
        _end(client, gathering, "MULTILINE_INVALID", "Nothing is said in it.")
        return None
    client.gathering = None
    client.finish()
    client.reply = gathering.reply
    begun = gathering.begun
    tags = {**begun.tags, PIECES: ",".join(str(len(piece)) for piece in said)}
    return Line(gathering.commands.pop(), begun.params[2:3], tags), text
