"""Many changed versions of a rule in one test file: each under a name of its own, all on the same inputs.

A test costs promtool a database; the rules that it evaluates cost little. The mutants of a rule therefore stand side by side, with
what they build on and what builds on them, and what the tests demand is demanded of each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from monitoring_kit.promql import ast, parse, print_expr
from monitoring_kit.promql.transform import rewrite
from monitoring_kit.verify.rule_tests.promtool import run, write
from monitoring_kit.verify.rule_tests.testfile import TestFile

MOST = 40
_NUMBER = re.compile(r"mkit_mutant_(\d+)_")
_JUDGED = re.compile(r"^\s*(?:alertname: |expr: \"|rule: )(.*)$", re.MULTILINE)
_BROKEN = re.compile(r"^\s*rule: ", re.MULTILINE)
Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Variant:
    """The rules of ``file`` with a change; ``number`` names it in the verdict."""

    number: int
    file: TestFile
    rules: tuple[Rule, ...]


def caught(
    promtool: Path, folder: Path, variants: Sequence[Variant], advance: Callable[[int], None], flags: Sequence[str] = ()
) -> set[int]:
    """The numbers of the variants that a test of their file notices. ``advance`` is told how many were decided."""
    found: set[int] = set()
    queue = _chunks(variants, MOST)
    while queue:
        queue = _judged(promtool, folder, queue, found, advance, flags)
    return found


def _chunks(variants: Sequence[Variant], most: int) -> list[list[Variant]]:
    by_file: dict[str, list[Variant]] = {}
    for one in variants:
        by_file.setdefault(one.file.name, []).append(one)
    return [some[i : i + most] for some in by_file.values() for i in range(0, len(some), most)]


def _judged(
    promtool: Path,
    folder: Path,
    chunks: Sequence[list[Variant]],
    found: set[int],
    advance: Callable[[int], None],
    flags: Sequence[str],
) -> list[list[Variant]]:
    """Run ``chunks``; those that have to be run again, smaller."""
    again: list[list[Variant]] = []
    files = {write(folder, together(f"mutants-{i:05d}", chunk)).name: chunk for i, chunk in enumerate(chunks)}

    def read(verdicts: Mapping[str, str]) -> None:
        for name, said in verdicts.items():
            left = _left(files[name], said, found)
            again.extend(left)
            advance(len(files[name]) - sum(map(len, left)))

    for name in run(promtool, folder, list(files), read, max(1, min(8, len(files) // 16)), flags):
        (folder / name).unlink(missing_ok=True)
        (folder / name.replace(".test.yml", ".rules.yml")).unlink(missing_ok=True)
    return again


def _left(chunk: list[Variant], said: str, found: set[int]) -> list[list[Variant]]:
    """What the verdict on a chunk leaves open."""
    if not said:
        return []
    blamed = {int(n) for line in _JUDGED.findall(said) for n in _NUMBER.findall(line)}
    blamed |= {chunk[0].number} if len(chunk) == 1 else set()
    found |= blamed
    rest = [v for v in chunk if v.number not in blamed]
    if not blamed:
        # Not even loaded: which one is to blame?
        return [[v] for v in chunk]
    # A rule that fails to evaluate ends its test: what came after it was not asked of the others.
    return [rest] if rest and _BROKEN.search(said) else []


def together(name: str, variants: Sequence[Variant]) -> TestFile:
    """One test file for variants of the same file."""
    file = variants[0].file
    recorded = frozenset(r["record"] for r in file.rules if r.get("record"))
    prefixes = [(f"mkit_mutant_{v.number}_", v.rules) for v in variants]
    rules = tuple(_renamed(rule, recorded, prefix) for prefix, own in prefixes for rule in own)
    tests = [_test(test, recorded, [prefix for prefix, _ in prefixes]) for test in file.tree["tests"]]
    return replace(
        file, name=name, rules=rules, tree={**file.tree, "rule_files": [f"{name}.rules.yml"], "tests": tests}
    )


def _renamed(rule: Rule, recorded: frozenset[str], prefix: str) -> Rule:
    kind = "record" if rule.get("record") else "alert"
    return {**rule, kind: prefix + rule[kind], "expr": _expr(rule["expr"], recorded, prefix)}


def _expr(text: str, recorded: frozenset[str], prefix: str) -> str:
    if not any(name in text for name in recorded):
        return text

    def rename(node: ast.Expr) -> ast.Expr:
        if isinstance(node, ast.VectorSelector) and node.name in recorded:
            return replace(node, name=f"{prefix}{node.name}")
        return node

    return print_expr(rewrite(_parsed(text), rename))


@lru_cache(4096)
def _parsed(text: str) -> ast.Expr:
    return parse(text)


def _test(test: Mapping[str, Any], recorded: frozenset[str], prefixes: Collection[str]) -> dict[str, Any]:
    result = dict(test)
    if "alert_rule_test" in test:
        result["alert_rule_test"] = [
            {**check, "alertname": prefix + check["alertname"]}
            for prefix in prefixes
            for check in test["alert_rule_test"]
        ]
    if "promql_expr_test" in test:
        result["promql_expr_test"] = [
            {**check, "expr": _expr(check["expr"], recorded, prefix)}
            for prefix in prefixes
            for check in test["promql_expr_test"]
        ]
    return result
