"""(e) From the 202 to readable: how long after "taken" a reader sees a message, at a third of what we can do."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Final

import msgspec

from bench.apart import Start, together
from bench.load import Load, beside, checked
from bench.results import Cell, Chart, Section, below_ms, percentile
from bench.sender import LOOPBACK
from bench.stage import Stage

TARGET_MS: Final = 250.0
PROBERS: Final = 2
LOOK_S: Final = 0.01
"""How often a reader looks: what is found is late by at most this and one read."""
READABLE_S_MAX: Final = 60.0
LOAD_S_MORE: Final = 3.0
"""The load outlasts the probes, whose process takes a while to start."""
WINDOWS: Final = 2
"""As long as other rows' windows, so often."""


class _Said(msgspec.Struct):
    seq: int


class _Page(msgspec.Struct):
    messages: list[_Said]


@dataclass(slots=True)
class Prober:
    """A participant who says something, looks for it until it is there, and goes on."""

    port: int
    key: str
    event_id: int
    user_id: int
    found_ms: list[float] = field(default_factory=list)
    """From each 202 to the page that shows the message."""

    def probe(self, until: float) -> None:
        """Until that time of time.monotonic()."""
        connection = HTTPConnection(LOOPBACK, self.port, timeout=READABLE_S_MAX)
        for number in itertools.count():
            if time.monotonic() > until:
                connection.close()
                return
            said = msgspec.json.decode(self._call(connection, "POST", "", f"probe {number}"), type=_Said)
            taken = time.monotonic()
            while self._last_seen(connection) < said.seq:
                if time.monotonic() - taken > READABLE_S_MAX:
                    raise TimeoutError(f"A message was not readable {READABLE_S_MAX:.0f} s after its 202.")
                time.sleep(LOOK_S)
            self.found_ms.append((time.monotonic() - taken) * 1_000)

    def _last_seen(self, connection: HTTPConnection) -> int:
        page = msgspec.json.decode(self._call(connection, "GET", f"?as_user={self.user_id}&limit=1"), type=_Page)
        return page.messages[0].seq if page.messages else 0

    def _call(self, connection: HTTPConnection, method: str, query: str, message: str = "") -> bytes:
        body = msgspec.json.encode({"actor_id": self.user_id, "message": message}) if message else None
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        connection.request(method, f"/v1/events/{self.event_id}/messages{query}", body, headers)
        return connection.getresponse().read()


def measure(stage: Stage) -> list[Section]:
    """Row e."""
    seconds = stage.sizes.window_s * WINDOWS
    loads = {
        "nothing else": None,
        "bulks, a third of b": stage.bulk_load(stage.capacity() / 3, seconds + LOAD_S_MORE),
        "single requests, a third of c": stage.singles_load(stage.singles_capacity() / 3, seconds + LOAD_S_MORE),
    }
    lines: list[tuple[Cell, ...]] = []
    samples: dict[str, list[float]] = {}
    with stage.show.part("e: from 202 to readable", len(loads)):
        for label, load in loads.items():
            found, per_second = _beside(stage, load, seconds)
            samples[label] = found
            p50, p99 = percentile(found, 50), percentile(found, 99)
            lines.append((label, per_second, len(found), p50, p99, max(found)))
            stage.show.step(f"  beside {label}: p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    section = Section(
        row="e",
        title="milliseconds from the 202 to readable over HTTP",
        about=f"""\
{PROBERS} participants each say something and ask for the event's last message every
{LOOK_S * 1_000:.0f} ms until it is theirs. Beside them a third of the load that rows b and c reach.""",
        columns=("beside", "messages/s", "probes", "p50 ms", "p99 ms", "longest ms"),
        lines=list(lines),
        targets=[
            below_ms(f"e: p99 from 202 to readable, beside {label}", percentile(samples[label], 99), TARGET_MS)
            for label, load in loads.items()
            if load
        ],
        chart=Chart(
            "From 202 to readable",
            "ms",
            list(samples),
            {f"p{percent}": [percentile(found, percent) for found in samples.values()] for percent in (50, 99)},
        ),
        samples=samples,
    )
    return [section]


def probe_all(start: Start, probers: list[Prober], seconds: float) -> list[float]:
    """Milliseconds of each probe. For a process of its own."""
    start()
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(len(probers)) as threads:
        list(threads.map(lambda prober: prober.probe(until), probers))
    return [ms for prober in probers for ms in prober.found_ms]


def _beside(stage: Stage, load: Load | None, seconds: float) -> tuple[list[float], float]:
    """Milliseconds of each probe, and the messages a second beside them."""
    cast = stage.cast
    places = range(PROBERS)
    probers = [Prober(stage.port, stage.key, cast.event_ids[n], cast.talkers(n)[0]) for n in places]
    if load is None:
        return together(probe_all, [(probers, seconds)])[0].value, 0.0
    with beside(load) as sending:
        found = together(probe_all, [(probers, seconds)])[0].value
        sent = checked(sending.done())
    stage.stream.wait_stored()
    return found, sent.accepted / sent.seconds
