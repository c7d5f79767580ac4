"""The page's machine does what the companion client's does, whatever happens, and keeps the same promises."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from chatd.wire import messages as m
from tests.client.core.test_promises import Promises
from tests.page.worlds import TwinWorld


class Twins(Promises):
    def made(self):
        return TwinWorld()

    @rule(kind=st.sampled_from(["leave", "join", "topic", "nick", "read", "members"]), again=st.booleans())
    def order(self, kind, again):
        room = "#a" if again else "#b"
        message = {
            "leave": m.Leave(id=0, room="#b"),
            "join": m.Join(id=0, room=room),
            "topic": m.Topic(id=0, room=room, text="tea"),
            "nick": m.Nick(id=0, nick="ann"),
            "read": m.Read(id=0, room=room, seq=1),
            "members": m.Members(id=0, room=room),
        }[kind]
        _, effects = self.world.machine.orders.ask(message, self.world.now)
        self.world.perform(effects)

    @rule(on=st.booleans())
    def freeze(self, on):
        self.world.perform(self.world.machine.reading(on, self.world.now))

    @rule()
    def hurry(self):
        self.world.perform(self.world.machine.hurry(self.world.now))

    @rule(room=st.sampled_from(["#a", "#b"]), kind=st.sampled_from(["topic", "react", "nick"]))
    def others_do(self, room, kind):
        self.world.server.post(room, "bob", "cake", kind)


Twins.TestCase.settings = settings(Promises.TestCase.settings, max_examples=40)
TestTwins = Twins.TestCase
