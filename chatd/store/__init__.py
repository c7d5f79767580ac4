"""Where events are kept: the `chatd.chat.storage.Store` protocol over SQLite (apsw).

Never here: rules of chat, anything of the wire but opaque bytes.
The service builds it; the server hands it batches and asks it for pages.
"""
