"""Files, whatever happens: links are cut, the daemon is killed, transfers are cancelled; what comes is right.

One machine moves files between two clients and the real daemon over the in-memory network. At any moment:
what a client was told to be stored is on the disk, verified; what it downloads is what was uploaded; the
daemon holds no more than a window per transfer; nothing in its folder is half of something.
"""

import hashlib
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest
from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chatd.ops.settings import Config, FilesConfig
from chatd.server.files.library import SMALLEST
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.limits import WINDOW
from tests.examples import examples
from tests.helpers import hello
from tests.server.files.moving import Mover, content_of, digest_of, file_of

CONTENTS = [content_of(size, b"%d" % size) for size in (1, 5_000, 300_000, 2_500_000)]
NICKS = ["ada", "bob"]
ROOM = "#kitchen"


class Person:
    """One client: comes back, goes on with what it has to upload and download."""

    def __init__(self, nick):
        self.nick = nick
        self.token = ""
        self.mover = None
        self.n = 0

    @property
    def up(self):
        return self.mover is not None and self.mover.lost is None and bool(self.mover.of(m.Welcome))


class MovingFiles(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        self.folder = Path(mkdtemp(prefix="chatd-files-"))
        self.playground = Playground(Config(files=FilesConfig()), folder=self.folder)
        self.playground.start_server()
        self.people = [Person(nick) for nick in NICKS]
        self.have = {}
        self.posted = {}
        self.running = True
        for person in self.people:
            self.come(person)
        for which in (1, 3):
            self.put(0, which)
            self.playground.advance(1)
            self.note(self.people[0])
            self.post(0, which)
        assert len(self.posted) == 2
        self.playground.network.rate = 500_000

    # ---- people ---------------------------------------------------------------------------------

    def come(self, person):
        first = m.Hello(token=person.token) if person.token else hello(person.nick)
        person.mover = Mover(first, m.Join(id=1, room=ROOM))
        person.mover.uploads = {}
        person.mover.downloads = {}
        self.playground.connect(person.mover)
        self.playground.advance(0.2)
        (welcome,) = person.mover.of(m.Welcome)
        person.token = person.token or welcome.token
        person.n = welcome.last

    @rule(who=st.integers(0, 1))
    def come_back(self, who):
        person = self.people[who]
        if self.running and not person.up:
            self.come(person)

    @rule(who=st.integers(0, 1))
    def take_over(self, who):
        """Come with a new link while the daemon still believes in the old one."""
        if self.running:
            self.note(self.people[who])
            self.come(self.people[who])

    @rule(who=st.integers(0, 1), which=st.integers(0, len(CONTENTS) - 1))
    def cut_while_it_comes(self, who, which):
        self.playground.network.rate = 500_000
        self.put(who, which)
        self.playground.advance(0.5)
        self.cut(who)

    @rule(who=st.integers(0, 1))
    def cut(self, who):
        person = self.people[who]
        if person.up:
            self.note(person)
            person.mover.transport.abortConnection()

    @rule()
    def kill(self):
        if self.running:
            for person in self.people:
                self.note(person)
            self.playground.crash_server()
            self.running = False

    @precondition(lambda self: not self.running)
    @rule()
    def start(self):
        self.playground.start_server()
        self.running = True

    # ---- files ----------------------------------------------------------------------------------

    @rule(who=st.integers(0, 1), which=st.integers(0, len(CONTENTS) - 1))
    def put(self, who, which):
        person = self.people[who]
        if person.up:
            transfer, request = person.mover.put(CONTENTS[which])
            person.mover.uploads[transfer] = (which, request)
            self.playground.advance(0.1)

    @rule(who=st.integers(0, 1), which=st.integers(0, len(CONTENTS) - 1))
    def lie(self, who, which):
        """Promise one content and bring another."""
        person = self.people[who]
        if person.up:
            person.mover.put(CONTENTS[which], sha256=hashlib.sha256(b"lie").hexdigest())

    @rule(who=st.integers(0, 1), which=st.integers(0, len(CONTENTS) - 1))
    def post(self, who, which):
        person = self.people[who]
        if person.up:
            request = person.mover.post(ROOM, file_of(CONTENTS[which]), person.n + 1)
            self.playground.advance(0.1)
            answer = person.mover.answer(request)
            if isinstance(answer, m.Ok):
                person.n += 1
                if answer.seq is not None:  # else this number was accepted before, and the answer came late
                    self.posted[answer.seq] = which
            elif answer is not None and which in self.have.get(who, ()):
                raise AssertionError(answer)

    @precondition(lambda self: self.posted)
    @rule(who=st.integers(0, 1), data=st.data())
    def get(self, who, data):
        person = self.people[who]
        if person.up:
            seq = data.draw(st.sampled_from(sorted(self.posted)))
            content = CONTENTS[self.posted[seq]]
            offset = data.draw(st.integers(0, len(content)))
            transfer, request = person.mover.get(ROOM, seq, offset)
            person.mover.downloads[transfer] = (self.posted[seq], offset, request)
            self.playground.advance(0.2)

    @rule(who=st.integers(0, 1), transfer=st.integers(1, 4))
    def cancel(self, who, transfer):
        person = self.people[who]
        if person.up:
            person.mover._sources.pop(transfer, None)
            person.mover.say(m.Cancel(transfer=transfer))

    # ---- time -----------------------------------------------------------------------------------

    @rule(rate=st.sampled_from([None, 50_000, 500_000, 2_000_000]), seconds=st.sampled_from([0.05, 0.3, 1.5]))
    def pass_time(self, rate, seconds):
        self.playground.network.rate = rate
        self.playground.advance(seconds)

    @rule()
    def hold_the_disk(self):
        if self.running:
            self.playground.workers.held = True
            self.playground.advance(0.2)
            self.playground.workers.release()

    # ---- what must be true ----------------------------------------------------------------------

    def note(self, person):
        """Believe what a client was told."""
        if person.mover is None:
            return
        for transfer, (which, request) in person.mover.uploads.items():
            answer = person.mover.answer(request)
            done = person.mover.stored(transfer) == len(CONTENTS[which])
            if done or (isinstance(answer, m.Ok) and answer.offset == len(CONTENTS[which])):
                self.have.setdefault(self.people.index(person), set()).add(which)

    @invariant()
    def what_was_stored_is_there(self):
        for person in getattr(self, "people", []):
            self.note(person)
        for who in getattr(self, "have", {}):
            for which in self.have[who]:
                assert self.blob(CONTENTS[which]).read_bytes() == CONTENTS[which]

    def blob(self, content):
        return self.folder / "blobs" / digest_of(content)[:2] / digest_of(content)

    @invariant()
    def what_comes_is_right(self):
        for person in getattr(self, "people", []):
            for transfer, (which, offset, _) in person.mover.downloads.items():
                came = person.mover.came[transfer]
                event("something was downloaded" if came else "nothing was downloaded")
                assert came == CONTENTS[which][offset : offset + len(came)]

    @invariant()
    def every_blob_is_whole(self):
        for path in self.folder.glob("blobs/*/*") if hasattr(self, "folder") else ():
            assert path.name in {digest_of(content) for content in CONTENTS}
            assert path.stat().st_size in {len(content) for content in CONTENTS}

    @invariant()
    def memory_is_bounded(self):
        if not getattr(self, "running", False):
            return
        files = self.playground.server.files
        for upload in files.uploads._moving:
            if upload.writer is not None:
                assert upload.writer.incoming.waiting <= WINDOW + WINDOW // 2
        for download in files.downloads._moving:
            assert download.outgoing._held <= WINDOW
            assert download.outgoing.under_way <= WINDOW
        for person in self.people:
            assert not [error for error in person.mover.of(m.Error) if error.id is None], person.mover.heard

    def teardown(self):
        if not hasattr(self, "people"):
            return
        self.finish()
        if self.running:
            self.playground.crash_server()
        rmtree(self.folder)

    def finish(self):
        """Let everybody come back and bring every content: then all of it is there, and nothing else."""
        if not self.running:
            self.start()
        self.playground.network.rate = None
        self.playground.advance(2)
        for person in self.people:
            if not person.up:
                self.come(person)
        for which, content in enumerate(CONTENTS):
            transfer, request = self.people[0].mover.put(content)
            self.people[0].mover.uploads[transfer] = (which, request)
            self.playground.advance(2)
            if isinstance(self.people[0].mover.answer(request), m.Error):  # the other link is still at it
                transfer, request = self.people[0].mover.put(content)
                self.people[0].mover.uploads[transfer] = (which, request)
                self.playground.advance(2)
        self.note(self.people[0])
        assert self.have[0] == set(range(len(CONTENTS)))
        self.what_was_stored_is_there()
        assert self.playground.server.files.idle
        for person in self.people:
            person.mover.transport.abortConnection()
        self.playground.advance(2)
        files = self.playground.server.files
        assert not len(files.uploads)
        assert not len(files.downloads)
        sizes = sum(max(len(content), SMALLEST) for content in CONTENTS)
        assert files.used == sizes + sum(files.partial.values())


MovingFiles.TestCase.settings = settings(max_examples=examples(40), stateful_step_count=30, deadline=None)
TestMovingFiles = pytest.mark.slow(MovingFiles.TestCase)  # it moves megabytes, forty times
