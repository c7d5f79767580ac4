"""The client for asyncio against a real daemon: on asyncio's own loop, with nothing of Twisted in sight."""

import asyncio

import pytest

from chatd.client.aio import ClientError, RequestError, connect
from tests.end_to_end.harness.certificates import make_certificate
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, free_port


def run(main):
    """Run ``main`` on a loop that complains of whatever is wrong with its use."""
    asyncio.run(asyncio.wait_for(main(), PATIENCE), debug=True)


async def first(events, kind="message"):
    """Return the first event of that ``kind``."""
    async for event in events:
        if event.kind == kind:
            return event
    raise AssertionError("the events ended")


async def found(client, query):
    """Return the events that are found, once the server has indexed some."""
    while True:
        hits = (await client.search(query)).hits
        if hits:
            return [hit.event.seq for hit in hits]
        await asyncio.sleep(0.1)


async def be_busy(bob, ann):
    """Let bob type, be busy, away and back, as ann sees it in #a."""
    bob.typing("#a")
    await bob.busy("exam", 60)
    assert (bob.standing.state, bob.standing.text, ann.standing) == ("busy", "exam", None)
    told = {one.nick: one.status for one in await ann.members("#a")}
    assert (told["bob"].state, told["ann"]) == ("busy", None)
    await bob.away()
    await bob.back()
    assert bob.standing is None


def test_all_that_a_client_can_do(daemon, tmp_path):
    server = f"{LOOPBACK}:{daemon.port}"

    async def main():
        with pytest.raises(ClientError) as early:
            await connect(server).send("#a", "hello")
        assert early.value.code == "not-entered"
        async with (
            connect(server, nick="ann", rooms="#a", folder=tmp_path / "state") as ann,
            connect(server, nick="bob", rooms=["#a"], folder=str(tmp_path / "state")) as bob,
        ):
            events = bob.follow("#a")
            sent = await ann.send("#a", "hello")
            hello = await first(events)
            assert (hello.room, hello.seq, hello.by, hello.text, hello.own) == (
                "#a", sent.seq, "ann", "hello", False
            )  # fmt: skip
            answer = await hello.reply("hello ann")
            assert (await first(events)).ref == hello.seq
            await ann.edit("#a", sent.seq, "hello, bob")
            await bob.react("#a", sent.seq, "👍")
            assert await bob.read("#a", sent.seq) is None
            assert await ann.pin("#a", sent.seq)
            page = await ann.look("#a", [sent.seq])
            assert page.became[sent.seq].text == "hello, bob"
            assert [one.seq for one in (await ann.pins("#a")).events] == [sent.seq]
            assert (await ann.history("#a", limit=3)).more
            assert sorted(one.nick for one in await ann.members("#a")) == ["ann", "bob"]
            assert await found(bob, "hello from:bob") == [answer.seq]
            await be_busy(bob, ann)
            await ann.topic("#a", "tea")
            assert [(room.room, room.topic) for room in await bob.rooms()] == [("#a", "tea")]
            await bob.nick("ben")
            assert bob.nickname == "ben"
            assert await bob.join("#b") == "#b"
            await bob.leave("#b")
            source = tmp_path / "photo.jpg"
            source.write_bytes(b"a photo")
            posted = await ann.put("#a", source, "look")
            got = await bob.get("#a", posted.seq, output=tmp_path / "got.jpg")
            assert got.read_bytes() == b"a photo"
            assert await ann.remove("#a", sent.seq)
            with pytest.raises(RequestError) as refused:
                await bob.edit("#a", answer.seq + 1000, "nothing")
            assert refused.value.code == "no-such-event"
            assert refused.value.text
            with pytest.raises(ClientError) as wrong:
                bob.follow("a")
            assert wrong.value.code == "bad-argument"
            with pytest.raises(ClientError) as by_hand:
                await hello.done()
            assert by_hand.value.code == "bad-options"
            assert ann.status().address == server
        with pytest.raises(ClientError) as over:
            await first(events, "never")
        assert over.value.code in {"stopped", "goodbye"}

    run(main)


def test_cancelling_takes_a_send_back_and_the_rest_waits_for_the_next_link(daemon, tmp_path):
    async def main():
        server = f"{LOOPBACK}:{daemon.port}"
        async with connect(server, nick="ann", rooms="#a", folder=tmp_path / "state") as ann:
            daemon.kill()
            taken_back = asyncio.create_task(ann.send("#a", "taken back"))
            sent = asyncio.create_task(ann.send("#a", "sent"))
            await asyncio.sleep(0)
            assert len(ann.waiting()) == 2
            taken_back.cancel()
            with pytest.raises(asyncio.CancelledError):
                await taken_back
            await asyncio.to_thread(daemon.start)
            await sent
            said = [event.text for event in (await ann.history("#a")).events if event.kind == "message"]
            assert said == ["sent"]

    run(main)


def test_what_is_hopeless_is_said_and_what_is_not_there_is_waited_for(tmp_path):
    async def main():
        nobody = connect(f"{LOOPBACK}:{free_port()}", nick="ann", profile=None)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), nobody:
                pass
        with pytest.raises(ClientError) as again:
            async with nobody:
                pass
        assert again.value.code == "used"
        with pytest.raises(ClientError) as unusable:
            async with connect(f"tls://{LOOPBACK}", ca=tmp_path / "none.pem", profile=None):
                pass
        assert unusable.value.text.endswith(".")

    run(main)


def test_tls_runs_on_the_same_loop(make_daemon, tmp_path):
    certificate, key = make_certificate(tmp_path)
    daemon, port = make_daemon(), free_port()
    daemon._config.write_text(
        "guests = 'allowed'\n"
        f'[[listen]]\nendpoint = "tcp:{daemon.port}:interface={LOOPBACK}"\n'
        f'[[listen]]\nendpoint = "tcp:{port}:interface={LOOPBACK}"\n'
        f'certificate = "{certificate}"\nkey = "{key}"\n'
    )
    daemon.listen = ()
    daemon.start()

    async def main():
        server = f"tls://localhost:{port}"
        async with connect(server, nick="ann", rooms="#a", ca=certificate, profile=None) as ann:
            texts = [f"{number} " + "x" * 3000 for number in range(100)]
            sends = [asyncio.create_task(ann.send("#a", text)) for text in texts]
            async for event in ann.follow("#a"):
                if event.kind == "message":
                    assert (event.text, event.own) == (texts.pop(0), True)
                if not texts:
                    break
            await asyncio.gather(*sends)

    run(main)
