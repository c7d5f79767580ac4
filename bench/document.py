"""The table in docs/PERFORMANCE.md, kept between two markers."""

from pathlib import Path

from bench.common import BenchError
from bench.server import ROOT

PAGE = ROOT / "docs" / "PERFORMANCE.md"
BEGIN = "<!-- python -m bench all: begin -->"
END = "<!-- python -m bench all: end -->"


def update(table: str, page: Path = PAGE) -> None:
    """Put ``table`` between the page's markers."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BenchError(f"{page} lacks the markers {BEGIN} and {END}; put them where the table is to be.")
    page.write_text(f"{before}{BEGIN}\n\n{table}\n{END}{after}")
