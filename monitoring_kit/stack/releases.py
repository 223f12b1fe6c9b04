"""Official release archives of Prometheus and Alertmanager, for machines without Debian's packages.

Versions and SHA-256 checksums are pinned in `releases.yaml`; an archive that does not match is thrown
away. A platform without a pinned checksum is refused: a checksum fetched from the same place as the
archive would prove nothing.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitoring_kit.shipped import yaml_of

MAX_ARCHIVE_BYTES = 512 * 1024 * 1024
_CHUNK = 1 << 20
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class ReleaseError(Exception):
    """No archive for this platform, or it did not arrive whole, or its checksum differs."""


@dataclass(frozen=True)
class Release:
    """One archive: which programs it holds, where it is, and what it must hash to."""

    name: str
    version: str
    url: str
    sha256: str
    programs: tuple[str, ...]


def host_platform(system: str, machine: str) -> str:
    """The platform in the archives' own words: `linux-amd64`, `darwin-arm64`."""
    return f"{system.removesuffix('2')}-{_MACHINES.get(machine.lower(), machine.lower())}"


def shipped_table() -> dict[str, Any]:
    """The pinned releases of `releases.yaml`, as it stands there."""
    return yaml_of("monitoring_kit.stack", "releases.yaml")  # type: ignore[no-any-return]


def pinned(platform: str, table: Mapping[str, Any] | None = None) -> list[Release]:
    """The releases pinned for `platform`. Raises ReleaseError naming the platforms that are."""
    found: list[Release] = []
    for name, entry in (shipped_table() if table is None else table).items():
        checksum = (entry.get("sha256") or {}).get(platform)
        if checksum is None:
            have = ", ".join(sorted(entry.get("sha256") or {})) or "none"
            raise ReleaseError(f"{name} {entry['version']} has no pinned checksum for {platform} (pinned: {have})")
        url = str(entry["url"]).format(version=entry["version"], platform=platform)
        found.append(Release(name, str(entry["version"]), url, str(checksum), tuple(entry["programs"])))
    return found


def fetch(folder: Path, platform: str, table: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Download, check and unpack every pinned release into `folder/root/usr/bin`; name to version.

    Raises ReleaseError; then nothing of the failing archive is left behind.
    """
    wanted = pinned(platform, table)
    target = folder / "root" / "usr" / "bin"
    target.mkdir(parents=True, exist_ok=True)
    for release in wanted:
        with tempfile.TemporaryDirectory(dir=folder, prefix="fetch-") as scratch:
            archive = Path(scratch, "archive.tar.gz")
            _download(release, archive)
            _unpack(release, archive, target)
    return {release.name: release.version for release in wanted}


def _download(release: Release, archive: Path) -> None:
    import requests

    digest = hashlib.sha256()
    size = 0
    try:
        with requests.get(release.url, stream=True, timeout=(10, 60)) as answer, archive.open("wb") as file:
            answer.raise_for_status()
            for chunk in answer.iter_content(_CHUNK):
                size += len(chunk)
                if size > MAX_ARCHIVE_BYTES:
                    raise ReleaseError(f"{release.name}: the archive is larger than {MAX_ARCHIVE_BYTES} bytes")
                digest.update(chunk)
                file.write(chunk)
    except requests.RequestException as error:
        raise ReleaseError(f"{release.name}: {type(error).__name__} for {release.url}") from error
    if digest.hexdigest() != release.sha256:
        raise ReleaseError(f"{release.name} {release.version}: checksum {digest.hexdigest()}, pinned {release.sha256}")


def _unpack(release: Release, archive: Path, target: Path) -> None:
    unpacked = archive.parent / "programs"
    unpacked.mkdir()
    try:
        _extract(archive, set(release.programs), unpacked)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ReleaseError(f"{release.name}: not a whole tar archive: {error}") from error
    if left := [name for name in release.programs if not (unpacked / name).is_file()]:
        raise ReleaseError(f"{release.name}: the archive holds no {', '.join(sorted(left))}")
    for name in release.programs:
        (unpacked / name).replace(target / name)


def _extract(archive: Path, wanted: set[str], folder: Path) -> None:
    """Only plain files that we asked for, written under names of our own choosing."""
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            name = Path(member.name).name
            source = tar.extractfile(member) if name in wanted and member.isfile() else None
            if source is None:
                continue
            with source, (folder / name).open("wb") as file:
                shutil.copyfileobj(source, file)
            (folder / name).chmod(0o755)
            wanted.discard(name)
