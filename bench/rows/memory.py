"""(g) Memory of each process after work, and what a message that was taken costs the journal."""

from typing import Final

from bench.meter import Meter
from bench.results import Cell, Section
from bench.stage import Stage

COLUMNS: Final = ("process", "processes", "RSS MiB", "PSS MiB")
MIB: Final = 1 << 20
JOURNAL_MESSAGES_MAX: Final = 40_000
"""Taken and weighed within the time that the journal keeps entries: none is trimmed in between."""


def measure(stage: Stage) -> list[Section]:
    """Row g."""
    with stage.show.part("g: memory", 2):
        each = journal_bytes(stage)
        stage.show.step(f"  the journal: {each['used']:,.0f} bytes of memory a message")
        lines = lines_of_memory(stage.meter)
        stage.show.step()
    section = Section(
        row="g",
        title="memory",
        about=f"""\
MiB of each process after the work of the rows before, by service; PSS counts a page that processes share
by shares. A message that was taken (about 400 bytes of text, 500 in a bulk, 10 in a row) adds {each["used"]:,.0f} bytes
to the journal's memory, of them {each["stream"]:,.0f} in the stream until it is trimmed (20 s) and the rest for its
idempotency key (one minute, or ten with a `client_id`), and {each["file"]:,.0f} bytes to its file until that is
rewritten.""",
        columns=COLUMNS,
        lines=[*lines],
        samples={f"journal, {name}": [value] for name, value in each.items()},
    )
    return [section]


def journal_bytes(stage: Stage) -> dict[str, float]:
    """Bytes a message, in all memory, in the stream and in the file."""
    stage.show.say("waiting until the journal has forgotten what came before")
    stage.stream.settle()
    messages = min(JOURNAL_MESSAGES_MAX, stage.sizes.bulk_messages)
    stage.stack.stop("worker-messages")
    before = stage.stream.weight()
    stage.post(stage.script(messages, 10))
    after = stage.stream.weight()
    stage.stack.start("worker-messages")
    stage.stream.wait_stored()
    return {name: (after[name] - before[name]) / messages for name in before}


def lines_of_memory(meter: Meter) -> list[tuple[Cell, ...]]:
    """Every process, the children of a worker as one line."""
    lines: list[tuple[Cell, ...]] = []
    measured = meter.memory()
    for name, found in measured.items():
        main, children = found[:1], found[1:]
        for label, several in ((name, main), (f"{name}, each child", children)):
            if several:
                rss = sum(memory.rss for memory in several) / len(several) / MIB
                lines.append((label, len(several), rss, sum(m.pss for m in several) / len(several) / MIB))
    every = [memory for found in measured.values() for memory in found]
    lines.append(("all together", len(every), None, sum(memory.pss for memory in every) / MIB))
    return lines
