"""The page of anomaly and capacity scenarios. ``python -m tests.history.page`` replays them in a real Prometheus and writes it, a
minute of work; with ``--check`` it only compares what this page and that of simulated incidents were made from, the rules and
the samples, which costs two seconds.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from monitoring_kit.live.backtest.jobs import jobs_of, recordings_of
from monitoring_kit.live.backtest.machine import Firing
from monitoring_kit.live.backtest.run import Options, run
from monitoring_kit.live.backtest.tsdb import PrivateServer, backfill, tool
from monitoring_kit.live.simulate.page import fingerprint as incidents_fingerprint
from monitoring_kit.live.simulate.page import rules_text
from monitoring_kit.live.simulate.scenario import library
from monitoring_kit.lower.model import Model, RecordingRule, RuleGroup
from monitoring_kit.pipeline import compile_spec
from monitoring_kit.stack.lab import Lab
from tests.history.scenarios import ANOMALY_DAYS, BEGINS, CHANGES, EVENT, LEAKS, History, anomaly, capacity, full_on
from tests.unit.lower.history_help import PER_DAY

ROOT = Path(__file__).parents[2]
PAGE, INCIDENTS = ROOT / "docs/anomaly-and-capacity.md", ROOT / "docs/simulation.md"
EXAMPLE = ROOT / "examples/ai-camera-counting/mkit.yaml"
# A Thursday at midnight, long ago: nothing of the page depends on when it is made.
START = 1_735_776_000
STEP = 86_400 // PER_DAY
DAY = 86_400_000
WHAT = {
    "quiet": "nothing",
    "growth": "nothing; the traffic grows by 1 % a day",
    "zero": "no traffic",
    "gone": "the series ends",
    "spike": "three times the traffic",
    "half": "half of the traffic",
    "less": "30 % less traffic",
    "seasonal": "35 % to 85 % every day",
    "rotated": "a log of 60 % rotated every day",
    "rotated weekly": "the same, every week",
    "noise": "70 % with a standard deviation of 8 %",
    "leak": "3.3 % a day from the first day on",
    "leak and season": "4 % a day from day 8 on, and 20 % up and down every day",
    "fast": "10 % a day from day 8 on",
}


@dataclass(frozen=True)
class Told:
    """What the alerts of a history did: firings by alert and case, and days to the limit by case and day."""

    firings: dict[tuple[str, str], list[Firing]]
    estimates: dict[tuple[str, int], float]


def model_of(history: History) -> Model:
    with TemporaryDirectory() as folder:
        path = Path(folder, "mkit.yaml")
        path.write_text(history.spec)
        made = compile_spec(path, None, {})
    assert made.model is not None, [d.message for d in made.report]
    return made.model


def _groups(model: Model) -> list[RuleGroup]:
    """All that the page is about: what is recorded of the series, and the alerts on it."""
    return [group for group in model.groups if group.name.startswith("history-")]


def replayed(history: History) -> Told:
    """Serve the history, record what the rules record of it, and run the alerts."""
    model = model_of(history)
    end = START + round(history.days * 86_400)
    with Lab() as lab:
        file = lab.folder / "samples.txt"
        file.write_text("".join(_exposition(history)))
        write = [str(tool("promtool")), "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=486h", "-q"]
        lab.run("promtool", [*write, file, lab.folder / "data"])
        server = PrivateServer(lab, lab.folder / "data", 120.0)
        groups = _groups(model)
        recorded = {rule.record for group in groups for rule in group.rules if isinstance(rule, RecordingRule)}
        wanted = [rule for rule in recordings_of(model) if rule.record in recorded]
        backfill(server, lab, wanted, START * 1000, end * 1000, lambda _: None)
        jobs = [job for job in jobs_of(model) if job.alert in history.alerts]
        options = Options(START * 1000, end * 1000, cold=True, recordings="history")
        found = run(server.client, jobs, [], options)
        assert not found.stopped, found.stopped
        assert not [o.problem for o in found.outcomes if o.problem]
        estimates = {}
        for day in (12, 15) if history.record == "service:disk:ratio" else ():
            for row in server.client.query(f"{history.record}:days_to_limit", (START + day * 86_400) * 1000):
                estimates[row["metric"][history.label], day] = float(row["value"][1])
    firings: dict[tuple[str, str], list[Firing]] = {}
    for outcome in found.outcomes:
        for firing in outcome.firings:
            firings.setdefault((firing.alert, firing.labels[history.label]), []).append(firing)
    return Told(firings, estimates)


def _exposition(history: History) -> Iterator[str]:
    for selector, samples in history.series().items():
        for number, value in enumerate(samples):
            if value is not None:
                yield f"{selector} {value:.6g} {START + number * STEP}\n"
    yield "# EOF\n"


def fingerprint() -> str:
    """Of everything that the page is made from: the rules and their times, and every sample."""
    digest = hashlib.sha256()
    for history in (anomaly(), capacity()):
        model = model_of(history)
        digest.update(rules_text(_groups(model), model).encode())
        digest.update("".join(_exposition(history)).encode())
    return digest.hexdigest()[:16]


def text() -> str:
    """The page; a minute of work, the same at every run with the same rules and the same Prometheus."""
    odd, full = replayed(anomaly()), replayed(capacity())
    parts = [
        "# Anomaly and capacity alerts on weeks of history\n",
        "Generated by `make scenarios` from weeks of samples in a real Prometheus, which recorded what the rules record of them;",
        "`make drift` compares the rules and the samples with those of this page, `make e2e` replays them.\n",
        "## Anomaly\n",
        "A day's sine between 50 and 150 requests a second with 5 % noise, for 15 and a half days. Then, at noon, something happens",
        f"and lasts to the end, {(ANOMALY_DAYS - EVENT) * 24:.0f} hours later. The alert is `odd: {{anomaly: traffic}}`, and `oddZero` comes with it.",
        '"Held" is the share of the time from there to the end.\n',
        "| what happens | `odd` after | held | `oddZero` after | held | false alarms |",
        "|---|---|---|---|---|---|",
        *(_odd_row(odd, case) for case in CHANGES),
        "\n## Capacity\n",
        "A disk whose hard limit is 95 %, for 16 days. The alert is `full: {capacity: {signals: disk, horizon: 14d}}`: it should come when",
        "the disk will be full within two weeks, and never for what only goes up and down.\n",
        "| what the disk does | full on day | found on day | days ahead | false alarms |",
        "|---|---|---|---|---|",
        *(_full_row(full, case) for case in capacity().cases),
        "\nDays to the limit, as recorded, for the leak that began on the first day:\n",
        "| on day | recorded | true |",
        "|---|---|---|",
        *(f"| {d} | {full.estimates['leak', d]:.1f} | {full_on('leak') - d:.1f} |" for d in (12, 15)),
        f"\n<!-- rules and samples: {fingerprint()} -->",
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def _odd_row(told: Told, case: str) -> str:
    begin, end = START * 1000 + round(EVENT * DAY), START * 1000 + round(ANOMALY_DAYS * DAY)
    cells, false = [], 0
    for alert, right in (("odd", case not in ("quiet", "growth", "gone")), ("oddZero", case in ("zero", "gone"))):
        mine = told.firings.get((alert, case), [])
        false += sum(f.start < begin or not right for f in mine)
        seen = [f for f in mine if f.start >= begin]
        if not seen:
            cells += ["-", "-"]
            continue
        first = seen[0].start
        share = sum((f.end or end) - f.start for f in seen) / (end - first)
        cells += [f"{(first - begin) / 60_000:.0f} min", f"{share * 100:.0f} %"]
    return f"| {WHAT[case]} | {' | '.join(cells)} | {false} |"


def _full_row(told: Told, case: str) -> str:
    mine = told.firings.get(("full", case), [])
    if case not in LEAKS:
        return f"| {WHAT[case]} | - | - | - | {len(mine)} |"
    days = [(firing.start / 1000 - START) / 86_400 for firing in mine]
    right, full = [day for day in days if day >= BEGINS[case]], full_on(case)
    found = f"{right[0]:.1f} | {full - right[0]:.1f}" if right else "never | -"
    return f"| {WHAT[case]} | {full:.1f} | {found} | {len(days) - len(right)} |"


def stale() -> list[str]:
    """The committed pages that were made from other rules or samples."""
    model = compile_spec(EXAMPLE, None, {}).model
    assert model is not None
    made = {PAGE: fingerprint(), INCIDENTS: incidents_fingerprint(model, list(library().values()))}
    return [path.name for path, mark in made.items() if f": {mark} -->" not in path.read_text("utf-8")]


def main(arguments: list[str]) -> int:
    """Write the page, or with ``--check`` name the pages that must be made anew; the exit code."""
    if "--check" not in arguments:
        PAGE.write_text(text(), "utf-8")
        return 0
    found = stale()
    if found:
        print("not up to date, run `make scenarios`: " + ", ".join(found), file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
