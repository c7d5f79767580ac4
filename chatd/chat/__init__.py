"""The chat itself: logs and cursors, rooms, members, sessions, and the hub that numbers events into batches.

Never here: sockets, SQL, Twisted, a clock: time comes in as an argument, effects go out. The server calls it;
the store implements its `Store` protocol.
"""
