"""The laboratory: hosts in network namespaces, real programs on them, and faults between them.

Never here: what ought to happen; that is for the cases and the tests.
"""
