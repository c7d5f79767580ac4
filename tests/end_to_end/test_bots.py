"""The bots of the manual and the examples, as processes of their own."""

import asyncio
import os
import re
import subprocess

import pytest

from chatd.client.aio import connect
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, PYTHON, ROOT


@pytest.fixture
def start(tmp_path):
    """Return a function that starts a program in Python; all are killed."""
    made = []

    def start(*command):
        env = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "PYTHONPATH": str(ROOT)}
        made.append(subprocess.Popen([PYTHON, *map(str, command)], env=env, cwd=tmp_path))
        return made[-1]

    yield start
    for one in made:
        one.kill()
        one.wait(PATIENCE)


async def first(events, by, kind="message"):
    """Return the first event of that ``kind`` by ``by``."""
    async for event in events:
        if (event.kind, event.by) == (kind, by):
            return event
    raise AssertionError("the events ended")


def test_the_bot_of_the_manual_answers(daemon, start, tmp_path):
    page = (ROOT / "docs" / "API.md").read_text()
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    server = f"{LOOPBACK}:{daemon.port}"
    (tmp_path / "bot.py").write_text(code.replace("127.0.0.1:7411", server))

    async def main():
        async with connect(server, nick="ann", rooms="#kitchen", profile=None) as ann:
            events = ann.follow("#kitchen")
            start("bot.py")
            await first(events, "bot", "join")
            await ann.send("#kitchen", "!hello")
            assert (await first(events, "bot")).text == "Hello, ann!"

    asyncio.run(asyncio.wait_for(main(), PATIENCE))


def test_the_careful_bot_answers_once_though_it_and_the_daemon_are_killed(daemon, start):
    server = f"{LOOPBACK}:{daemon.port}"
    bot = [ROOT / "examples" / "exactly_once_bot.py", server, "#dice"]

    async def main():
        async with connect(server, nick="ann", rooms="#dice", profile=None) as ann:
            events = ann.follow("#dice")
            running = start(*bot)
            await first(events, "dice", "join")
            asked = [(await ann.send("#dice", "!roll 6")).seq]
            answered = [(await first(events, "dice")).ref]
            for killed in ("bot", "daemon", "bot"):
                running.kill()
                running.wait(PATIENCE)
                if killed == "daemon":
                    await asyncio.to_thread(daemon.kill)
                    await asyncio.to_thread(daemon.start)
                asked += [(await ann.send("#dice", "!roll 6")).seq for _ in range(3)]
                running = start(*bot)
                answered += [(await first(events, "dice")).ref for _ in range(3)]
            assert answered == asked

    asyncio.run(asyncio.wait_for(main(), 3 * PATIENCE))
