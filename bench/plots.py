"""Plots of how cost and latency grow, with matplotlib where it is installed."""

from importlib.util import find_spec
from pathlib import Path

from bench.curves import Curves, Points

SIZE = (7.0, 4.2)


def draw(curves: Curves, folder: Path) -> list[str]:
    """Draw both plots into ``folder``; return sentences about what was not drawn, and why."""
    if find_spec("matplotlib") is None:
        return ["no plots: matplotlib is not installed (pip install -e '.[bench]')"]
    _draw(
        folder / "cost-by-members.png",
        [(curves.cost, "-")],
        ("CPU per delivery, 100 messages/s of 200 bytes", "members", "µs CPU per delivery"),
    )
    _draw(
        folder / "latency-by-load.png",
        [(curves.median, "-"), (curves.tail, ":")],
        ("Latency of deliveries, 1000 members (p50 —, p99 ···)", "messages/s", "ms"),
    )
    return []


def _draw(file: Path, families: list[tuple[Points, str]], words: tuple[str, str, str]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - optional, and slow to load
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=SIZE, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    title, across, up = words
    for points, style in families:
        for index, (who, line) in enumerate(points.items()):
            label = who if style == "-" else None
            xs, ys = zip(*line, strict=True)
            axes.plot(
                xs, ys, style, color=f"C{index}", marker=".", label=label, linewidth=2 if index == 0 else 1
            )
    axes.set(title=title, xlabel=across, ylabel=up, xscale="log", yscale="log")
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.legend()
    figure.savefig(file, metadata={"Software": None})
