"""The label sets that alerts can have when they reach Alertmanager."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from monitoring_kit.checks.finding import Subject
from monitoring_kit.checks.routing.language import automaton, satisfiable
from monitoring_kit.checks.routing.matchers import Matcher, by_label, readable
from monitoring_kit.diagnostics import Span
from monitoring_kit.frozen import dataclass
from monitoring_kit.promql.infer import Source


@dataclass(frozen=True, slots=True)
class Domain:
    """The values that a label can have: one of ``values``, or any text (None); "" stands for a label that is not there."""

    values: frozenset[str] | None
    present: bool = False

    def can(self, matchers: Sequence[Matcher]) -> bool:
        """Whether a value may satisfy all the matchers; True when that is not known."""
        if not all(readable(m) for m in matchers):
            return True
        if self.values is not None:
            return any(all(m.holds(value) for m in matchers) for value in self.values)
        machines = [(machine, m.positive) for m in matchers if (machine := m.machine()) is not None]
        nothing = automaton(None, "")
        if self.present and nothing is not None:
            machines.append((nothing, False))
        return satisfiable(machines) is not False

    def must(self, matchers: Sequence[Matcher]) -> bool:
        """Whether every value satisfies all the matchers; False when that is not known."""
        if self.values is None or not all(readable(m) for m in matchers):
            return False
        return all(m.holds(value) for m in matchers for value in self.values)


_ANY, _ABSENT = Domain(None), Domain(frozenset(("",)))


class AlertLabels:
    """What is known of the labels of one alert: one case for each branch of its expression.

    ``external`` are Prometheus' external labels, None when nobody said which there are: then every label that the rule does
    not set itself may come from there.
    """

    def __init__(self, about: Subject, external: Mapping[str, str] | None, span: Span) -> None:
        self.name, self.span = about.name, span
        self._labels, self._external = about.labels, external
        sources = [s for s in about.value if s.dead is None] or list(about.value)
        self._cases: list[Source] = sources
        self._cache: dict[tuple[int, str], Domain] = {}

    def domain(self, case: int, label: str) -> Domain:
        """What ``label`` can be in one case."""
        key = (case, label)
        if key not in self._cache:
            self._cache[key] = self._domain(self._cases[case], label)
        return self._cache[key]

    def _domain(self, source: Source, label: str) -> Domain:
        if label == "alertname":
            return Domain(frozenset((self.name,)))
        written = self._labels.get(label)
        if written is not None and ("{{" in written):
            return _ANY
        if written:
            return Domain(frozenset((written,)))
        fact = source.fact(label) if written is None else None
        outside = _ANY if self._external is None else Domain(frozenset((self._external.get(label, ""),)))
        if fact is None:
            return outside
        if fact.value is None:
            return Domain(None, present=fact.sure or outside.values not in (None, frozenset(("",))))
        if fact.sure:
            return Domain(frozenset((fact.value,)))
        return _ANY if outside.values is None else Domain(outside.values | {fact.value})

    def can(self, matchers: Iterable[Matcher]) -> bool:
        """Whether the alert may satisfy all matchers."""
        grouped = by_label(matchers)
        return any(all(self.domain(i, n).can(own) for n, own in grouped.items()) for i in range(len(self._cases)))

    def must(self, matchers: Iterable[Matcher]) -> bool:
        """Whether the alert always satisfies all matchers."""
        grouped = by_label(matchers)
        return all(all(self.domain(i, n).must(own) for n, own in grouped.items()) for i in range(len(self._cases)))

    def may_have(self, label: str) -> bool:
        """Whether the alert can have the label at all."""
        return any(self.domain(i, label).values != frozenset(("",)) for i in range(len(self._cases)))

    def must_have(self, label: str) -> bool:
        """Whether the alert always has the label."""
        domains = self.domains(label)
        return all(d.present or (d.values is not None and "" not in d.values) for d in domains)

    def domains(self, label: str) -> list[Domain]:
        """What the label can be, for each case."""
        return [self.domain(i, label) for i in range(len(self._cases))]

    def known(self) -> set[str]:
        """The labels that the alert is known to be able to have."""
        names = {"alertname", *self._labels, *(self._external or ())}
        return names.union(*(source.have for source in self._cases))
