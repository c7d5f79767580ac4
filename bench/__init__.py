"""Benchmarks: chatd beside a bare C loop, and each figure with the limit that stands behind it.

Run ``python -m bench all`` from the root of the checkout; docs/PERFORMANCE.md tells the method.
Nothing of chatd imports this; it uses chatd from outside: its command, its port, its wire.
"""
