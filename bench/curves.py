"""What the plots show."""

from dataclasses import dataclass, field

Points = dict[str, list[tuple[float, float]]]
"""Per server, points of (x, y)."""


@dataclass(slots=True)
class Curves:
    """Points of (members, µs of CPU), (messages/s, ms p50) and (messages/s, ms p99)."""

    cost: Points = field(default_factory=dict)
    median: Points = field(default_factory=dict)
    tail: Points = field(default_factory=dict)
