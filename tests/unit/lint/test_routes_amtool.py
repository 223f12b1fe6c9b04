"""What is said of routes, asked of the real amtool."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path
from shutil import which

import pytest

from monitoring_kit.checks.codes import page
from monitoring_kit.checks.routing.check import route_checks
from tests.unit.lint.lint_text import codes, cut, lint_routes, one

pytestmark = pytest.mark.skipif(which("amtool") is None, reason="amtool is not on PATH")

VALUES = ["", "a", "b", "ab", "critical", "warning", "x1"]
MATCHERS = [
    '{}="a"', '{}!="a"', '{}=~"a|b"', '{}!~"a.*"', '{}=~".+"', '{}=~".*"', '{}=""', '{}=~"[ab]+"', '{}=~"a.*"', '{}!=""',
    '{}=~"crit.*|warning"', '{}="critical"', '{}=~"x[0-9]"', '{}="ab"', '{}!~"a|b|ab"',
]  # fmt: skip


def receivers(path: Path, labels: dict[str, str]) -> list[str]:
    """Where the alert goes, as amtool says it."""
    given = [f"{name}={value}" for name, value in labels.items() if value]
    done = subprocess.run(
        ["amtool", "config", "routes", "test", f"--config.file={path}", *given],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip().split(",")


def accepted(path: Path) -> bool:
    return subprocess.run(["amtool", "check-config", str(path)], capture_output=True).returncode == 0


@pytest.mark.parametrize("seed", range(12))
def test_no_alert_reaches_a_route_that_is_called_dead(seed: int, tmp_path: Path) -> None:
    """Random trees: a receiver of a route that is shadowed or contradictory gets none of the label sets of two labels."""
    rng = random.Random(seed)
    dead: set[str] = set()
    while not dead:
        lines = ["route:", "  receiver: root", "  routes:"]
        names = [f"r{n}" for n in range(6)]
        for name in names:
            matchers = [rng.choice(MATCHERS).format(rng.choice("pq")) for _ in range(rng.choice((1, 1, 2)))]
            lines += [
                f"    - receiver: {name}",
                f"      continue: {str(rng.random() < 0.2).lower()}",
                "      matchers:",
            ]
            lines += [f"        - '{matcher}'" for matcher in matchers]
        lines += ["receivers:", *(f"  - name: {name}" for name in ("root", *names))]
        text = "\n".join(lines) + "\n"
        found = lint_routes(text, rules=None)
        for diagnostic in found.report:
            if diagnostic.code in ("routes/shadowed", "routes/never-matches"):
                above = text.split("\n")[: diagnostic.span.line]
                dead.add(next(line.split(": ")[1] for line in reversed(above) if "- receiver: " in line))
    path = tmp_path / "alertmanager.yml"
    path.write_text(text)
    reached = {r for p in VALUES for q in rng.sample(VALUES, 3) for r in receivers(path, {"p": p, "q": q})}
    assert not dead & reached, text
    assert reached


@pytest.mark.parametrize("code", [check.code for check in route_checks()])
def test_amtool_takes_both_examples_of_a_page(code: str, tmp_path: Path) -> None:
    """All but what is refused anyway: these checks find what Alertmanager accepts."""
    path = tmp_path / "alertmanager.yml"
    for example in re.findall(r"```yaml\n(.*?)```", page(code) or "", re.S):
        path.write_text(example)
        assert accepted(path)


def test_a_stripped_brace_changes_the_pattern(tmp_path: Path) -> None:
    bad, good = re.findall(r"```yaml\n(.*?)```", page("routes/stripped-brace") or "", re.S)
    path = tmp_path / "alertmanager.yml"
    path.write_text(bad)
    assert receivers(path, {"code": "500"}) == ["ops"]
    path.write_text(good)
    assert receivers(path, {"code": "500"}) == ["team"]


HEAD = "route:\n  receiver: a\n"
TAIL = "receivers:\n  - name: a\n"
REFUSED = {
    "receiver": HEAD + "  routes: [{receiver: «b»}]\n" + TAIL,
    "interval": HEAD + "  routes: [{mute_time_intervals: [«nights»]}]\n" + TAIL,
    "key": HEAD + "  «groupby»: [a]\n" + TAIL,
    "matcher": HEAD + "  routes: [{matchers: ['«severity»']}]\n" + TAIL,
    "pattern": HEAD + "  routes: [{matchers: ['a=~«\"(\"»']}]\n" + TAIL,
    "old pattern": HEAD + "  routes: [{match_re: {a: «(»}}]\n" + TAIL,
    "root": "route:\n  receiver: a\n  matchers: ['«a=\"b\"»']\n" + TAIL,
    "duration": HEAD + "  group_wait: «soon»\n" + TAIL,
    "twice": HEAD + TAIL + "  - name: «a»\n",
    "no name": HEAD + TAIL + "  - «{slack_configs: []}»\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_alertmanager_refuses_is_found_at_its_place(name: str, tmp_path: Path) -> None:
    text = REFUSED[name].replace("«", "").replace("»", "")
    found = lint_routes(text, rules=None)
    assert cut(found, one(found, "routes/invalid").span) == REFUSED[name].split("«")[1].split("»")[0]
    path = tmp_path / "alertmanager.yml"
    path.write_text(text)
    assert not accepted(path)


@pytest.mark.parametrize(
    "text", ["receivers: [{name: a}]\n", "route: {group_by: [a]}\nreceivers: [{name: a}]\n", "a: 1\n"]
)
def test_without_a_root(text: str, tmp_path: Path) -> None:
    path = tmp_path / "alertmanager.yml"
    path.write_text(text)
    assert "routes/invalid" in codes(lint_routes(text, rules=None))
    assert not accepted(path)
