"""One run of the tests of a spec: make them, let promtool judge them, route every alert."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from monitoring_kit.lower.model import Model
from monitoring_kit.resolve.system import System
from monitoring_kit.verify.rule_tests import promtool as promtool_runs
from monitoring_kit.verify.rule_tests.bundles import Bundle, bundles
from monitoring_kit.verify.rule_tests.engine import OLDEST, Engine
from monitoring_kit.verify.rule_tests.plan import Planner, RuleTests
from monitoring_kit.verify.rule_tests.promtool import run, write
from monitoring_kit.verify.rule_tests.user_tests import UserTest

# Fewer alerts than this are made faster than processes start.
PARALLEL_FROM = 40
# More recording rules than this are tested by their shapes.
ALL_RECORDINGS = 400
_HASH = re.compile(r'"[0-9a-f]{8}"')
Tick = Callable[[str, int, int], None]


@dataclass(slots=True)
class Results:
    """What the tests said. ``failures`` are promtool's words by test file name."""

    rules: list[RuleTests] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    users: list[UserTest] = field(default_factory=list)

    @property
    def alerts(self) -> list[RuleTests]:
        return [r for r in self.rules if r.alert is not None]

    @property
    def uncovered(self) -> list[RuleTests]:
        """The alerts that no test sees fire."""
        return [r for r in self.alerts if not r.covered]

    @property
    def coverage(self) -> float:
        """The share of alerts that a test sees fire; 1 when there are none."""
        return 1 - len(self.uncovered) / len(self.alerts) if self.alerts else 1.0

    def problem(self, rule: RuleTests) -> str:
        """What promtool found wrong with the tests of a rule."""
        return "\n".join(self.failures[f.name] for f in rule.files if self.failures.get(f.name))

    @property
    def failed(self) -> bool:
        return any(self.failures.values()) or any(u.problem for u in self.users)


_PLANNER: Planner | None = None


def _alert(number: int) -> RuleTests:
    assert _PLANNER is not None
    return _PLANNER.alert(number)


def _recording(number: int) -> RuleTests:
    assert _PLANNER is not None
    return list(_PLANNER.recordings())[number]()


def plan(
    system: System,
    model: Model,
    tick: Tick,
    *,
    engine: Engine = OLDEST,
    only: Sequence[str] = (),
    recordings: bool = True,
) -> list[RuleTests]:
    """The tests of all rules, or of the alerts named ``only``; on all cores."""
    global _PLANNER
    planner = _PLANNER = Planner(system, model, engine=engine)
    try:
        numbers = [i for i, rule in enumerate(planner.alerts) if not only or rule.name in only]
        found = _mapped(_alert, numbers, "making tests of alerts", tick)
        if recordings and not only:
            found += _mapped(_recording, _recordings(model), "making tests of recording rules", tick)
    finally:
        _PLANNER = None
    return found


def _recordings(model: Model) -> list[int]:
    """The numbers of the recording rules to test: all, or in a large system one of each shape. Rules of one shape differ in their
    service and hashes alone; the alerts that build on them are tested for every service."""
    rules = list(model.recordings)
    if len(rules) <= ALL_RECORDINGS:
        return list(range(len(rules)))
    shapes: dict[tuple[str, str], int] = {}
    for number, rule in enumerate(rules):
        text = _HASH.sub('"#"', rule.printed)
        shapes.setdefault((rule.record, text.replace(f'"{rule.service}"', '"*"') if rule.service else text), number)
    return sorted(shapes.values())


def _mapped(work: Callable[[int], RuleTests], numbers: list[int], text: str, tick: Tick) -> list[RuleTests]:
    if len(numbers) < PARALLEL_FROM or "fork" not in multiprocessing.get_all_start_methods():
        return [_ticked(work(n), tick, text, i, len(numbers)) for i, n in enumerate(numbers)]
    # Forked, the model is there without being sent; nothing else of this process is used.
    with multiprocessing.get_context("fork").Pool(max(1, os.cpu_count() or 1), _leave_interrupts) as pool:
        made = pool.imap(work, numbers, chunksize=4)
        found = [_ticked(rule, tick, text, i, len(numbers)) for i, rule in enumerate(made)]
    return found


def _leave_interrupts() -> None:
    """An interruption is this process' business: it ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _ticked(rule: RuleTests, tick: Tick, text: str, done: int, total: int) -> RuleTests:
    tick(text, done + 1, total)
    return rule


@contextmanager
def workplace(keep: Path | None) -> Iterator[Path]:
    """The folder of the test files: ``keep``, or one that is removed afterwards."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
    else:
        with TemporaryDirectory(prefix="mkit-test-") as name:
            yield Path(name)


def execute(
    rules: list[RuleTests],
    promtool: Path,
    folder: Path,
    tick: Tick,
    *,
    readable: bool = False,
    flags: Sequence[str] = (),
) -> Results:
    """Write the test files to ``folder`` and run them: ``readable`` one for each alert, else those that may be, side by side."""
    files = [file for rule in rules for file in rule.files]
    packed = [Bundle(f, (f,)) for f in files] if readable else bundles(files)
    total, done = len(files), 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        tick("promtool runs the tests", done, total)

    said = _run(promtool, folder, packed, advance, readable=readable, flags=flags)
    failures = {b.file.name: said[b.file.name] for b in packed if len(b.members) == 1}
    # What a bundle says of many is not told apart from its words: each is asked again alone.
    doubted = [Bundle(m, (m,)) for b in packed if len(b.members) > 1 and said[b.file.name] for m in b.members]
    failures |= {m.name: "" for b in packed if len(b.members) > 1 and not said[b.file.name] for m in b.members}
    failures |= _run(promtool, folder, doubted, advance, readable=readable, flags=flags)
    return Results(rules, failures)


def _run(
    promtool: Path,
    folder: Path,
    packed: Sequence[Bundle],
    advance: Callable[[int], None],
    *,
    readable: bool,
    flags: Sequence[str],
) -> dict[str, str]:
    """What promtool says, by the name of each bundle's file."""
    names = {write(folder, one.file, readable=readable).name: one for one in packed}
    batch = max(1, min(promtool_runs.BATCH, len(names) // (8 * (os.cpu_count() or 1)) + 1))

    def done(some: Mapping[str, str]) -> None:
        advance(sum(len(names[name].members) for name in some))

    said = run(promtool, folder, list(names), done, batch, flags)
    return {names[name].file.name: text for name, text in said.items()}
