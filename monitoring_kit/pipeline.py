"""The stages in order: the table of contents of the program.

load -> validate -> resolve -> lower -> check -> emit -> verify -> write
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from monitoring_kit.checks import run_checks
from monitoring_kit.diagnostics import Report, Stop
from monitoring_kit.emit import Output, emit
from monitoring_kit.load import load
from monitoring_kit.lower import lower_files, lower_rules
from monitoring_kit.lower.model import Model
from monitoring_kit.resolve.resolve import resolve
from monitoring_kit.resolve.system import System
from monitoring_kit.spec import read_spec


@dataclass(slots=True)
class Compilation:
    """What compiling a spec gives: the report always; system, model and outputs as far as the stages came.

    ``outputs`` is empty when the report holds an error: a wrong spec writes nothing.
    """

    report: Report
    system: System | None = None
    model: Model | None = None
    outputs: dict[str, Output] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.report.failed


def compile_spec(path: str | Path, env: str | None = None, environ: Mapping[str, str] | None = None) -> Compilation:
    """Compile the spec at ``path`` for environment ``env``, without touching anything but the spec's own files.

    ``environ`` fills ``${NAME}`` placeholders (the process environment when None). Never raises for a user's mistake: look
    at ``report``.
    """
    result = Compilation(Report())
    try:
        with _no_collection():
            _stages(result, path, env, environ)
    except Stop:
        pass
    return result


def _stages(result: Compilation, path: str | Path, env: str | None, environ: Mapping[str, str] | None) -> None:
    document = load(path, result.report, env, environ)
    spec = read_spec(document, result.report)
    result.system = resolve(spec, document, result.report)
    result.model = lower_rules(result.system, result.report)
    files = lower_files(result.system, result.model, result.report)
    run_checks(result.system, result.model, result.report)
    if not result.report.failed:
        outputs = emit(files, result.system, result.report)
        # A value that no file can hold is only found here.
        result.outputs = {} if result.report.failed else outputs


@contextmanager
def _no_collection() -> Iterator[None]:
    """Trees without cycles, millions of them: the collector would walk them again and again and find nothing (a tenth of the
    time at 1,000 services)."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
