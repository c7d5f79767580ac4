"""Files on their way, for both sides: what may be sent next, what may come, and what a disk holds of it.

Nothing here knows of connections, users or rooms; `partial` and `strand` are for threads, the rest is pure.
The client and the server both call it, and chat asks `names` what a file may be called.
"""
