"""The whole proof of one compilation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

from monitoring_kit.conventions import ALERTMANAGER_YML, PROMETHEUS_YML
from monitoring_kit.diagnostics import Diagnostic, InternalError, Report, Span
from monitoring_kit.emit import Output
from monitoring_kit.frozen import dataclass
from monitoring_kit.verify import alertmanager, prometheus
from monitoring_kit.verify.parse_back import parse_back
from monitoring_kit.verify.programs import private_copy

if TYPE_CHECKING:
    from monitoring_kit.stack.tools import Tool


@dataclass(frozen=True, slots=True)
class Verification:
    """What proved the files: tool name to version, and what the tools at hand could not check."""

    tools: dict[str, str] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()


# The judge of each server's files.
_JUDGES = {"promtool": "prometheus", "amtool": "alertmanager"}
_NEEDS_FEATURE = re.compile(r"not enabled|experimental|--enable-feature")


def verify(
    outputs: Mapping[str, Output], meant_rules: int, report: Report, spec: str, tools: Mapping[str, Tool] | None = None,
    targets: Mapping[str, str] | None = None, features: Sequence[str] = (),
) -> Verification:  # fmt: skip
    """Read everything back, then let promtool and amtool judge it in a private folder.

    ``meant_rules`` is the number of rules in the model; ``targets`` the versions that the spec targets, by server;
    ``features`` those that its Prometheus servers enable. A missing tool is the error ``verify/missing-tool`` at the
    ``spec`` file. Raises ``InternalError`` when the files do not say what the model says.
    """
    parse_back(outputs)
    if (emitted := prometheus.count_rules(outputs)) != meant_rules:
        raise InternalError(f"{meant_rules} rules were meant, but {emitted} are in the rule files")
    needed = _needed(outputs)
    if tools is None:
        from monitoring_kit.stack.tools import find_tools

        tools = find_tools()
    usable = {name: tools[name] for name in needed if name in tools and tools[name].path}
    for name in needed:
        if name not in usable:
            reason = tools[name].missing_reason if name in tools else "not found"
            report.error(
                "verify/missing-tool", f"{name} is missing, so the files cannot be verified", Span(spec),
                help=f"{reason}\nor write unverified files with --no-verify",
            )  # fmt: skip
    said = Report()
    skipped = _judge(outputs, meant_rules, usable, said, features) if usable else []
    for found in said:
        report.add(_excused(_unfeatured(found, usable, features), usable, targets or {}))
    for what, help_ in skipped:
        report.info("verify/partial", f"not verified: {what}", Span(spec), help=help_)
    return Verification(
        {name: tool.version or "unknown" for name, tool in usable.items()}, tuple(what for what, _ in skipped)
    )


def _unfeatured(found: Diagnostic, tools: Mapping[str, Tool], features: Sequence[str]) -> Diagnostic:
    """promtool rejects what a feature of the server allows, and its own build knows no such feature (2.x, mostly): nobody's mistake."""
    if found.code != "verify/promtool" or not _NEEDS_FEATURE.search(found.message):
        return found
    tool = tools["promtool"]
    assert tool.path is not None
    passed = "".join(prometheus.feature_flags(tool.path, features, tool.path.parent)).partition("=")[2].split(",")
    lacking = [f"`{feature}`" for feature in features if feature.startswith("promql-") and feature not in passed]
    if not lacking:
        return found
    return replace(
        found,
        help=f"this promtool is {tool.version} and has no {', '.join(lacking)} to enable, as the spec's server does: get a newer one with "
        "`mkit tools fetch --suite sid` and run again with MKIT_SUITE=sid, or name yours in MKIT_PROMTOOL",
    )


def _excused(found: Diagnostic, tools: Mapping[str, Tool], targets: Mapping[str, str]) -> Diagnostic:
    """A tool that is older than the target rejects what only newer servers know: that is no mistake of anybody."""
    name = found.code.removeprefix("verify/")
    target = targets.get(_JUDGES.get(name, ""))
    if target is None or name not in tools or (release := tools[name].release) is None:
        return found
    if release >= tuple(int(part) for part in target.split(".")[:2]):
        return found
    return replace(
        found,
        help=f"this {name} is {tools[name].version} and cannot judge files for {_JUDGES[name]} {target}: get a newer one with "
        f"`mkit tools fetch --suite sid` and run again with MKIT_SUITE=sid, or name yours in MKIT_{name.upper()}",
    )


def _needed(outputs: Mapping[str, Output]) -> list[str]:
    names = []
    if PROMETHEUS_YML in outputs or prometheus.rule_files(outputs) or prometheus.web_files(outputs):
        names.append("promtool")
    if ALERTMANAGER_YML in outputs:
        names.append("amtool")
    return names


def _judge(
    outputs: Mapping[str, Output], meant: int, tools: Mapping[str, Tool], report: Report, features: Sequence[str]
) -> list[prometheus.Skipped]:
    wanted = [
        p for p in outputs if p.startswith(("prometheus/", "alertmanager/")) or p in prometheus.web_files(outputs)
    ]
    skipped: list[prometheus.Skipped] = []
    with private_copy(outputs, wanted) as root:
        if (promtool := tools.get("promtool")) and promtool.path:
            flags = prometheus.feature_flags(promtool.path, features, root)
            skipped += prometheus.check_config(promtool.path, root, outputs, report, flags)
            prometheus.check_rules(promtool.path, root, outputs, meant, report, flags)
            skipped += prometheus.check_web(promtool.path, root, outputs, report)
        if (amtool := tools.get("amtool")) and amtool.path:
            alertmanager.check_config(amtool.path, root, outputs, report)
    return skipped
