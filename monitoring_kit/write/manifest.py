"""``manifest.json``: what mkit wrote, from what, for which versions, and what proved it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from monitoring_kit import __version__
from monitoring_kit.conventions import MANIFEST
from monitoring_kit.emit import Output
from monitoring_kit.emit.json_text import json_text
from monitoring_kit.frozen import dataclass

FORMAT = 1
_MAX_BYTES = 64 * 1024 * 1024


class BadManifestError(Exception):
    """``manifest.json`` exists, but mkit did not write it or it was damaged."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as read: path to SHA-256 of the files that are ours, and the whole of it as plain data."""

    files: dict[str, str]
    data: dict[str, Any]

    @property
    def proof_aside(self) -> dict[str, Any]:
        """The manifest without which tools verified it: that differs from machine to machine and is no drift."""
        return {k: v for k, v in self.data.items() if k != "verified"}


def manifest_bytes(
    outputs: Mapping[str, Output],
    *,
    spec_file: str,
    spec_sha256: str,
    environment: str | None,
    targets: Mapping[str, str],
    verified: Mapping[str, str] | bool,
    skipped: tuple[str, ...] = (),
) -> bytes:
    """The text of the manifest. ``verified`` holds the tools with their versions, or False for ``--no-verify``; ``skipped`` what
    they could not check. Holds no time and no host: the same spec gives the same manifest."""
    proof: dict[str, Any] | bool = dict(sorted(verified.items())) if isinstance(verified, Mapping) else False
    if isinstance(proof, dict) and skipped:
        proof = {**proof, "not_checked": list(skipped)}
    tree = {
        "format": FORMAT,
        "generator": f"mkit {__version__}",
        "spec": {"file": spec_file, "sha256": spec_sha256, "environment": environment},
        "targets": dict(sorted(targets.items())),
        "verified": proof,
        "files": {
            path: {"sha256": o.sha256, "mode": f"{o.mode:04o}", "bytes": len(o.data)}
            for path, o in sorted(outputs.items())
        },
    }
    return json_text(tree)[0].encode()


def read_manifest(out: Path) -> Manifest | None:
    """The manifest in ``out``; None when there is none. Raises ``BadManifestError`` for anything that mkit would not write,
    a path that leaves the folder included: its entries decide what may be overwritten and removed."""
    path = out / MANIFEST
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise BadManifestError(f"{path} is not a regular file")
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise BadManifestError(f"{path} is too large to be mkit's")
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadManifestError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise BadManifestError(f"{path} is not a manifest of mkit: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT or not isinstance(data.get("files"), dict):
        raise BadManifestError(f"{path} is not a manifest of mkit")
    files = {}
    for name, entry in data["files"].items():
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or str(pure) != name or "\0" in name or not isinstance(entry, dict):
            raise BadManifestError(f"{path} names {name!r}, which mkit would not write")
        files[name] = str(entry.get("sha256", ""))
    return Manifest(files, data)
