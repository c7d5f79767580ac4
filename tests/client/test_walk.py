"""What a text walks through in its clients: only what has something to do."""

import sys
from pathlib import Path

import chatd
from chatd.client.core.notices import Accepted, EventSeen

HOME = str(Path(chatd.__file__).parent) + "/"


def walked(act):
    """Return the modules of chatd in which functions are called while ``act`` runs, each call once."""
    calls = []

    def note(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(HOME):
            calls.append(frame.f_code.co_filename.removeprefix(HOME))

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return calls


def test_a_text_does_not_ask_for_files_where_none_is_on_its_way(world, enter):
    ann, bob = enter("ann", "#a"), enter("bob", "#a")
    world.advance(1)

    def say():
        ann.send("#a", "hello")
        world.advance(1)

    calls = walked(say)
    assert any(isinstance(notice, Accepted) for notice in ann.heard)
    assert any(isinstance(notice, EventSeen) for notice in bob.heard)
    assert "client/core/sends.py" in calls
    of_files = {f"client/core/{name}.py" for name in ("transfers", "agreements", "sending", "receiving")}
    assert not (of_files | {"files/pace.py", "files/outgoing.py"}) & set(calls)
