"""The client's state machine: session, dialogue, links, rooms, outbox, requests, transfers; no I/O.

Never here: Twisted, a clock, files; time comes in, effects go out.
The driver feeds it; all other folders of the client may ask it for its values.
"""
