"""How much of what could be wrong the tests notice: each mutant of each rule against the tests of that rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from monitoring_kit.verify.rule_tests.mutants import KINDS, Mutant, mutants
from monitoring_kit.verify.rule_tests.plan import RuleTests
from monitoring_kit.verify.rule_tests.session import Tick
from monitoring_kit.verify.rule_tests.testfile import TestFile
from monitoring_kit.verify.rule_tests.variants import Variant, caught

# Of the alerts that build on a recording rule, as many as are asked about a mutant that its own test lets pass.
_DEPENDANTS = 3


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that no test noticed; ``why`` says so where it means the same as the rule."""

    rule: str
    service: str | None
    kind: str
    change: str


@dataclass(slots=True)
class Score:
    """Mutants made and caught, by kind. ``untested`` counts those of rules without any test; they are not caught."""

    made: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    caught: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    survivors: list[Survivor] = field(default_factory=list)
    untested: int = 0

    @property
    def share(self) -> float:
        """Caught of made; 1 when there are none."""
        made = sum(self.made.values())
        return sum(self.caught.values()) / made if made else 1.0


@dataclass(frozen=True, slots=True)
class _Try:
    owner: RuleTests
    mutant: Mutant
    files: Sequence[TestFile]


def score(rules: Sequence[RuleTests], promtool: Path, folder: Path, tick: Tick, flags: Sequence[str] = ()) -> Score:
    """Run every mutant of every tested rule. The rules' own tests must pass already."""
    result = Score()
    pending: list[_Try] = []
    using = _users_of(rules)
    for owner in rules:
        rule = owner.files[0].rules[owner.files[0].rule] if owner.files else None
        for mutant in mutants(_plain(rule)) if rule is not None else ():
            result.made[mutant.kind] += 1
            pending.append(_Try(owner, mutant, owner.files[:1]))
        if rule is None:
            result.untested += 1
    left = _round(pending, promtool, folder, result, tick, "mutants, first round", flags)
    again = [
        replace(t, files=[*t.owner.files[1:], *using.get(_identity(_subject(t.owner)), ())[:_DEPENDANTS]]) for t in left
    ]
    left = _round([t for t in again if t.files], promtool, folder, result, tick, "mutants, second round", flags)
    left += [t for t in again if not t.files]
    result.survivors = [Survivor(t.owner.name, t.owner.service, t.mutant.kind, t.mutant.change) for t in left]
    return result


def _plain(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in rule.items() if v is not None}


def _subject(owner: RuleTests) -> Mapping[str, Any]:
    return owner.files[0].rules[owner.files[0].rule]


def _identity(rule: Mapping[str, Any]) -> tuple[object, ...]:
    return rule.get("record"), rule["expr"], tuple((rule.get("labels") or {}).items())


def _users_of(rules: Sequence[RuleTests]) -> dict[tuple[object, ...], list[TestFile]]:
    found: dict[tuple[object, ...], list[TestFile]] = {}
    for owner in rules:
        for file in owner.files:
            for position, rule in enumerate(file.rules):
                if position != file.rule:
                    found.setdefault(_identity(rule), []).append(file)
    return found


def _round(
    tries: Sequence[_Try], promtool: Path, folder: Path, result: Score, tick: Tick, text: str, flags: Sequence[str]
) -> list[_Try]:
    """Run ``tries``; those that nothing noticed."""
    asked: list[Variant] = []
    for number, one in enumerate(tries):
        wanted = _identity(_subject(one.owner))
        for file in one.files:
            asked.append(
                Variant(number, file, tuple(one.mutant.rule if _identity(r) == wanted else r for r in file.rules))
            )
    done = 0

    def advance(judged: int) -> None:
        nonlocal done
        done += judged
        tick(text, done, len(asked))

    noticed = caught(promtool, folder, asked, advance, flags)
    for number in noticed:
        result.caught[tries[number].mutant.kind] += 1
    return [one for number, one in enumerate(tries) if number not in noticed]
