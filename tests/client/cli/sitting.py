"""Somebody at a console that is a sheet of paper."""

import re
from contextlib import contextmanager

from twisted.internet.defer import succeed

from chatd.client.cli.conversation import Conversation
from chatd.client.cli.hearing import Hearing
from chatd.client.cli.settings import Settings
from tests.client.entering import make_client

_DAY = re.compile("-- [A-Z][a-z]+ [0-9]+ [A-Z][a-z]+ [0-9]+ --")


class Paper:
    """A console that keeps what it is given; ``lines`` is all of it, without days and times of day.

    ``painted`` counts how often it was painted again, with what ``rows`` returns. What comes by itself has
    its numbers in ``numbered`` alone.
    """

    def __init__(self, *, interactive):
        self.interactive = interactive
        self.shown, self.notes, self.lines, self.days = [], [], [], []
        self.loud, self.numbered = [], []
        self.hearing = False
        self.closed = self.listening = False
        self.painted = self.rung = 0
        self.secrets, self.asked = [], []
        self.rows = tuple

    def open(self):
        pass

    def listen(self):
        self.listening = True

    def show(self, text, nick="", *, loud=False, number=0):  # noqa: ARG002 - the colour of a name
        if self.hearing and number:
            self.numbered.append(text[6:])
            text = text.replace(f" {number} ", " ", 1)
        self.loud += [text] if loud else []
        if _DAY.match(text):
            self.days.append(text)
            return
        line = text[6:] if text[2:3] == ":" else text
        self.shown.append(line)
        self.lines.append(line)

    def ring(self):
        self.rung += 1

    def note(self, text):
        self.notes.append(text)
        self.lines.append(text)

    def ask_secret(self, prompt):
        """Give the next of ``secrets``, as somebody who types it."""
        self.asked.append(prompt)
        return succeed(self.secrets.pop(0))

    def end_secrets(self):
        """Show again what is typed."""
        self.asked.append("")

    def refresh(self):
        self.painted += 1
        self.rows()

    def drained(self):
        return succeed(None)

    def close(self):
        self.closed = True


class Person:
    """Somebody at a console of ``client``; ``type`` enters lines and lets time go by in ``world``."""

    def __init__(self, world, client, *, interactive=True, recent=0, bell="mentions"):
        self.world = world
        self.client = client
        self.talk = Conversation(world.clock, client)
        self.hearing = Hearing(self.talk, world.clock, Settings(recent, bell))
        self.paper = Paper(interactive=interactive)
        self.paper.rows = self.talk.waiting_rows
        self.talk.begin(self.paper)
        client.subscribe(self._heard)

    def _heard(self, notice):
        self.paper.hearing = True
        self.hearing.heard(notice)
        self.paper.hearing = False

    def type(self, *lines, wait=0.5):
        """Enter ``lines``, ``wait`` seconds apart; return what is on the paper since."""
        before = len(self.paper.lines)
        for line in lines:
            self.talk.line(line)
            self.world.advance(wait)
        return self.paper.lines[before:]

    @property
    def prompt(self):
        return self.talk.prompt()

    def leave(self):
        """End as chatc does, which stops the client once the read marks are told."""
        marked = self.hearing.finish()
        self.talk.finish()
        while not marked.called:
            self.world.advance(0.05)


@contextmanager
def seated(world, *nicks, **options):
    """Seat people who are all in #tea, the first of whom owns it; in the end all of them leave.

    Their clients have ``options``.
    """
    people = {nick: Person(world, make_client(world, nick, **options)) for nick in nicks}
    for somebody in people.values():
        somebody.client.start()
        world.advance(0.5)
        somebody.type("/join #tea")
    yield people
    for somebody in people.values():
        somebody.leave()
        somebody.client.stop()
        somebody.talk.over.addErrback(lambda _: None)
    world.advance(5)
