"""The load stage: spec file, includes and environment overlay to one positioned tree."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping as Map
from pathlib import Path

from monitoring_kit.diagnostics import Note, Report, Source, Span, Stop
from monitoring_kit.diagnostics.suggest import did_you_mean
from monitoring_kit.frozen import dataclass
from monitoring_kit.load.limits import MAX_INCLUDED_FILES
from monitoring_kit.load.nodes import Mapping, Node, Scalar, Sequence
from monitoring_kit.load.overlay import clashes, overlay
from monitoring_kit.load.placeholders import fill
from monitoring_kit.load.reader import read_yaml
from monitoring_kit.load.source import read_source


@dataclass(frozen=True, slots=True)
class Document:
    """A loaded spec: its tree with the overlay applied, the environment's name, and the hash of all text that went in."""

    path: str
    root: Mapping
    environment: str | None
    sha256: str
    sources: tuple[Source, ...]


def load(path: str | Path, report: Report, env: str | None = None, environ: Map[str, str] | None = None) -> Document:
    """Read ``path`` with its includes, apply the overlay ``environments.<env>``, fill ``${NAME}`` placeholders.

    Raises ``Stop`` when there is no tree to go on with; smaller mistakes only go to ``report``.
    """
    reader = _Includes(report)
    root = reader.read(str(path), None)
    environments = root.get("environments")
    if env is not None:
        root = _apply(root, environments, env, report)
    fill(root, os.environ if environ is None else environ, report)
    sources = tuple(reader.sources)
    digest = hashlib.sha256()
    for source in sources:
        digest.update(f"{len(source.text)}\n".encode() + source.text.encode())
    return Document(str(path), root, env, digest.hexdigest(), sources)


def _apply(root: Mapping, environments: Node | None, env: str, report: Report) -> Mapping:
    known = environments.entries if isinstance(environments, Mapping) else {}
    if env not in known:
        span = environments.span if environments else root.span
        report.error("env/unknown", f"there is no environment `{env}`", span, help=did_you_mean(env, known, "defined"))
        raise Stop
    over = known[env].value
    if not isinstance(over, Mapping):
        report.error("spec/type", f"the environment `{env}` must be a mapping", over.span)
        raise Stop
    # The overlay's own `labels` stay under environments: they become external labels, not a top-level key.
    rest = Mapping({k: e for k, e in over.entries.items() if k != "labels"}, over.span)
    return overlay(root, rest)


class _Includes:
    def __init__(self, report: Report) -> None:
        self.report = report
        self.sources: list[Source] = []
        self.chain: list[str] = []
        self.done: set[str] = set()

    def read(self, path: str, wanted_by: Span | None) -> Mapping:
        real = os.path.realpath(path)
        if real in self.chain:
            names = " -> ".join(os.path.basename(p) for p in [*self.chain[self.chain.index(real) :], real])
            self.report.error("include/cycle", f"the includes form a circle: {names}", wanted_by or Span(path))
            raise Stop
        if len(self.sources) >= MAX_INCLUDED_FILES:
            self.report.error(
                "yaml/limit", f"more than {MAX_INCLUDED_FILES} files are included", wanted_by or Span(path)
            )
            raise Stop
        source = read_source(path, self.report, wanted_by)
        self.sources.append(source)
        root = read_yaml(source, self.report)
        if root is None or (isinstance(root, Scalar) and root.is_null):
            self.report.error("spec/empty", f"{path} is empty", Span(path), help="`mkit init` writes a first spec")
            raise Stop
        if not isinstance(root, Mapping):
            self.report.error(
                "spec/type",
                f"{path} does not hold a mapping",
                root.span,
                help="a spec starts with `version: mkit/v1`",
            )
            raise Stop
        self.chain.append(real)
        merged = self._include(root, path)
        self.chain.pop()
        return merged

    def _include(self, root: Mapping, path: str) -> Mapping:
        wanted = root.entries.pop("include", None)
        if wanted is None:
            return root
        names = wanted.value.items if isinstance(wanted.value, Sequence) else [wanted.value]
        for name in names:
            if not isinstance(name, Scalar) or not name.text:
                self.report.error("spec/type", "`include` takes file names", name.span)
                continue
            target = os.path.normpath(os.path.join(os.path.dirname(path), name.text))
            real = os.path.realpath(target)
            if real in self.done:
                continue
            part = self.read(target, name.span)
            self.done.add(real)
            for first, second in clashes(root, part):
                self.report.error(
                    "include/clash", f"`{second.key.text}` is defined in two files", second.key.span,
                    notes=(Note(first.key.span, "also defined here"),),
                )  # fmt: skip
            root = overlay(part, root)
        return root
