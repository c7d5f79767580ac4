"""The client's files on their way: what is read, hashed, written and put in place, beside the reactor.

Never here: connections; the state machine says what to do.
The driver and the commands call it.
"""
