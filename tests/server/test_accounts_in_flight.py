"""Whoever is let in shows what opens the account at that moment, whatever was in flight meanwhile.

Passwords are checked and hashed beside the reactor, so that requests about an account, and logins to it, wait
for that, in any order, while sessions end, the disk fails and the daemon crashes. What an answer has said
holds from then on: an old password opens nothing once the new one was acknowledged, and nothing opens an
account that was deleted.
"""

from collections import defaultdict

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chatd.ops.settings import AccountsConfig, Config, LimitsConfig
from chatd.testing import Playground
from chatd.wire import messages as m
from tests.examples import examples
from tests.helpers import Talker, come_in, hello

PASSWORDS = ["the first password", "the second one", "and the third"]
UNLIMITED = LimitsConfig(
    failed_logins_per_minute=0, logins_per_minute=0, registrations_per_hour=0, new_sessions_per_minute=0
)
DEVICES = 3


class Device(Talker):
    """A connection of ben; ``shown`` is the password of its hello, ``asked`` what it waits for, by id."""

    def __init__(self, life, shown, first):
        super().__init__(first)
        self.life, self.shown = life, shown
        self.asked = {}

    def dataReceived(self, data):
        known = len(self.heard)
        super().dataReceived(data)
        for message in self.heard[known:]:
            self.life.hears(self, message)


class Life:
    """An account on a daemon, and what its owner knows: ``rights`` is the password, as was acknowledged last.

    What one step has brought to several devices came to be in any order, so that it may be one of several.
    ``before`` is what it was when the step began, and ``changed`` what each device has heard of since then.
    ``doubtful`` are those that were asked for and never answered; ``deleted`` is whether that was
    acknowledged, ``ending`` whether it was asked for.
    """

    def __init__(self):
        accounts = AccountsConfig(registration="open")
        self.playground = Playground(Config(accounts=accounts, limits=UNLIMITED))
        self.playground.start_server()
        self.rights, self.before, self.doubtful = {PASSWORDS[0]}, set(), set()
        self.changed = defaultdict(list)
        self.deleted = self.ending = False
        self.answers = defaultdict(int)
        self.devices, self.number = {}, 0
        come_in(self.playground, "zoe", m.Join(id=1, room="#tea"), wait=0.1)
        self.connect(0, hello("ben", password=PASSWORDS[0], register=True), PASSWORDS[0])
        self.playground.advance(0.1)
        self.devices[0].say(m.Join(id=0, room="#tea"))
        for number in range(1, DEVICES):
            self.log_in(number, 0)

    def connect(self, number, first, shown=""):
        device = self.devices[number] = Device(self, shown, first)
        self.playground.connect(device)
        self.playground.advance()
        return device

    def log_in(self, number, which):
        old = self.devices.get(number)
        if old is not None and old.lost is None:
            old.transport.abortConnection()
        return self.connect(number, hello("ben", password=PASSWORDS[which]), PASSWORDS[which])

    # ---- what is heard --------------------------------------------------------------------------------

    def hears(self, device, message):
        if isinstance(message, m.Welcome):
            assert message.nick == "ben"
            assert not self.deleted, "somebody is let in to an account that is deleted"
            if device.shown:
                assert device.shown in self.known(), "an old password has opened the account"
        elif isinstance(message, m.Ok | m.Error) and message.id in device.asked:
            asked = device.asked.pop(message.id)
            if isinstance(message, m.Ok):
                self.done(device, asked)

    def under_way(self):
        asked = [one for device in self.devices.values() for one in device.asked.values()]
        return {one.password for one in asked if isinstance(one, m.Passwd)}

    def known(self):
        """Return the passwords that may have opened the account since the step began."""
        heard = {one.password for changes in self.changed.values() for one in changes}
        return self.rights | self.before | self.doubtful | self.under_way() | heard

    def done(self, device, asked):
        if isinstance(asked, m.Passwd):
            assert not self.deleted
            self.changed[device].append(asked)
        elif isinstance(asked, m.DeleteAccount):
            assert asked.password in self.known(), "a wrong password was enough"
            self.deleted = True

    def reckon(self):
        """Find what the password may be by now: each change has shown the one that was right just then."""
        if self.changed:
            changes = tuple(tuple(ones) for ones in self.changed.values())
            lenient = self.doubtful | self.under_way()
            ways = {(right, (0,) * len(changes)) for right in self.rights}
            for _ in range(sum(map(len, changes))):
                ways = {
                    (changes[which][place].password, (*at[:which], place + 1, *at[which + 1 :]))
                    for right, at in ways
                    for which, place in enumerate(at)
                    if place < len(changes[which]) and changes[which][place].old in lenient | {right}
                }
            assert ways, "a wrong password was enough"
            self.rights = {right for right, _ in ways}
            self.changed.clear()
        self.before = set(self.rights)

    def gives_up(self, device):
        """Note that nobody will hear what became of what this device has asked for."""
        self.doubtful |= {one.password for one in device.asked.values() if isinstance(one, m.Passwd)}
        device.asked.clear()

    # ---- what happens ---------------------------------------------------------------------------------

    def step(self, what, number, which, other):
        device = self.devices[number]
        self.number += 1
        if what == "log in":
            self.gives_up(device)
            self.log_in(number, which)
        elif what == "back":
            self.back(number)
        elif what in {"hold", "let go", "one", "last"}:
            self.hash(what)
        elif what in {"slow", "full", "well", "commit"}:
            self.disk(what)
        elif what == "crash":
            self.crash()
        elif device.lost is None and device.of(m.Welcome):
            self.ask(device, what, PASSWORDS[which], PASSWORDS[other])
        self.playground.advance()
        self.reckon()

    def ask(self, device, what, password, new):
        asked = {
            "passwd": m.Passwd(id=self.number, old=password, password=new),
            "delete": m.DeleteAccount(id=self.number, password=password),
            "log out": m.Logout(id=self.number, everywhere=True),
            "say": m.Members(id=self.number, room="#tea"),
        }[what]
        self.ending = self.ending or what == "delete"
        device.asked[self.number] = asked
        device.say(asked)

    def back(self, number):
        """Come back with the token that the device has, if it has one."""
        old = self.devices[number]
        tokens = [one.token for one in old.of(m.Welcome) if one.token]
        self.gives_up(old)
        if old.lost is None:
            old.transport.abortConnection()
        if tokens:
            self.connect(number, hello(token=tokens[-1]))

    def hash(self, what):
        hashing = self.playground.hashing
        if what == "hold":
            hashing.held = True
        elif what == "let go":
            hashing.release()
        else:
            hashing.run_one(0 if what == "one" else -1)

    def disk(self, how):
        store = self.playground.store
        if how == "commit":
            store.release(1)
            return
        store.failing = OSError("disk full") if how == "full" else None
        store.held = how == "slow"
        if not store.held:
            store.release()

    def crash(self):
        self.playground.crash_server()
        for device in self.devices.values():
            self.gives_up(device)
        self.disk("well")
        self.playground.start_server()

    def settle(self):
        self.disk("well")
        self.hash("let go")
        self.playground.advance(1)
        self.reckon()
        for device in self.devices.values():
            assert device.lost is not None or not device.asked, "a request was not answered"
            if device.lost is not None:
                self.gives_up(device)
        self.playground.advance(3600, step=600)  # nobody is delayed any more

    def check(self):
        if self.deleted:
            assert not [one for one in self.devices.values() if one.lost is None], "it goes on though deleted"
        for which in [*map(PASSWORDS.index, self.rights), *range(len(PASSWORDS))]:
            device = self.log_in(0, which)
            self.playground.advance(60, step=5)
            let_in = bool(device.of(m.Welcome))
            if self.deleted:
                assert not let_in
            elif self.rights == {PASSWORDS[which]} and not (self.ending or self.doubtful):
                assert let_in, "the password that was acknowledged last opens nothing"
        for number in range(DEVICES):
            self.back(number)


NUMBER, WHICH = st.integers(0, DEVICES - 1), st.sampled_from([0, 0, 1, 2])
STEP = st.one_of(
    st.tuples(st.sampled_from(["passwd", "passwd", "log in", "log in", "back", "say"]), NUMBER, WHICH, WHICH),
    st.tuples(st.sampled_from(["passwd", "log in", "delete", "log out"]), NUMBER, WHICH, WHICH),
    st.tuples(st.sampled_from(["hold", "hold", "let go", "one", "last", "last"]), *[st.just(0)] * 3),
    st.tuples(st.sampled_from(["slow", "full", "well", "well", "commit", "crash"]), *[st.just(0)] * 3),
)
HOLD, ONE, LAST, LET_GO = [(what, 0, 0, 0) for what in ("hold", "one", "last", "let go")]
SLOW, FULL = ("slow", 0, 0, 0), ("full", 0, 0, 0)
CHANGED = ("passwd", 0, 0, 1)


@settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))
@example([HOLD, ("log in", 1, 0, 0), CHANGED, LAST, LAST, LET_GO])
@example([HOLD, CHANGED, ("passwd", 1, 0, 2), ONE, ONE, LAST, LET_GO])
@example([HOLD, ("log in", 1, 0, 0), ("delete", 0, 0, 0), LAST, LET_GO, ("back", 1, 0, 0)])
@example([HOLD, ("delete", 0, 0, 0), CHANGED, ("passwd", 1, 0, 1), LAST, LET_GO])
@example([HOLD, CHANGED, ("log out", 1, 0, 0), LET_GO, ("log in", 2, 0, 0), ("log in", 1, 1, 0)])
@example([SLOW, CHANGED, ("log in", 1, 1, 0), FULL, ("log in", 2, 0, 0)])
@example([SLOW, ("delete", 0, 0, 0), ("log in", 1, 0, 0), ("crash", 0, 0, 0), ("back", 1, 0, 0)])
@example([SLOW, *[("passwd", 0, 0, 0)] * 2, ("passwd", 1, 0, 1), ("passwd", 0, 1, 0)])
@example([HOLD, ("passwd", 1, 0, 1), ("log in", 0, 0, 0), ("passwd", 0, 0, 0)])
@given(st.lists(STEP, min_size=4, max_size=30))
def test_nobody_is_let_in_by_what_opens_nothing(steps):
    life = Life()
    for step in steps:
        life.step(*step)
    life.settle()
    life.check()
