"""Several machines with one log: what the leader decides as records of one stream, which all nodes take in.

Nothing of a single node imports this. No rules of chat live here, and no SQL; the pure modules have no I/O.
"""
