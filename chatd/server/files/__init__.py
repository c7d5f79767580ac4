"""Files on the server: each connection's transfers, the library of contents, and the removal of contents.

Never here: who may read or post a file (`chatd.chat.files` decides), connections, work that blocks. Server,
connections and the wiring (`chatd.build`) call it; it calls the hub and `chatd.files`.
"""
