"""What the client keeps on disk: sessions, cursors, the outbox and uploads, in a folder per profile.

Never here: links, Twisted.
The API, the driver and the commands call it.
"""
