"""The index of words: what it has, what is taken in and cleared when, and how its table is written.

Only the thread that writes calls it, and nothing here knows who may read what.
"""
