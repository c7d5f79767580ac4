"""Search: what the words of a text are in any script, what a query asks for, and whether a text has it.

Pure rules, the same for the index and for the check of what it finds. Indexes, rooms, and who may read what
never live here. `chatd.store` asks for the terms of a text, `chatd.chat` for the meaning of a query.
"""
