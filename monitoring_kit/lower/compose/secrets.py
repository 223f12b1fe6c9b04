"""Secret files: which ones the spec names, and how they get into the containers."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import fields

from monitoring_kit.conventions import slug
from monitoring_kit.frozen import dataclass
from monitoring_kit.spec.shapes import Item


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret file: ``name`` under the folder of secrets on the host, ``path`` as the spec calls it inside the container."""

    name: str
    path: str


class Secrets:
    """Gives every secret file one name, the same wherever it is used."""

    def __init__(self) -> None:
        self._by_path: dict[str, Secret] = {}
        self._beside: dict[str, str] = {}

    def of(self, items: Iterable[object], mounted: str) -> list[Secret]:
        """The secret files that ``items`` name. A path below the folder ``mounted`` (or relative to it) is no mount of its
        own: the file lies in that folder, which is mounted as a whole."""
        found = {}
        for path in files_named(items):
            full = posixpath.normpath(posixpath.join(mounted, path))
            if full.startswith(f"{mounted}/"):
                self._beside[full] = f"{posixpath.basename(mounted)}/{full.removeprefix(f'{mounted}/')}"
            else:
                found[full] = self.named(full)
        return list(found.values())

    def named(self, path: str) -> Secret:
        """The secret at a path inside the containers."""
        if path not in self._by_path:
            wanted = slug(posixpath.basename(path)) or "secret"
            taken = {secret.name for secret in self._by_path.values()}
            name, number = wanted, 2
            while name in taken:
                name, number = f"{wanted}-{number}", number + 1
            self._by_path[path] = Secret(name, path)
        return self._by_path[path]

    def beside(self) -> list[tuple[str, str]]:
        """The files that must lie in a mounted folder beside compose.yaml: where, and their path inside the containers."""
        return sorted((here, inside) for inside, here in self._beside.items())

    def all(self) -> list[Secret]:
        """Every secret that was named so far, by name."""
        return sorted(self._by_path.values(), key=lambda secret: secret.name)


def files_named(value: object) -> Iterator[str]:
    """All values of keys that end in ``_file``, anywhere in spec records."""
    if isinstance(value, Item):
        for attribute in fields(value):
            inner = getattr(value, attribute.name)
            if attribute.name.endswith("_file") and isinstance(inner, str):
                yield inner
            elif "shape" in attribute.metadata:
                yield from files_named(inner)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from files_named(inner)
    elif isinstance(value, (tuple, list)):
        for inner in value:
            yield from files_named(inner)
