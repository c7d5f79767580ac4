"""What waits in another session of ours is sent by that session: under ours it might appear twice."""

from twisted.internet.defer import DeferredList

from chatd.client.api import Client
from chatd.client.cli.showing import counted
from chatd.client.core.notices import Left
from chatd.client.core.problems import ClientError


def has_queue(left: Left) -> bool:
    """Return whether it is another session of ours that something waits in."""
    return left.ours and bool(left.messages or left.files)


async def send_session(client: Client, left: Left) -> str:
    """Send what waits in the session that has ``left`` it; return a sentence about what became of that."""
    try:
        other = client.other_session(left)
        going = other.earlier.go_on()
        other.start()
        try:
            await other.ready()
            done = await DeferredList([*going.sent, *going.posted], consumeErrors=True)
        finally:
            await other.stop()
    except ClientError as error:
        return f"Another session of yours could not send what waits in it: {error.text}"
    refused = sum(not success for success, _ in done)
    what = f"{counted(len(going.sent), 'message')} and {counted(len(going.posted), 'file')}"
    return f"Another session of yours had {what} to send; {refused or 'none'} of that was refused."
