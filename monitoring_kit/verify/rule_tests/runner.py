"""Everything that `mkit test` proves, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from monitoring_kit.conventions import ALERTMANAGER_YML
from monitoring_kit.stack.tools import Tool
from monitoring_kit.verify.programs import private_copy
from monitoring_kit.verify.prometheus import feature_flags
from monitoring_kit.verify.rule_tests.engine import engine_of
from monitoring_kit.verify.rule_tests.mutation import Score, score
from monitoring_kit.verify.rule_tests.routes import RouteProof, prove
from monitoring_kit.verify.rule_tests.session import Results, Tick, execute, plan, workplace
from monitoring_kit.verify.rule_tests.user_tests import run_users

if TYPE_CHECKING:
    from monitoring_kit.pipeline import Compilation


@dataclass(slots=True)
class Outcome:
    """What was proven. ``score`` only with mutation; ``tools`` names the versions that judged."""

    results: Results
    routes: RouteProof
    score: Score | None
    tools: dict[str, str]

    @property
    def failed(self) -> bool:
        """Whether a test failed or an alert does not reach exactly its channels."""
        return self.results.failed or bool(self.routes.failed)


def run_all(
    compilation: Compilation, tools: Mapping[str, Tool], tick: Tick, *, only: Sequence[str] = (), users: Sequence[Path] = (),
    mutate: bool = False, keep: Path | None = None,
) -> Outcome:  # fmt: skip
    """Test the rules and routes of a compilation without errors. ``only`` names alerts; ``keep`` is a folder for the test files."""
    system, model = compilation.system, compilation.model
    promtool, amtool = tools["promtool"], tools["amtool"]
    assert system is not None
    assert model is not None
    assert promtool.path is not None
    assert amtool.path is not None
    rules = plan(system, model, tick, engine=engine_of(promtool.release), only=only)
    with workplace(keep) as folder:
        flags = feature_flags(promtool.path, system.spec.prometheus.features, folder)
        results = execute(rules, promtool.path, folder, tick, readable=keep is not None, flags=flags)
        results.users = run_users(users, compilation.outputs, promtool.path, folder, flags)
        passing = [r for r in rules if not results.problem(r)]
        found = score(passing, promtool.path, folder, tick, flags) if mutate else None
    wanted = [p for p in compilation.outputs if p == ALERTMANAGER_YML or p.startswith("alertmanager/")]
    routes = RouteProof()
    if ALERTMANAGER_YML in compilation.outputs:
        with private_copy(compilation.outputs, wanted) as root:
            routes = prove(system, model, compilation.outputs, amtool.path, root, lambda n: None)
    if only:
        routes.routes = [r for r in routes.routes if r.alert in only]
    versions = {t.name: t.version or "" for t in (promtool, amtool)}
    return Outcome(results, routes, found, versions)
