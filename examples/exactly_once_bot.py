"""A bot that answers each ``!roll 6`` exactly once, however often it or the daemon is killed."""

import asyncio
import random
import sys

from chatd.client.aio import Client, ClientError, Event, connect

DICE = ("4", "6", "8", "12", "20", "100")
"""The sides that a die can have."""


def answer(event: Event) -> str | None:
    """Return what the bot says to ``event``, None for what is no command."""
    if event.kind != "message" or event.own or not event.text.startswith("!roll "):
        return None
    sides = event.text.removeprefix("!roll ")
    if sides not in DICE:
        return f"{event.by}: say !roll and one of {', '.join(DICE)}."
    return f"{event.by} rolled {random.randint(1, int(sides))} of {sides}"


async def serve(client: Client, room: str) -> None:
    """Answer for ever; what is said while the bot is away is answered when it is back."""
    async for event in client.follow(room):
        text = answer(event)
        if text is not None:
            await event.done(text, reply=True)  # one write: this event is handled, and this is to be sent


async def main(server: str, room: str) -> None:
    """Keep cursor and answers in a profile of the bot's own."""
    async with connect(server, nick="dice", rooms=room, profile="dice", commit="manual") as client:
        await serve(client, room)


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except ClientError as error:
        sys.exit(error.text)
    except KeyboardInterrupt:
        pass
