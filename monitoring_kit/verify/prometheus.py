"""promtool's proof: the configuration, all rule files in one call, the web configurations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from monitoring_kit.conventions import PROMETHEUS_YML, RULES_FOLDER
from monitoring_kit.diagnostics import InternalError, Report, Span
from monitoring_kit.emit import Output
from monitoring_kit.emit.yaml_text import yaml_text
from monitoring_kit.verify.blame import blame
from monitoring_kit.verify.programs import run

_FOUND = re.compile(r"SUCCESS: (\d+) rules? found")
_UNKNOWN_SD = re.compile(r"field (\w+_sd_configs) not found in type config\.ScrapeConfig")
# The options of `--enable-feature` in the help; up to 2.x it names a single one.
_FEATURES_HELP = re.compile(r"--enable-feature=.*?(?=\n\n|\n +--|\Z)", re.DOTALL)
_MISSING_FILE = re.compile(r"no such file or directory|permission denied")

# Prometheus' documentation, "scrape_config". A distribution may leave some out of its build; Debian does.
SERVICE_DISCOVERIES = frozenset(
    f"{name}_sd_configs"
    for name in (
        "azure", "consul", "digitalocean", "docker", "dockerswarm", "dns", "ec2", "eureka", "file", "gce", "hetzner", "http", "ionos",
        "kubernetes", "kuma", "lightsail", "linode", "marathon", "nerve", "nomad", "openstack", "ovhcloud", "puppetdb", "scaleway",
        "serverset", "triton", "uyuni", "vultr",
    )
)  # fmt: skip


def rule_files(outputs: Mapping[str, Output]) -> list[str]:
    """The paths of the rule files among the outputs."""
    return [path for path in outputs if path.startswith(f"{RULES_FOLDER}/") and path.endswith((".yml", ".yaml"))]


def web_files(outputs: Mapping[str, Output]) -> list[str]:
    """The paths of the web configurations (exporter-toolkit format) among the outputs."""
    return [path for path in outputs if path.rpartition("/")[2] == "web.yml"]


class Skipped(NamedTuple):
    """What the tool could not judge, and how it can be."""

    what: str
    help: str


def count_rules(outputs: Mapping[str, Output]) -> int:
    """The rules that the rule files' trees hold."""
    groups = [group for path in rule_files(outputs) for group in outputs[path].tree.get("groups", ())]
    return sum(len(group["rules"]) for group in groups)


def feature_flags(promtool: Path, features: Sequence[str], folder: Path) -> list[str]:
    """``--enable-feature`` for those of the server's ``features`` that this promtool knows: it warns of all others, and only a few
    of a server's change what it judges."""
    if not features:
        return []
    known = _FEATURES_HELP.search(run(promtool, ["--help"], folder).text)
    words = set(re.findall(r"[a-z0-9-]+", known[0])) if known else set()
    wanted = [feature for feature in features if feature in words]
    return [f"--enable-feature={','.join(wanted)}"] if wanted else []


def check_config(
    promtool: Path, root: Path, outputs: Mapping[str, Output], report: Report, flags: Sequence[str] = ()
) -> list[Skipped]:
    """``promtool check config`` without the referenced files: secrets are on the servers, not here. The result says what
    this promtool could not check: Debian builds it without several service discoveries."""
    if PROMETHEUS_YML not in outputs:
        return []
    result = run(promtool, [*flags, "check", "config", "--syntax-only", PROMETHEUS_YML], root)
    skipped: list[Skipped] = []
    unknown = sorted(set(_UNKNOWN_SD.findall(result.text)) & SERVICE_DISCOVERIES)
    if unknown:
        slim = "prometheus/without-discovery.yml"
        (root / slim).write_text(yaml_text(_without(outputs[PROMETHEUS_YML].tree, unknown))[0], encoding="utf-8")
        result = run(promtool, [*flags, "check", "config", "--syntax-only", slim], root)
        what = f"{', '.join(unknown)} of {PROMETHEUS_YML}: this promtool was built without"
        skipped.append(Skipped(what, "a complete promtool is in the official release archives"))
        if result.failed:
            # Its line numbers are those of the slim copy.
            report.error("verify/promtool", f"promtool rejects {PROMETHEUS_YML}: {result.text}", Span(PROMETHEUS_YML))
    elif result.failed:
        blame("promtool", result.text, PROMETHEUS_YML, outputs, report)
    return skipped


def _without(config: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    jobs = [{k: v for k, v in job.items() if k not in keys} for job in config.get("scrape_configs", ())]
    return {**config, "scrape_configs": jobs}


def check_rules(
    promtool: Path, root: Path, outputs: Mapping[str, Output], meant: int, report: Report, flags: Sequence[str] = ()
) -> None:
    """``promtool check rules`` on all files at once. Raises ``InternalError`` when it accepts them but finds another number
    of rules than the ``meant`` ones."""
    paths = rule_files(outputs)
    if not paths:
        if meant:
            raise InternalError(f"{meant} rules were meant, but there is no rule file")
        return
    result = run(promtool, [*flags, "check", "rules", *paths], root)
    if result.failed:
        blame("promtool", result.text, paths[0], outputs, report)
        return
    if "lint error" in result.text:
        # Its exit code is 0, and a file with a lint error has no count.
        raise InternalError(f"promtool finds fault with the rules: {' '.join(result.text.split())[:500]}")
    found = sum(int(number) for number in _FOUND.findall(result.out))
    if found != meant:
        raise InternalError(f"{meant} rules were meant, but promtool found {found}")


def check_web(promtool: Path, root: Path, outputs: Mapping[str, Output], report: Report) -> list[Skipped]:
    """``promtool check web-config``. It loads the TLS files, which are on the servers: where they are missing here, the rest of
    the file is checked without its TLS part, and the result says so."""
    skipped: list[Skipped] = []
    for path in web_files(outputs):
        result = run(promtool, ["check", "web-config", path], root)
        if result.failed and _MISSING_FILE.search(result.text) and "tls_server_config" in outputs[path].tree:
            slim = f"{path}.without-tls.yml"
            rest = {k: v for k, v in outputs[path].tree.items() if k != "tls_server_config"}
            (root / slim).write_text(yaml_text(rest)[0], encoding="utf-8")
            result = run(promtool, ["check", "web-config", slim], root)
            what = f"tls_server_config of {path}: its certificate is not on this machine"
            skipped.append(Skipped(what, "generate where the server's files are, and it is judged as well"))
        if result.failed:
            blame("promtool", result.text, path, outputs, report)
    return skipped
