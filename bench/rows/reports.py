"""(l) Audit PDFs: entries and pages a second, memory, beside one LongTable; reports a second with two workers."""

import math
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import pikepdf

from bench.apart import Start, together
from bench.peers import one_table
from bench.results import Cell, Section, Target, at_least
from bench.stage import Stage
from domain.audit_report import AuditReport, Language, ReportedChain
from local.install import FONTS
from reports.document import render
from reports.words import Words
from stores.history_spool import Spool
from tests.audit_reports import chained, long_story, report

COLUMNS: Final = ("entries", "way", "seconds", "entries/s", "pages/s", "pages", "file MB", "RSS MiB")
FASTER_THAN_TABLE: Final = 10.0
EXPONENT_MAX: Final = 1.1
RSS_MIB_MAX: Final = 400.0
SMALL_ENTRIES: Final = 30
"""A report of every day."""
MB: Final = 1_000_000


class Drawn(msgspec.Struct, frozen=True):
    """A document that was made, in a process of its own."""

    seconds: float
    pages: int
    size: int
    rss_mib: float


def ours(start: Start, entries: int) -> Drawn:
    """As the worker does it: entries from a spool, fonts loaded by an earlier report."""
    given = spooled(entries)
    return _drawn(start, lambda out: _render(given, out))


def as_table(start: Start, entries: int) -> Drawn:
    """As one LongTable."""
    given = spooled(entries)
    return _drawn(start, lambda out: one_table.render(given.entries(), Words(Language.KOREAN), out))


def many(start: Start, reports: int) -> int:
    """Small reports, one after another; how many."""
    given = spooled(SMALL_ENTRIES)
    with tempfile.TemporaryDirectory() as folder:
        _render(given, Path(folder, "first.pdf"))
        start()
        for _ in range(reports):
            _render(given, Path(folder, "report.pdf"))
    return reports


def spooled(entries: int) -> AuditReport:
    """A report of so many entries, which lie in a file as the job keeps them."""
    spool = Spool()
    for last in chained(long_story(entries)):
        spool.add(last)
    return replace(report(), entries=spool, chain=ReportedChain(length=entries, head=last.entry_hash, faults=()))


def _render(given: AuditReport, out: Path) -> None:
    with out.open("wb") as file:
        render(given, file, FONTS, lambda *_: None)


def _drawn(start: Start, draw: Callable[[Path], None]) -> Drawn:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "report.pdf")
        _render(report(), out)  # loads the fonts
        start()
        began = time.perf_counter()
        draw(out)
        seconds = time.perf_counter() - began
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        with pikepdf.open(out) as pdf:
            return Drawn(seconds, len(pdf.pages), out.stat().st_size, rss)


def measure(stage: Stage) -> list[Section]:
    """Row l."""
    sizes = stage.sizes
    with stage.show.part("l: audit PDFs", len(sizes.report_entries) + 3):
        found = {}
        for entries in (*sizes.report_entries, sizes.table_entries):
            found[entries] = together(ours, [(entries,)])[0].value
            stage.show.step(f"  {entries:,} entries: {entries / found[entries].seconds:,.0f} entries/s")
        table = together(as_table, [(sizes.table_entries,)])[0].value
        stage.show.step(f"  {sizes.table_entries:,} entries in one table: {table.seconds:.1f} s")
        per_s = _reports_per_s(sizes.reports)
        stage.show.step(f"  two workers: {per_s:.1f} reports/s of {SMALL_ENTRIES} entries")
    lines = [_line(entries, "ours", found[entries]) for entries in sorted(found)]
    lines.append(_line(sizes.table_entries, "one LongTable", table))
    return [_section(lines, _targets(found, sizes.table_entries, table), per_s)]


def _reports_per_s(reports: int) -> float:
    began = 0.0

    def note() -> None:
        nonlocal began
        began = time.perf_counter()

    done = together(many, [(reports,), (reports,)], note)
    return sum(one.value for one in done) / (time.perf_counter() - began)


def _line(entries: int, way: str, drawn: Drawn) -> Sequence[Cell]:
    speed = entries / drawn.seconds
    pages = drawn.pages / drawn.seconds
    return (entries, way, drawn.seconds, speed, pages, drawn.pages, drawn.size / MB, drawn.rss_mib)


def _targets(found: dict[int, Drawn], table_entries: int, table: Drawn) -> list[Target]:
    *_, before, largest = sorted(entries for entries in found if entries != table_entries)
    exponent = math.log(found[largest].seconds / found[before].seconds) / math.log(largest / before)
    rss = found[largest].rss_mib
    faster = table.seconds / found[table_entries].seconds
    return [
        at_least(f"(l) audit PDF of {table_entries:,} entries / one LongTable", faster, FASTER_THAN_TABLE),
        Target(
            f"(l) growth of time, {before:,} to {largest:,} entries",
            f"exponent ≤ {EXPONENT_MAX:g}",
            f"{exponent:.2f}",
            exponent <= EXPONENT_MAX,
        ),
        Target(f"(l) memory, {largest:,} entries", f"< {RSS_MIB_MAX:g} MiB", f"{rss:.0f} MiB", rss < RSS_MIB_MAX),
    ]


def _section(lines: list[Sequence[Cell]], targets: list[Target], per_s: float) -> Section:
    return Section(
        row="l",
        title="audit PDFs",
        about=f"""\
Before signing: brief, every entry, how to verify, tags, and the whole chain as an attached file; entries come from a
spool in a file, as in the job. One LongTable is the annex alone, the same words as paragraphs in the same columns, no
tags, one font, nothing attached. RSS is the highest of the process, fonts included. Two workers at once draw
{per_s:.1f} reports of {SMALL_ENTRIES} entries a second.""",
        columns=COLUMNS,
        lines=lines,
        targets=targets,
    )
