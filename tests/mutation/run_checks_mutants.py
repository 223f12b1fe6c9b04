"""`make mutants`: change the checkers one decision at a time and see whether the tests notice.

    python -m tests.mutation.run_checks_mutants [--sample N] [--seconds S] [--only TEXT] [--workers N] [--save FILE]

A mutant flips one comparison, swaps `and` with `or`, or makes one branch always or never taken, inside of a function of
``checks/{alerts,labels,promql,routes}`` or ``promql/infer``. pytest collects the tests once; each mutant is a forked child
that exchanges the function's code and runs the tests of the check (for inference its own and the findings of all checks) until one
fails. Tests that ask promtool are left out. ``equivalent.txt`` lists the mutants that change nothing anybody can see, each with
the reason; they are not counted, and an entry that names no mutant any more is an error. The share must be reached in each package.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import os
import random
import resource
import signal
import subprocess
import sys
import time
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.promql.inferred import world

ROOT = Path(__file__).parents[2]
PACKAGES = ("checks/alerts", "checks/labels", "checks/promql", "checks/routes", "promql/infer")
TESTS = ("tests/unit/promql", "tests/unit/checks", "tests/unit/lint")
EQUIVALENT = Path(__file__).with_name("equivalent.txt")
FLIPS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change: the module, the function (its line), what was changed and where."""

    module: str
    function: str
    first: int
    line: int
    what: str
    number: int

    @property
    def package(self) -> str:
        return next(p for p in PACKAGES if self.module.startswith("monitoring_kit." + p.replace("/", ".")))

    @property
    def place(self) -> str:
        """The mutant without its line, which changes with every edit above it."""
        return f"{self.module.removeprefix('monitoring_kit.')} {self.function}: {self.what}"


def sites(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Every node that can be changed, with the kinds of change."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in FLIPS:
            yield node, "flip"
        elif isinstance(node, ast.BoolOp):
            yield node, "and/or"
        elif isinstance(node, ast.If | ast.IfExp) and not isinstance(node.test, ast.Constant):
            yield node, "never"
            yield node, "always"


def change(node: Any, kind: str) -> str:
    """Change the node in place; the change in words."""
    before = ast.unparse(node.test if kind in ("never", "always") else node)
    if kind == "flip":
        node.ops[0] = FLIPS[type(node.ops[0])]()
    elif kind == "and/or":
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    else:
        node.test = ast.copy_location(ast.Constant(kind == "always"), node.test)
        return f"{before} -> {kind == 'always'}"
    return f"{before} -> {ast.unparse(node)}"


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions of a module and the methods of its classes, by qualified name."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for item in node.body:
                if isinstance(item, ast.FunctionDef):
                    yield f"{node.name}.{item.name}", item


def mutants_of(module: str, tree: ast.Module) -> list[Mutant]:
    found = []
    for name, function in functions(tree):
        for number, (node, kind) in enumerate(sites(function)):
            what = change(copy.deepcopy(node), kind)
            found.append(Mutant(module, name, function.lineno, node.lineno, what, number))  # type: ignore[attr-defined]
    return found


def mutated(mutant: Mutant) -> types.CodeType:
    """The code of the mutant's function."""
    path = ROOT / (mutant.module.replace(".", "/") + ".py")
    path = path if path.exists() else path.with_suffix("") / "__init__.py"
    tree = ast.parse(path.read_text())
    function = next(f for name, f in functions(tree) if name == mutant.function)
    node, kind = list(sites(function))[mutant.number]
    change(node, kind)
    code: types.CodeType = compile(ast.fix_missing_locations(tree), str(path), "exec")
    for part in mutant.function.split("."):
        code = next(c for c in code.co_consts if isinstance(c, types.CodeType) and c.co_name == part)
    return code


def target(mutant: Mutant) -> Any:
    """The function object that everybody calls."""
    found: Any = importlib.import_module(mutant.module)
    for part in mutant.function.split("."):
        found = found.__dict__[part] if isinstance(found, type) else getattr(found, part)
    found = getattr(found, "__func__", found)
    found = getattr(found, "fget", found)
    return getattr(found, "__wrapped__", found)


class Runner:
    """The pytest plugin that runs mutants instead of tests."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        world()  # made once, before the children
        run(chosen(self.options), session.items, self, self.options)
        return True


def tests_of(mutant: Mutant, items: list[pytest.Item]) -> list[pytest.Item]:
    """The tests that must notice: those of the check and of its page; for inference its own and what all checks find."""
    area, name = mutant.module.split(".")[-2:]
    if mutant.package == "promql/infer":
        first = (f"promql/test_infer_{name}", "promql/test_infer_", "test_snapshot[")
        own = [item for item in items if any(part in item.nodeid for part in first)]
        return sorted(own, key=lambda item: next(n for n, part in enumerate(first) if part in item.nodeid))
    code = f"[{area}/{name.replace('_', '-')}]"
    own = [
        i
        for i in items
        if f"test_{area}_{name}." in i.nodeid or f"test_{area}_{name}_" in i.nodeid or i.nodeid.endswith(code)
    ]
    # The files that look at one part of a check are the quick ones.
    return sorted(own, key=lambda item: f"test_{area}_{name}_" not in item.nodeid)


def quiet() -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)


def chosen(options: argparse.Namespace) -> list[Mutant]:
    found: list[Mutant] = []
    for package in PACKAGES:
        for path in sorted((ROOT / "monitoring_kit" / package).glob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found += mutants_of(module, ast.parse(path.read_text()))
    known = equivalent()
    stale = known.keys() - {m.place for m in found}
    if stale:
        raise SystemExit(f"{EQUIVALENT.name} lists what is no mutant: {', '.join(sorted(stale))}")
    found = [m for m in found if options.only in m.module and m.place not in known]
    random.Random(options.seed).shuffle(found)
    return found[: options.sample] if options.sample else found


def equivalent() -> dict[str, str]:
    """The listed mutants, each with its reason (the line of ``#`` above it)."""
    found, reason = {}, ""
    for line in EQUIVALENT.read_text().splitlines():
        if line.startswith("#"):
            reason = line.strip("# ")
        elif line.strip():
            assert reason, f"no reason is given for {line}"
            found[line.strip()] = reason
    return found


def without_tools(*_: Any, **__: Any) -> None:
    """In the place of ``subprocess.run``: the other tests must be enough, asking promtool for each mutant takes hours."""
    pytest.skip("no tools in a mutant")


def start(mutant: Mutant, items: list[pytest.Item], runner: Runner, changed: bool = True) -> int:
    """A child that exits with 1 when a test notices the mutant, with 0 when none does; without the change where not ``changed``."""
    pid = os.fork()
    if pid:
        return pid
    quiet()
    resource.setrlimit(resource.RLIMIT_CPU, (60, 70))
    # A mutant may loop for ever, which counts as noticed. Processor time tells that from a busy machine; the clock is for what waits.
    signal.signal(signal.SIGALRM, lambda *_: os._exit(2))
    signal.alarm(1200)
    if changed:
        target(mutant).__code__ = mutated(mutant)
    runner.failed = False
    subprocess.run = without_tools  # type: ignore[assignment]
    for item in tests_of(mutant, items):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        if runner.failed:
            os._exit(1)
    os._exit(0)


def run(mutants: list[Mutant], items: list[pytest.Item], runner: Runner, options: argparse.Namespace) -> None:
    """Run the mutants and print the survivors and the share that was killed in each package."""
    for mutant in {tuple(tests_of(m, items)): m for m in mutants}.values():
        # Tests that fail without any change would kill everything.
        if os.waitstatus_to_exitcode(os.waitpid(start(mutant, items, runner, changed=False), 0)[1]) != 0:
            raise SystemExit(f"the tests of {mutant.module} fail as it is")
    end = time.monotonic() + options.seconds
    running: dict[int, Mutant] = {}
    killed: list[Mutant] = []
    survivors: list[Mutant] = []
    left = list(mutants)
    while left or running:
        while left and len(running) < options.workers and time.monotonic() < end:
            mutant = left.pop()
            running[start(mutant, items, runner)] = mutant
        if not running:
            break
        pid, status = os.wait()
        mutant = running.pop(pid)
        (survivors if os.waitstatus_to_exitcode(status) == 0 else killed).append(mutant)
    lines = [f"survived line {m.line} of {m.place}\n" for m in sorted(survivors, key=lambda m: (m.module, m.line))]
    if options.save:
        Path(options.save).write_text("".join(lines))
    sys.stdout.write("\n" + "".join(lines))
    runner.failed = not killed
    for package in PACKAGES:
        done, lived = (sum(m.package == package for m in some) for some in (killed, survivors))
        if not done + lived:
            continue
        share = done / (done + lived)
        runner.failed = runner.failed or share < options.least
        word = "" if share >= options.least else f", below {options.least:.0%}"
        sys.stdout.write(f"{package}: {done} of {done + lived} mutants killed ({share:.1%}){word}\n")
    sys.stdout.write(f"{len(equivalent())} equivalent mutants are listed, {len(left)} were not run\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sample", type=int, default=0, help="at most so many mutants, chosen at random (0: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1800, help="start no more mutants after this time")
    parser.add_argument("--only", default="", help="only modules whose name holds this")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--save", default="", help="write the survivors to this file")
    parser.add_argument("--least", type=float, default=0.9, help="the share that must be killed")
    options = parser.parse_args()
    runner = Runner(options)
    arguments = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-s", *(str(ROOT / path) for path in TESTS)]
    ignored = [
        f"--ignore={ROOT / path}"
        for path in ("tests/unit/lint/test_routes_amtool.py", "tests/unit/lint/test_fixing.py")
    ]
    pytest.main([*arguments, *ignored], plugins=[runner])
    return int(runner.failed)


if __name__ == "__main__":
    sys.exit(main())
