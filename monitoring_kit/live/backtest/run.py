"""Run a backtest: what each alert of a spec would have done on the history of one Prometheus."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from typing import Literal

from monitoring_kit.live.backtest.align import first_evaluation, phases
from monitoring_kit.live.backtest.client import Client
from monitoring_kit.live.backtest.errors import BacktestError, EvaluationError
from monitoring_kit.live.backtest.evaluate import Evaluation, evaluate
from monitoring_kit.live.backtest.history import first_sample, recorded_history
from monitoring_kit.live.backtest.inline import Made, NoInline, Recorded, evaluations, inline
from monitoring_kit.live.backtest.jobs import Job, by_record
from monitoring_kit.live.backtest.machine import Firing, replay
from monitoring_kit.promql import Expr, metrics, print_expr

# Nested subqueries that stand for recorded ranges: beyond this many inner evaluations in all, history must be backfilled.
MAX_INNER = 20_000_000
Recordings = Literal["auto", "history", "inline"]


@dataclass(frozen=True, slots=True)
class Options:
    """``start`` and ``end`` in Unix milliseconds; ``interval`` replaces every group's; ``cold`` begins with every alert inactive
    at ``start``, else evaluation begins early enough that an alert may be pending or firing there already; ``max_inner`` is how
    many evaluations inside of subqueries may stand for the history of recorded series, for one alert; nothing is evaluated before
    ``first``, where the history begins, when that is known; ``asked`` is the start that was wished, where that is earlier."""

    start: int
    end: int
    interval: int | None = None
    cold: bool = False
    recordings: Recordings = "auto"
    threads: int = 4
    max_inner: int = MAX_INNER
    first: int | None = None
    asked: int | None = None


@dataclass(slots=True)
class Outcome:
    """What one alert did. ``problem`` says why it was not (wholly) replayed, ``kind`` which page of `mkit explain` that is.

    ``evaluations`` counts those that worked, ``failed`` those that gave ``error``; ``missing`` are metrics that the alert reads
    and that have no sample in the range.
    """

    job: Job
    firings: list[Firing] = field(default_factory=list)
    unfired: int = 0
    evaluations: int = 0
    failed: int = 0
    guessed: bool = False
    clashes: int = 0
    problem: str = ""
    kind: str = ""
    missing: list[str] = field(default_factory=list)
    done: bool = False


@dataclass(slots=True)
class Backtest:
    """The outcomes in the order of the jobs. ``stopped`` says why there are jobs that are not done."""

    options: Options
    outcomes: list[Outcome]
    inlined: list[str] = field(default_factory=list)
    stopped: str = ""
    stopped_kind: str = ""


Progress = Callable[[int, int, Outcome], None]


def run(
    client: Client,
    jobs: Sequence[Job],
    recordings: Sequence[Recorded],
    options: Options,
    progress: Progress | None = None,
) -> Backtest:
    """Replay ``jobs``. Interrupted (KeyboardInterrupt) or cut off from the server, it returns what is done, with ``stopped``.

    Raises BacktestError when the server cannot be reached at the start or has no samples in the range.
    """
    try:
        names = client.metric_names(options.start, options.end)
    except EvaluationError as error:
        raise BacktestError("backtest/unreachable", f"{client.url} answered: {error.message}") from None
    if not names:
        raise BacktestError(
            "backtest/empty", "the history is empty: there is no sample between --from and --to",
            "choose a range within the retention of this Prometheus; `mkit backtest` prints the range that it uses",
        )  # fmt: skip
    found = Backtest(options, [Outcome(job) for job in jobs])
    with_history = _with_history(client, recordings, options)
    absent = by_record([rule for index, rule in enumerate(recordings) if index not in with_history])
    found.inlined = sorted(absent)
    stop, made = threading.Event(), Made()
    starts = _starts(client, jobs, names, options)

    def one(outcome: Outcome) -> Outcome:
        if not stop.is_set():
            _replay(client, outcome, absent, names, options, starts, made)
        return outcome

    pool = ThreadPoolExecutor(options.threads, "backtest")
    try:
        futures = [pool.submit(one, outcome) for outcome in found.outcomes]
        for number, future in enumerate(as_completed(futures), start=1):
            outcome = future.result()
            if progress:
                progress(number, len(futures), outcome)
    except BacktestError as error:
        found.stopped, found.stopped_kind = error.message, error.code
    except KeyboardInterrupt:
        found.stopped, found.stopped_kind = "interrupted", "interrupted"
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
    return found


def within_history(client: Client, jobs: Sequence[Job], options: Options) -> Options:
    """``options`` without the time before the first sample: there, everything is absent, and no server watched it."""
    lead = (
        0
        if options.cold
        else max((job.hold + job.keep + (options.interval or job.interval) for job in jobs), default=0)
    )
    first = first_sample(client, options.start - lead - 1, options.end)
    if first is None or first <= options.start:
        return replace(options, first=first)
    return replace(options, first=first, start=first, asked=options.start)


def _with_history(client: Client, recordings: Sequence[Recorded], options: Options) -> set[int]:
    if options.recordings == "inline":
        return set()
    if options.recordings == "history":
        return set(range(len(recordings)))
    try:
        return recorded_history(client, recordings, options.start, options.end)
    except EvaluationError as error:
        raise BacktestError(
            "backtest/too-expensive", f"cannot tell which recording rules have history: {error.message}",
            "say it with --recordings inline or --recordings history",
        ) from None  # fmt: skip


def _starts(client: Client, jobs: Sequence[Job], names: set[str], options: Options) -> dict[tuple[str, ...], int]:
    """The first evaluation of each group in the range, at the moments at which its recording rules were evaluated."""
    if options.interval is not None:
        return {}
    # Those without a sample tell nothing, and asking costs as much.
    anchors = {_group(job): job.anchor for job in jobs if job.anchor is not None and job.anchor.record in names}
    known = phases(client, anchors.values(), options.start, options.end)
    return {
        group: first_evaluation(options.start, rule.interval, known.get(id(rule))) for group, rule in anchors.items()
    }


def _group(job: Job) -> tuple[str, ...]:
    rule = job.anchor
    return (
        ()
        if rule is None
        else (rule.record, str(rule.interval), *map(str, sorted({**rule.labels, **rule.known}.items())))
    )


def _replay(
    client: Client, outcome: Outcome, absent: dict[str, list[Recorded]], names: set[str], options: Options,
    starts: dict[tuple[str, ...], int], made: Made,
) -> None:  # fmt: skip
    job = outcome.job
    step = options.interval or job.interval
    lead = 0 if options.cold else -(-(job.hold + job.keep) // step) * step
    start = starts.get(_group(job), options.start)
    if options.first is not None:
        lead = min(lead, (start - options.first) // step * step)
    start -= lead
    count = (options.end - start) // step + 1
    try:
        expr = inline(job.expr, absent, made=made)
        inner = evaluations(expr) * count
    except NoInline as error:
        outcome.problem, outcome.kind, outcome.done = f"not replayed: {error}", "backtest/no-history", True
        return
    if inner > options.max_inner and expr is not job.expr:
        outcome.problem = (
            f"not replayed: it reads long windows of {_ranged(job.expr, absent)}, which has no history here"
        )
        outcome.kind, outcome.done = "backtest/no-history", True
        return
    outcome.missing = sorted(name for name in metrics(expr) if name not in names)
    try:
        result = evaluate(client, print_expr(expr), start, step, count)
    except EvaluationError as error:
        outcome.problem, outcome.kind = f"the server refuses the expression: {error.message}", "backtest/evaluation"
        outcome.failed, outcome.done = count, True
        return
    _decide(outcome, result, [start + i * step for i in range(count)], options)


def _decide(outcome: Outcome, result: Evaluation, times: list[int], options: Options) -> None:
    job = outcome.job
    played = replay(job.alert, job.labels, job.hold, job.keep, times, result.series.values(), result.failed)
    outcome.firings = [f for f in played.firings if f.end is None or f.end > options.start]
    outcome.unfired = played.unfired
    outcome.failed, outcome.clashes, outcome.guessed = len(result.failed), len(played.clashes), result.guessed
    outcome.evaluations = len(times) - len(result.failed | played.clashes)
    if result.failed:
        least = "up to " if result.guessed else ""
        outcome.problem = f"{least}{len(result.failed)} of {len(times)} evaluations fail: {result.error}"
        outcome.kind = "backtest/evaluation"
    elif played.clashes:
        outcome.problem = (
            f"{len(played.clashes)} of {len(times)} evaluations fail: vector contains metrics with the same labelset after "
            "applying alert labels"
        )
        outcome.kind = "backtest/evaluation"
    outcome.done = True


def _ranged(expr: Expr, absent: dict[str, list[Recorded]]) -> str:
    return ", ".join(name for name in metrics(expr) if name in absent)
