"""Draws each section's chart as a PNG."""

from pathlib import Path
from typing import Final

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

from bench.results import Chart, Results, cell

GROUP_WIDTH: Final = 0.8
INCHES: Final = (9.0, 4.5)
DPI: Final = 110


def draw_all(results: Results, folder: Path, name: str) -> None:
    """`name`-ROW.png for each section that has a chart."""
    for section in results.sections:
        if section.chart:
            draw(section.chart, folder / f"{name}-{section.row}.png")


def draw(chart: Chart, path: Path) -> None:
    """Grouped bars with their values."""
    figure, axes = plt.subplots(figsize=INCHES, dpi=DPI, layout="constrained")
    width = GROUP_WIDTH / len(chart.series)
    for number, (label, values) in enumerate(chart.series.items()):
        offset = (number - (len(chart.series) - 1) / 2) * width
        bars = axes.bar([place + offset for place in range(len(values))], values, width, label=label)
        axes.bar_label(bars, [cell(value) for value in values], padding=2, fontsize=7)
    axes.set_xticks(range(len(chart.groups)), chart.groups)
    axes.set_title(chart.title)
    axes.set_ylabel(chart.unit)
    if chart.logarithmic:
        axes.set_yscale("log")
    if len(chart.series) > 1:
        axes.legend()
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    figure.savefig(path)
    plt.close(figure)
