"""Debian packages without touching the system: `apt-get download` and `dpkg -x` into one folder.

Every suite gets lists, cache and state of its own under that folder, so the machine's package
lists, its dpkg database and `/usr` stay as they are and no root is needed. The machine's own
`apt.conf` still applies (proxies, credentials), and so does its mirror.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# Debian's own name for "a mirror near you", used only where the machine's apt names none.
DEFAULT_MIRROR = "https://deb.debian.org/debian"
DEBIAN_RELEASES = ("bullseye", "bookworm", "trixie", "forky", "sid", "stable", "testing", "unstable")
LISTS_FRESH_SECONDS = 12 * 3600
COMMAND_TIMEOUT = 600.0


class AptError(Exception):
    """A package could not be fetched; the text says which command failed and what it answered."""


@dataclass(frozen=True)
class Package:
    """One unpacked package: its name and the version that the mirror served."""

    name: str
    version: str


def available() -> bool:
    """Whether this machine has the two programs that a fetch needs."""
    return shutil.which("apt-get") is not None and shutil.which("dpkg") is not None


def system_mirror() -> str:
    """`MKIT_DEBIAN_MIRROR`, else the mirror of this machine's own apt, else Debian's public name."""
    if explicit := os.environ.get("MKIT_DEBIAN_MIRROR"):
        return explicit
    try:
        answer = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)", "Created-By: Packages"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return DEFAULT_MIRROR
    return pick_mirror(answer)


def pick_mirror(targets: str) -> str:
    """The first site in `SITE RELEASE` lines that serves a release of Debian itself."""
    for line in targets.splitlines():
        site, _, release = line.strip().partition(" ")
        if site.startswith(("http://", "https://", "mirror+", "file:", "copy:")) and release in DEBIAN_RELEASES:
            return site
    return DEFAULT_MIRROR


@dataclass(frozen=True)
class PrivateApt:
    """One suite of Debian in one folder.

    `folder/root` holds the unpacked packages, `folder/apt` the lists and downloads, and
    `folder/packages.json` what was unpacked. Two processes may fetch at once: the second waits.
    `prepare` may change each unpacked package before it moves to its place.
    """

    suite: str
    folder: Path
    mirror: str = field(default_factory=system_mirror)
    prepare: Callable[[Path], None] | None = None

    @property
    def root(self) -> Path:
        """Where the packages are unpacked; it has `usr/bin` and so on below it."""
        return self.folder / "root"

    def unpacked(self) -> dict[str, str]:
        """Package name to version of what lies under `root`; empty before the first fetch."""
        try:
            found = json.loads((self.folder / "packages.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(name): str(version) for name, version in found.items()} if isinstance(found, dict) else {}

    def fetch(self, packages: Sequence[str], *, with_dependencies: bool = False) -> list[Package]:
        """Download and unpack `packages`, those that the suite does not know left out.

        With dependencies, whatever the machine itself lacks comes too (the machine's dpkg status is
        read, never written). Returns what was unpacked. Raises AptError with apt's own words.
        """
        if not available():
            raise AptError("apt-get and dpkg are not on this machine")
        self.folder.mkdir(parents=True, exist_ok=True)
        with _locked(self.folder / ".lock"):
            self._write_sources()
            self._update()
            known = self._known(packages)
            if not known:
                raise AptError(f"{self.suite} serves none of: {', '.join(packages)}")
            return self._unpack(self._download(known, with_dependencies))

    def _options(self, *, system_status: bool = False) -> list[str]:
        # Relative paths would be taken below /etc/apt and /var.
        apt = self.folder.absolute() / "apt"
        settings = {
            "Dir::Etc::sourcelist": apt / "sources.list",
            "Dir::Etc::sourceparts": os.devnull,
            "Dir::Etc::preferences": os.devnull,
            "Dir::Etc::preferencesparts": os.devnull,
            "Dir::State::Lists": apt / "lists",
            "Dir::Cache": apt / "cache",
            "APT::Get::List-Cleanup": "false",
            "APT::Default-Release": "",
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "",
            "Acquire::Languages": "none",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
            "Acquire::GzipIndexes": "true",
            "Acquire::Retries": "3",
            "Debug::NoLocking": "true",
        }
        if not system_status:
            # Else an installed version that this suite does not serve would be the candidate.
            settings["Dir::State::status"] = apt / "status"
        return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]

    def _write_sources(self) -> None:
        apt = self.folder / "apt"
        for part in ("lists/partial", "cache/archives/partial"):
            (apt / part).mkdir(parents=True, exist_ok=True)
        (apt / "status").touch()
        signed = f" [signed-by={KEYRING}]" if KEYRING.is_file() else ""
        line = f"deb{signed} {self.mirror} {self.suite} main\n"
        sources = apt / "sources.list"
        if not sources.is_file() or sources.read_text(encoding="utf-8") != line:
            (apt / "updated").unlink(missing_ok=True)
            sources.write_text(line, encoding="utf-8")

    def _update(self) -> None:
        stamp = self.folder / "apt" / "updated"
        if stamp.is_file() and time.time() - stamp.stat().st_mtime < LISTS_FRESH_SECONDS:
            return
        _apt(["apt-get", *self._options(), "-o", "APT::Update::Error-Mode=any", "update"])
        stamp.touch()

    def _known(self, packages: Iterable[str]) -> list[str]:
        wanted = list(dict.fromkeys(packages))
        answer = _apt(["apt-cache", *self._options(), "policy", *wanted])
        served = set(re.findall(r"^(\S+):\n.*\n  Candidate: (?!\(none\))", answer, re.MULTILINE))
        return [name for name in wanted if name in served]

    def _download(self, packages: Sequence[str], with_dependencies: bool) -> list[Path]:
        archives = self.folder / "apt" / "cache" / "archives"
        for old in archives.glob("*.deb"):
            old.unlink()
        if with_dependencies:
            # Dir::Cache moves the archives here; --download-only never reaches dpkg.
            options = self._options(system_status=True)
            _apt(["apt-get", *options, "--yes", "--download-only", "install", *packages])
            # apt downloads nothing for a package that the machine already has at that version.
            missing = [name for name in packages if not any(archives.glob(f"{name}_*.deb"))]
        else:
            missing = list(packages)
        if missing:
            _apt(["apt-get", *self._options(), "download", *missing], cwd=archives)
        return sorted(archives.glob("*.deb"))

    def _unpack(self, archives: Sequence[Path]) -> list[Package]:
        done: list[Package] = []
        self.root.mkdir(parents=True, exist_ok=True)
        for archive in archives:
            fields = _apt(["dpkg-deb", "--show", "--showformat", "${Package} ${Version}", str(archive)])
            name, _, version = fields.strip().partition(" ")
            with tempfile.TemporaryDirectory(dir=self.folder, prefix="unpack-") as scratch:
                _apt(["dpkg", "-x", str(archive), scratch])
                if self.prepare:
                    self.prepare(Path(scratch))
                _move_tree(Path(scratch), self.root)
            archive.unlink()
            done.append(Package(name, version))
        have = self.unpacked() | {package.name: package.version for package in done}
        fresh = self.folder / "packages.json.new"
        fresh.write_text(json.dumps(have, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        fresh.replace(self.folder / "packages.json")
        return done


def _move_tree(source: Path, target: Path) -> None:
    """Move every file into place in one step each: a tool is whole or not there, also while it is replaced."""
    for folder, subfolders, files in os.walk(source):
        place = target / Path(folder).relative_to(source)
        place.mkdir(parents=True, exist_ok=True)
        links = [name for name in subfolders if Path(folder, name).is_symlink()]
        for name in (*files, *links):
            if not (place / name).is_dir() or (place / name).is_symlink():
                Path(folder, name).replace(place / name)


def _apt(command: list[str], cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT,
            check=False,
        )
    except OSError as error:
        raise AptError(f"{command[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise AptError(f"{command[0]} gave no answer within {COMMAND_TIMEOUT:.0f} s") from error
    if done.returncode != 0:
        words = [line for line in done.stderr.splitlines() if line.startswith(("E:", "W:", "dpkg"))]
        raise AptError("\n".join([f"{command[0]} failed (exit {done.returncode})", *words[-8:]]))
    return done.stdout


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)
