"""Changes: the one way in which anything that is kept changes, whoever asks for it.

A change is applied in memory, which returns its inverse. So the data on disk is loaded by applying it, and
changes that could not be committed are taken back by applying their inverses, the last one first. Events and
the numbers of sends have a way of their own, in `chatd.chat.batch`: they are many, and taken back by a single
number. World and batch call `applying`; nobody else changes what `records` holds.

A new kind of change is a type of `rows`, with its place in the tables of `chatd.chat.storage`, and a function
in the module of its subject.
"""
