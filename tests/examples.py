"""How many examples hypothesis tries of what is heavy."""

from hypothesis import settings

USUAL = 100
"""The number of examples that hypothesis tries by itself."""


def examples(count: int) -> int:
    """Return ``count``, or less or more, as the profile that is loaded has less or more than is usual."""
    return max(1, count * settings.default.max_examples // USUAL)
