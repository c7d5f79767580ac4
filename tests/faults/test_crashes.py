"""kill -9 at random moments: what was acknowledged is there once, what was seen stays (P1 to P4)."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from chatd.wire.messages import Event, Join, Ok, Rooms
from tests.end_to_end.harness.daemon import Daemon
from tests.end_to_end.harness.peer import dial
from tests.end_to_end.harness.raw import Raw, sends

KILLS = 6
SENDERS = 3
WINDOW = 200


class Session:
    """One session across crashes: what it sent, what was acknowledged, what it heard of #a."""

    def __init__(self, daemon: Daemon, nick: str) -> None:
        self._daemon = daemon
        self.nick = nick
        self.acknowledged = self.head = 0
        self.heard: list[Event] = []
        self._token = ""
        self._raw: Raw | None = None

    @property
    def cursor(self) -> int:
        """Return the last event heard."""
        return self.heard[-1].seq if self.heard else 0

    def enter(self) -> None:
        """Connect, as a new session the first time; what was unanswered is known afterwards."""
        raw = self._raw = Raw(dial(self._daemon.port))
        if not self._token:
            self._token = raw.enter(self.nick).token
            raw.say(Join(id=1, room="#a", after=0))
            self.head = raw.await_(Rooms).rooms[0].head
            return
        welcome = raw.enter(token=self._token, cursors={"#a": self.cursor})
        last = welcome.last
        assert last >= self.acknowledged, (
            f"{self.nick}: {self.acknowledged} were acknowledged, {last} are there"
        )
        self.acknowledged = last

    def talk_until_lost(self) -> None:
        """Send without a break, and listen, until the daemon is gone."""
        raw = self._raw
        sent = self.acknowledged
        try:
            while True:
                if sent - self.acknowledged < WINDOW // 2:
                    texts = [f"{self.nick} {n}" for n in range(sent + 1, sent + 1 + WINDOW // 2)]
                    raw.say(*sends("#a", texts, sent + 1))
                    sent += len(texts)
                message = raw.hear()
                if message is None:
                    return
                self._take(message)
        except ConnectionError:
            for message in raw.rest():
                self._take(message)
        finally:
            raw.close()

    def listen_to(self, seq: int) -> None:
        """Listen until event ``seq`` was heard."""
        while self.cursor < seq:
            message = self._raw.hear()
            assert message is not None
            self._take(message)

    def leave(self) -> None:
        """Close the connection."""
        self._raw.close()

    def _take(self, message: object) -> None:
        if isinstance(message, Ok) and message.id > 1_000_000:
            n = message.id - 1_000_000
            assert n == self.acknowledged + 1
            self.acknowledged = n
        if isinstance(message, Event) and message.room == "#a":
            assert message.seq == self.cursor + 1, f"{self.nick}: {message.seq} follows {self.cursor}"
            self.heard.append(message)


def test_nothing_is_lost_doubled_or_taken_back(daemon):
    chance = random.Random()
    sessions = [Session(daemon, f"sender{n}") for n in range(SENDERS)]
    with ThreadPoolExecutor(SENDERS) as pool:
        for crash in range(KILLS):
            for session in sessions:
                session.enter()
            talks = [pool.submit(session.talk_until_lost) for session in sessions]
            watch = Raw(dial(daemon.port))
            watch.enter(f"watch{crash}")
            watch.join("#a")
            watch.events("#a", chance.randrange(1, 1500))  # the kill comes while the log grows
            daemon.kill()
            watch.close()
            for talk in talks:
                talk.result(60)
            daemon.start()
    for session in sessions:
        session.enter()
    check(daemon, sessions)


def check(daemon, sessions):
    """Read the whole log and hold everybody's memory against it."""
    reader = Session(daemon, "reader")
    reader.enter()
    last = reader.head
    reader.listen_to(last)
    log = {event.seq: event for event in reader.heard}
    assert sorted(log) == list(range(1, last + 1))
    for session in sessions:
        session.listen_to(last)
        assert session.heard == reader.heard[: len(session.heard)]
        assert all(log[event.seq] == event for event in session.heard)
    numbers = {
        s.nick: [e.n for e in log.values() if e.by == s.nick and e.kind == "message"] for s in sessions
    }
    for session in sessions:
        assert numbers[session.nick] == list(range(1, session.acknowledged + 1))
        session.leave()
    texts = Counter(event.text for event in log.values() if event.kind == "message")
    assert max(texts.values()) == 1
    reader.leave()
