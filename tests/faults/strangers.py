"""Strangers who mean no good: what a fuzzed session says, with accounts, rooms and files, whole or broken."""

import hashlib

from chatd.wire import lines
from chatd.wire import messages as m
from chatd.wire.frames import chunk
from chatd.wire.native import encode

ROOMS = [m.Join(id=1, room="#a"), m.Join(id=2, room="#b")]

EMPTY = hashlib.sha256(b"").hexdigest()
THOUSAND = hashlib.sha256(b"x" * 1000).hexdigest()

GOOD_CODES = [f"code-{number}" for number in range(3)]
"""Codes of invitations that serve at the beginning."""

ENCODE = {"native": encode, "json-lines": lines.encode}


def password_of(nick, dice):
    """Return one of the passwords that ``nick`` may have had, or one that nobody has."""
    return dice.choices([f"first of {nick}", f"second of {nick}", "wrong", "x"], (10, 5, 2, 1))[0]


class Stranger:
    """What somebody says who means no good.

    ``crowd`` are the numbers of those who are there meanwhile, ``codes`` those of invitations that somebody
    has heard of.
    """

    def __init__(self, dice, number, crowd, codes=(), speaks="native"):
        self.dice = dice
        self.speaks = speaks
        self.encode = ENCODE[speaks]
        self.crowd = crowd
        self.codes = codes
        self.nick = f"n{number}"
        self.orders_often = 0.2
        self.ids = len(ROOMS)
        self.steps = []
        self.accepted = self.n = self.transfers = self.uploads = 0

    def chunk(self, *content):
        """Return a chunk, or a blank line where there are none."""
        return chunk(*content) if self.speaks == "native" else b"\n"

    def request(self):
        """Return the bytes of a request that makes sense, or might."""
        dice = self.dice
        self.ids += 1
        room = dice.choices(["#a", "#b", f"@{self.somebody()}", f"#{self.nick}", "#none"], (20, 20, 2, 2, 1))[
            0
        ]
        return dice.choices((self.ask, self.post, self.transfer), (6, 5, 2))[0](self.ids, room)

    def somebody(self):
        """Return the nick of somebody who may be there."""
        return f"n{self.dice.choice(self.crowd)}"

    def greeting(self):
        """Return the fields of a hello with a password, right or wrong, of an account or a new one."""
        dice = self.dice
        nick = self.nick if dice.random() < 0.7 else self.somebody()
        register = dice.random() < 0.6
        code = dice.choice([*self.codes[-3:], "", "guess"]) if register else ""
        return {
            "nick": nick,
            "password": password_of(nick, dice),
            "register": register,
            "invite": code,
        }

    def ask(self, ids, room):
        """Return a request that nothing follows."""
        dice = self.dice
        requests = [
            m.Join(id=ids, room=room),
            m.Leave(id=ids, room=room),
            m.Topic(id=ids, room=room, text="t" * dice.randrange(50)),
            m.Read(id=ids, room=room, seq=dice.randrange(50)),
            m.History(id=ids, room=room, limit=dice.randrange(1, 100)),
            m.ListRooms(id=ids, after=dice.choice(["", "#a"])),
            m.Members(id=ids, room=room, after=dice.choice(["", self.nick])),
        ]
        fate = dice.random()
        if fate < self.orders_often:
            requests = self.orders(ids, room)
        elif fate < self.orders_often + 0.15:
            requests = self.accounts(ids)
        return self.encode(m.Ping(data="p")) if dice.random() < 0.15 else self.encode(dice.choice(requests))

    def orders(self, ids, room):
        """Return requests that keep order, or would if the one who asks were somebody."""
        dice = self.dice
        others = [self.nick, "nobody", "10.0.0.0/8", "127.0.0.0/8", "\x1b[2J"]
        whom = self.somebody() if dice.random() < 0.7 else dice.choice(others)
        seconds = dice.choice([0, 1, 60])
        return [
            m.InviteTo(id=ids, room=room, whom=whom),
            m.Decline(id=ids, room=room),
            m.Kick(id=ids, room=room, whom=whom, reason="r" * dice.randrange(600)),
            m.Ban(id=ids, room=room, whom=whom, seconds=seconds),
            m.Unban(id=ids, room=room, whom=whom),
            m.Mute(id=ids, room=room, whom=whom, seconds=seconds),
            m.Acts(id=ids, room=room),
            m.Role(id=ids, room=room, whom=whom, role=dice.choice(["owner", "moderator", "member", "king"])),
            m.Set(
                id=ids,
                room=room,
                rule=dice.choice(["kind", "history", "slow", "archived", "posting", "topic", "colour"]),
                value=dice.choice(["private", "public", "read-only", "since-join", "1", "yes", "owner", ""]),
            ),
            m.DeleteRoom(id=ids, room=room),
            m.Unmute(id=ids, room=room, whom=whom),
            m.Block(id=ids, whom=whom),
            m.Unblock(id=ids, whom=whom),
            m.Allow(id=ids, direct=dice.choice(["everybody", "shared", "nobody", "whoever"])),
            m.Nick(id=ids, nick=dice.choice([f"{self.nick}x", "n\u0430", "n\u202e", self.nick])),
        ]

    def accounts(self, ids):
        """Return requests about the account of who asks, or that would be if there were one."""
        dice = self.dice
        return [
            m.Register(id=ids, password=password_of(self.nick, dice), invite=dice.choice([*self.codes, ""])),
            m.Passwd(id=ids, password=password_of(self.nick, dice), old=password_of(self.nick, dice)),
            m.Passwd(id=ids, password=password_of(self.nick, dice)),
            m.Sessions(id=ids),
            m.Invite(id=ids, uses=dice.choice([1, 1000]), days=dice.choice([1, 365])),
            m.End(id=ids, session=dice.randrange(60)),
            m.Logout(id=ids, everywhere=dice.random() < 0.5),
            m.DeleteAccount(id=ids, password=password_of(self.nick, dice), erase=dice.random() < 0.5),
        ]

    def post(self, ids, room):
        """Return sends of texts, or of a file that may not be there."""
        dice = self.dice
        if dice.random() < 0.2:
            self.n += 1
            file = m.File(sha256=dice.choice([EMPTY, THOUSAND]), name="f", size=dice.choice([0, 1000]))
            return self.encode(m.Send(id=ids, room=room, n=self.n, text="", file=file))
        count = dice.choice([1, 1, 3, 20])
        size = dice.choice([1, 100, 16_000])
        self.ids += count
        self.n += count
        first = self.n - count + 1
        return b"".join(
            self.encode(m.Send(id=self.ids - i, room=room, n=first + i, text="x" * size))
            for i in range(count)
        )

    def transfer(self, ids, room):
        """Return what begins a transfer, or belongs to one that was perhaps begun."""
        dice = self.dice
        digest, offset = dice.choice([EMPTY, "1" * 64, THOUSAND]), dice.choice([0, 0, 500])
        size, old, new = dice.choice([0, 500, 1000, 1000]), max(1, self.transfers), self.transfers + 1
        kind = dice.choices(range(6), (9, 9, 6, 6, 1, 24))[0] if self.transfers else dice.randrange(2)
        self.transfers += kind in {0, 1, 5}
        if kind in {0, 5}:
            self.uploads = new
        if kind == 5:
            return self.put(ids, room, new)
        if kind == 0:
            return self.encode(m.Upload(id=ids, transfer=new, size=size, sha256=digest))
        if kind == 1:
            wanted = {"seq": dice.randrange(1, 20)} if dice.random() < 0.5 else {"file": digest}
            return self.encode(m.Download(id=ids, transfer=new, room=room, offset=offset, **wanted))
        if kind == 2:
            return self.encode(m.Progress(transfer=old, received=size, stored=size))
        if kind == 3:
            return self.encode(m.Cancel(transfer=old, code="cancelled", text=""))
        return self.chunk(self.uploads or old, offset, b"x" * max(1, size))

    def put(self, ids, room, transfer):
        """Begin a whole upload; its data, its post, and a download follow with the next deeds."""
        self.ids += 2
        self.transfers += 1
        file = m.File(sha256=THOUSAND, name="f", size=1000)
        self.steps = [
            lambda: self.chunk(transfer, 0, b"x" * 1000),
            lambda: self.encode(m.Send(id=ids + 1, room=room, n=self.accepted + 1, text="", file=file)),
            lambda: self.encode(m.Download(id=ids + 2, transfer=transfer + 1, room=room, file=THOUSAND[:12])),
            lambda: self.encode(m.Progress(transfer=transfer + 1, received=1000, stored=1000)),
        ]
        return self.encode(m.Upload(id=ids, transfer=transfer, size=1000, sha256=THOUSAND))

    def deed(self):
        """Return what to send, and whether to "abort" or "close" after it."""
        dice, self.n = self.dice, self.accepted
        data = b"".join(self.request() for _ in range(0 if self.steps else dice.randrange(1, 6)))
        data += self.steps.pop(0)() if self.steps else b""
        fate = dice.random()
        if fate < 0.03:
            data = bytearray(data)
            for _ in range(dice.randrange(1, 4)):
                data[dice.randrange(len(data))] = dice.randrange(256)
        elif fate < 0.05:
            data += b"\x00\x00\x00\x01\xee"
        elif fate < 0.06:
            data = data[: dice.randrange(len(data))]
        return bytes(data), "abort" if fate > 0.98 else "close" if fate > 0.97 else ""
