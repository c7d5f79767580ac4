"""A session that has ended is never there again, whatever is still said of it by whom holds it."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatd.chat.arrival import confirm, depart, end_session, note_seen
from chatd.testing import Playground
from tests.examples import examples
from tests.helpers import come_in, restart

STEPS = st.lists(
    st.tuples(st.sampled_from(["come", "end", "seen", "confirm", "depart", "wait"]), st.integers(0, 5)),
    max_size=25,
)


@settings(deadline=None, max_examples=examples(40))
@given(STEPS)
@example([("come", 0), ("end", 0), ("seen", 0)])
@example([("come", 0), ("end", 0), ("wait", 0), ("confirm", 0)])
@example([("come", 0), ("come", 1), ("end", 1), ("depart", 1), ("seen", 1)])
def test_what_has_ended_does_not_come_back(steps):
    playground = Playground()
    playground.start_server()
    world = playground.server.hub.world
    met, peers, ended = [], [], set()
    for number, (step, which) in enumerate(steps):
        if step == "come":
            come_in(playground, f"nick{number}")
            met.append(max(world.sessions.values(), key=lambda session: session.id))
            peers.append(met[-1].peer)
        elif step == "wait":
            playground.advance(1)
        elif met:
            session, peer = met[which % len(met)], peers[which % len(met)]
            if step == "end" and session.id not in ended:
                end_session(world, session, playground.wall())
                ended.add(session.id)
            elif step == "seen":
                note_seen(world, session)
            elif step == "confirm":
                confirm(world, session)
            elif step == "depart":
                there = session.digest in world.sessions
                depart(world, peer, playground.wall())
                if there and session.digest not in world.sessions:
                    ended.add(session.id)
        assert not ended & {session.id for session in world.sessions.values()}
        assert not ended & set(world.sessions_by_id)
    playground.server.hub._work()  # what was done here by hand goes to the disk
    playground.advance(1)
    restart(playground)
    assert not ended & set(playground.server.hub.world.sessions_by_id)
    assert not ended & set(playground.store.sessions)
