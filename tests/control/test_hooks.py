"""Hooks as operators make, list and drop them."""

from chatd.control import messages as c
from chatd.control.rows import HookRow
from chatd.wire import messages as m
from tests.helpers import come_in


def done(site, asked):
    """Return the end of the answer to ``asked``."""
    asker = site.connect()
    asker.ask(asked)
    site.playground.advance(0.5)
    (ended,) = asker.ended
    return ended


def test_operators_make_list_and_drop_hooks(site):
    ann = come_in(site.playground, "ann", m.Join(id=1, room="#tea"))
    made = done(site, c.AskHookAdd(name="ci", room="#tea"))
    assert "/hooks/" in made.text
    told = done(site, c.AskHookAdd(name="mirror", room="#tea", url="https://example.org/chat"))
    assert "secret" in told.text
    rows = site.ask(c.AskHooks(room="#tea"), HookRow)
    assert [(row.room, row.name, row.url) for row in rows] == [
        ("#tea", "ci", ""),
        ("#tea", "mirror", "https://example.org/chat"),
    ]
    assert site.ask(c.AskHooks(where=["url=https*"]), HookRow) == rows[1:]
    assert "no hook" in done(site, c.AskHookDrop(name="ci", room="#tea")).text
    assert [row.name for row in site.ask(c.AskHooks(), HookRow)] == ["mirror"]
    assert [(event.kind, event.by) for event in ann.of(m.Event)][1:] == [("join", "ci"), ("leave", "ci")]


def test_what_cannot_be_made_is_said(site):
    come_in(site.playground, "ann", m.Join(id=1, room="#tea"))
    assert done(site, c.AskHookAdd(name="ci", room="#pea")).code == "no-such-room"
    assert done(site, c.AskHookAdd(name="ann", room="#tea")).code == "nick-taken"
    assert done(site, c.AskHookAdd(name="x", room="#tea", url="x")).code == "bad-value"
    assert done(site, c.AskHookDrop(name="x", room="#tea")).code == "no-such-hook"
