"""The user's own promtool test files: copied beside the generated rules, and checked for what promtool cannot see.

promtool takes an alert that no rule has for one that is silent, and a file without a test for one that passes
(prometheus/prometheus, cmd/promtool/unittest.go).
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.emit import Output
from monitoring_kit.verify.prometheus import rule_files
from monitoring_kit.verify.rule_tests.promtool import run

_ASSERTIONS = ("alert_rule_test", "promql_expr_test")


@dataclass(slots=True)
class UserTest:
    """A test file of the user's own and what is wrong with it: "" when it passed."""

    path: str
    problem: str = ""


def run_users(
    paths: Sequence[Path], outputs: Mapping[str, Output], promtool: Path, folder: Path, flags: Sequence[str] = ()
) -> list[UserTest]:
    """Run the users' own promtool test files on all generated rules: their ``rule_files`` may stay empty, and what they name beside
    them is loaded as well. A file that tests nothing, or an alert that no rule has, has failed."""
    generated = rule_files(outputs)
    for name in generated:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(outputs[name].data)
    alerts = {alert for name in generated for alert in _alerts(outputs[name].tree)}
    found = []
    for number, path in enumerate(paths):
        copy = f"user-{number:03d}.test.yml"
        problem, unknown = _copied(path, folder / copy, generated, alerts)
        if not problem:
            said = run(promtool, folder, [copy], flags=flags)[copy]
            problem = "\n".join(part for part in (unknown, said) if part)
        found.append(UserTest(str(path), problem))
    return found


def _copied(path: Path, target: Path, generated: Sequence[str], alerts: set[str]) -> tuple[str, str]:
    """Why the file is no test, and which alerts it names in vain."""
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        tree = loader.construct_document(node) if node is not None else None  # flattens merged keys as well
    except OSError as error:
        return f"cannot read it: {error.strerror}", ""
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return f"it is no YAML: {' '.join(str(error).split())}", ""
    if not isinstance(tree, dict):
        return "it is no promtool test file: a mapping with `tests` is wanted", ""
    asserted = [
        item for test in _items(_value(node, "tests")) for key in _ASSERTIONS for item in _items(_value(test, key))
    ]
    if not asserted:
        wanted = " and no ".join(f"`{key}`" for key in _ASSERTIONS)
        return f"{path}:{_line(node, 'tests')}: it proves nothing: it has no {wanted}", ""
    own = _own_rules(path.parent, tree.get("rule_files"))
    known = alerts | {name for file in own for name in _alerts_of(file)}
    tree["rule_files"] = [*generated, *map(str, own)]
    target.write_text(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return "", "\n".join(_unknown(path, asserted, known))


def _own_rules(folder: Path, patterns: object) -> list[Path]:
    """The files that ``rule_files`` names, as promtool does by patterns; what is not there stands for the generated rules."""
    named = [str(p) for p in patterns] if isinstance(patterns, list) else []
    found = [folder / name for pattern in named for name in sorted(glob.glob(pattern, root_dir=folder))]
    return [path.resolve() for path in found if path.is_file()]


def _unknown(path: Path, asserted: Sequence[yaml.Node], known: set[str]) -> Iterator[str]:
    for item in asserted:
        name = _value(item, "alertname")
        if isinstance(name, yaml.ScalarNode) and name.value and name.value not in known:
            mark = name.start_mark
            help_ = did_you_mean(name.value, known, "alerts")
            yield f"{path}:{mark.line + 1}:{mark.column + 1}: there is no alert `{name.value}`; {help_}"


def _alerts_of(file: Path) -> Iterator[str]:
    try:
        yield from _alerts(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return  # promtool says what is wrong with it


def _alerts(tree: Any) -> Iterator[str]:
    """The names of the alerts of a rule file."""
    groups = tree.get("groups") if isinstance(tree, Mapping) else None
    for group in groups or ():
        for rule in (group.get("rules") if isinstance(group, Mapping) else None) or ():
            if isinstance(rule, Mapping) and rule.get("alert"):
                yield str(rule["alert"])


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _line(node: yaml.Node | None, key: str) -> int:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((name.start_mark.line + 1 for name, _ in pairs if name.value == key), 1)
