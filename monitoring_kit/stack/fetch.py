"""Fetch the four required tools for a suite: Debian's packages, else official release archives.

Nothing outside the tool folder is written. Suites move: whatever the mirror serves is taken, and the
versions are returned for printing.
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from monitoring_kit.stack import apt, releases
from monitoring_kit.stack.relocate import relocate
from monitoring_kit.stack.tools import PATH_SUITE, SUITES, chosen_suite, tool_folders

# Newer suites have promtool as a package of its own; a suite that lacks a name is served without it.
PACKAGES = ("prometheus", "promtool", "prometheus-alertmanager")


class FetchError(Exception):
    """The tools could not be fetched; the text says what was tried and why each way failed."""


def fetch(suite: str | None = None, folder: Path | None = None) -> dict[str, str]:
    """Fetch the required tools of `suite` and return package name to version.

    `path` means: the machine's own Debian release where it is one of the suites, else bookworm, else
    (on a machine without apt) the pinned release archives. Raises FetchError.
    """
    chosen = chosen_suite(suite)
    target = folder or writable_folder()
    reasons: list[str] = []
    if apt.available():
        name = _own_release() if chosen == PATH_SUITE else chosen
        try:
            fetched = apt.PrivateApt(name, target / name, prepare=relocate).fetch(PACKAGES)
            return {package.name: package.version for package in fetched}
        except apt.AptError as error:
            reasons.append(f"Debian {name}: {error}")
    else:
        reasons.append("Debian packages: apt-get and dpkg are not on this machine")
    if chosen != PATH_SUITE:
        raise FetchError("\n".join(reasons))
    try:
        return releases.fetch(target / "release", releases.host_platform(sys.platform, platform.machine()))
    except releases.ReleaseError as error:
        reasons.append(f"official release archives: {error}")
    raise FetchError("\n".join(reasons))


def fetch_packages(packages: tuple[str, ...], suite: str = "bookworm", folder: Path | None = None) -> Path:
    """Fetch other Debian packages (exporters, databases) with what they need; return their root.

    Programs lie under `usr/bin` and `usr/sbin` there, libraries that the machine lacks under `usr/lib`.
    What is there already is not fetched again. Raises FetchError.
    """
    private = apt.PrivateApt(suite, (folder or writable_folder()) / f"{suite}-extra")
    have = private.unpacked()
    lacking = [name for name in packages if name not in have]
    if lacking:
        try:
            private.fetch(lacking, with_dependencies=True)
        except apt.AptError as error:
            raise FetchError(f"Debian {suite}: {error}") from error
    return private.root


def package_version(package: str, suite: str = "bookworm", folder: Path | None = None) -> str:
    """The version of a package that `fetch_packages` unpacked; empty if it is not there."""
    return apt.PrivateApt(suite, (folder or writable_folder()) / f"{suite}-extra").unpacked().get(package, "")


def writable_folder() -> Path:
    """The first tool folder that can be written to. Raises FetchError if none can."""
    for folder in tool_folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    raise FetchError("no tool folder is writable; set MKIT_TOOLS_DIR to a folder of yours")


def _own_release() -> str:
    try:
        name = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        name = ""
    return name if name in SUITES else SUITES[0]
