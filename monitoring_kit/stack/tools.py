"""Find prometheus, promtool, alertmanager and amtool, and say where each came from.

With the suite `path` (the default) the order is: the variable `MKIT_<TOOL>`, PATH, the tool folders.
With a Debian suite (`bookworm`, `trixie`, `sid`; also through `MKIT_SUITE`) only what was fetched for
that suite counts, so that a matrix run cannot silently test the machine's own version three times.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

SUITES = ("bookworm", "trixie", "sid")
PATH_SUITE = "path"
RELEASE_SUITE = "release"
REQUIRED = ("prometheus", "promtool", "alertmanager", "amtool")
OPTIONAL = ("grafana-server", "victoria-metrics", "vmalert")
# The service discoveries that mkit writes; some builds of promtool lack some of them.
DISCOVERIES = ("consul", "dns", "docker", "file", "http", "kubernetes")
PROBE_TIMEOUT = 20.0

# Debian renames some programs; the first name found wins.
_PROGRAMS: dict[str, tuple[str, ...]] = {
    "alertmanager": ("alertmanager", "prometheus-alertmanager"),
    "victoria-metrics": ("victoria-metrics", "victoria-metrics-prod"),
    "vmalert": ("vmalert", "vmalert-prod"),
}
_VERSION = re.compile(r"(?i)\bversion[ :=]+v?(\d+\.\d+(?:\.\d+)?[^\s,()]*)|(?:^|[-\s])v(\d+\.\d+\.\d+\S*)")


class ToolsMissingError(Exception):
    """A required tool is neither on this machine nor could it be fetched; the text has the fix."""


class UnknownSuiteError(ValueError):
    """A suite that does not exist, by option or by `MKIT_SUITE`: wrong usage."""


@dataclass(frozen=True)
class Tool:
    """A program that mkit runs.

    `source` is `env`, `path`, `tools:<suite>` or `missing`; `missing_reason` is empty when `path` is
    set, and otherwise names the cause and the fix.
    """

    name: str
    path: Path | None
    source: str
    missing_reason: str = ""

    @property
    def found(self) -> bool:
        """Whether there is a program to run."""
        return self.path is not None

    @cached_property
    def version_text(self) -> str:
        """Whatever `--version` prints; empty if the program is missing or does not run."""
        if self.path is None:
            return ""
        try:
            done = subprocess.run(
                [str(self.path), "--version"],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=PROBE_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout + done.stderr

    @cached_property
    def version(self) -> str | None:
        """The version without a leading `v`, such as `2.42.0+ds`; None if it did not say."""
        return parse_version(self.version_text)

    @property
    def release(self) -> tuple[int, int] | None:
        """Major and minor version, for comparing; None where the version is unknown."""
        match = re.match(r"(\d+)\.(\d+)", self.version or "")
        return (int(match[1]), int(match[2])) if match else None

    def supports_sd(self, name: str) -> bool:
        """Whether this promtool knows `<name>_sd_configs` (`kubernetes`, `consul`, `http` ...).

        Debian builds promtool without several service discoveries, which then read as unknown
        fields. Raises ToolsMissingError when there is no promtool to ask.
        """
        if self.path is None:
            raise ToolsMissingError(self.missing_reason)
        return f"field {name}_sd_configs not found" not in self._probe(
            f"scrape_configs: [{{job_name: probe, {name}_sd_configs: [{{}}]}}]\n"
        )

    def _probe(self, config: str) -> str:
        with tempfile.TemporaryDirectory(prefix="mkit-probe-") as folder:
            file = Path(folder, "prometheus.yml")
            file.write_text(config, encoding="utf-8")
            done = subprocess.run(
                [str(self.path), "check", "config", "--syntax-only", str(file)],
                capture_output=True,
                text=True,
                timeout=PROBE_TIMEOUT,
                check=False,
            )
        return done.stdout + done.stderr


def parse_version(text: str) -> str | None:
    """The version in a program's `--version` output, in any of the forms that our tools print."""
    match = _VERSION.search(text)
    return (match[1] or match[2]) if match else None


def env_name(tool: str) -> str:
    """The variable that overrides where a tool is: `MKIT_PROMTOOL`, `MKIT_GRAFANA_SERVER`."""
    return "MKIT_" + tool.upper().replace("-", "_")


def chosen_suite(suite: str | None = None) -> str:
    """The suite asked for, else `MKIT_SUITE`, else `path`. Raises UnknownSuiteError for an unknown one."""
    wanted = suite or os.environ.get("MKIT_SUITE") or PATH_SUITE
    if wanted not in (*SUITES, PATH_SUITE):
        where = "" if suite else "MKIT_SUITE: "
        raise UnknownSuiteError(f"{where}unknown suite {wanted!r}: one of {', '.join((*SUITES, PATH_SUITE))}")
    return wanted


def checkout() -> Path | None:
    """The project's checkout if this package runs from one, for its ignored `.tools` folder."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() and (root / "rules").is_dir() else None


def user_folder() -> Path:
    """The user's own tool folder, below XDG_CACHE_HOME."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache, "mkit", "tools")


def tool_folders() -> list[Path]:
    """Where fetched tools may lie, best first. `MKIT_TOOLS_DIR` replaces the others."""
    explicit = os.environ.get("MKIT_TOOLS_DIR")
    if explicit:
        return [Path(explicit)]
    root = checkout()
    return [root / ".tools", user_folder()] if root else [user_folder()]


def find_tools(suite: str | None = None) -> dict[str, Tool]:
    """Every tool mkit can use, required ones first, found or not. Runs nothing.

    Raises UnknownSuiteError for an unknown suite.
    """
    chosen = chosen_suite(suite)
    return {name: _find(name, chosen) for name in (*REQUIRED, *OPTIONAL)}


def missing(tools: Mapping[str, Tool]) -> list[Tool]:
    """The required tools that were not found."""
    return [tools[name] for name in REQUIRED if not tools[name].found]


def ensure_tools(suite: str | None = None) -> dict[str, Tool]:
    """As `find_tools`, after fetching what is missing.

    Raises ToolsMissingError with what is missing, why, and the fix.
    """
    from monitoring_kit.stack.fetch import FetchError, fetch

    found = find_tools(suite)
    if not missing(found):
        return found
    try:
        fetch(chosen_suite(suite))
    except FetchError as error:
        names = ", ".join(tool.name for tool in missing(found))
        raise ToolsMissingError(f"missing: {names}\n{error}\n{missing(found)[0].missing_reason}") from error
    found = find_tools(suite)
    if left := missing(found):
        raise ToolsMissingError("\n".join(f"{tool.name}: {tool.missing_reason}" for tool in left))
    return found


def _find(name: str, suite: str) -> Tool:
    programs = _PROGRAMS.get(name, (name,))
    if suite == PATH_SUITE:
        if explicit := os.environ.get(env_name(name)):
            return _explicit(name, Path(explicit).expanduser())
        for program in programs:
            if on_path := shutil.which(program):
                return Tool(name, Path(on_path), "path")
    # On a machine without a suite asked for, the oldest suite is the most conservative judge.
    for candidate in (*SUITES, RELEASE_SUITE) if suite == PATH_SUITE else (suite,):
        for folder in tool_folders():
            for program in programs:
                path = folder / candidate / "root" / "usr" / "bin" / program
                if _runnable(path):
                    return Tool(name, path, f"tools:{candidate}")
    return Tool(name, None, "missing", _missing_reason(name, suite))


def _explicit(name: str, path: Path) -> Tool:
    if _runnable(path):
        return Tool(name, path, "env")
    cause = "is not a file" if not path.is_file() else "is not executable"
    return Tool(name, None, "missing", f"{env_name(name)} names {path}, which {cause}; correct or unset it")


def _runnable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _missing_reason(name: str, suite: str) -> str:
    if suite != PATH_SUITE:
        return f"not fetched for {suite}; run `mkit tools fetch --suite {suite}`"
    where = f"not on PATH, not in {', '.join(map(str, tool_folders()))}, {env_name(name)} is not set"
    if name in OPTIONAL:
        return f"{where}; optional, install it to use it"
    return f"{where}; run `mkit tools fetch`"
