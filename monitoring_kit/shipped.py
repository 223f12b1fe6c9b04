"""Data files that ship inside of mkit's packages.

Reading them is a good part of a short run, so it goes without ``importlib.resources`` and without PyYAML's constructor.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

# A catalog of one's own is read here too; as in a spec, nothing sensible nests deeper.
MAX_DEPTH = 64
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def folder(package: str) -> Path:
    """The folder of a package such as ``monitoring_kit.rules``; mkit's packages are never zipped."""
    return Path(next(iter(import_module(package).__path__)))


def text_of(package: str, name: str) -> str:
    """The text of a file in ``package``. Raises ``OSError``."""
    return (folder(package) / name).read_text(encoding="utf-8")


def yaml_of(package: str, name: str) -> Any:
    """The data of a YAML file in ``package``."""
    return plain_yaml(text_of(package, name))


def plain_yaml(text: str) -> Any:
    """One YAML document as plain data, as ``yaml.safe_load`` reads it but in half of the time: built from libyaml's events, where it
    has no anchors and no tags. Raises ``yaml.YAMLError``, also for a document that nests deeper than MAX_DEPTH."""
    loader = _LOADER(text)
    try:
        loader.get_event()
        loader.get_event()
        value = _value(loader.get_event, loader.get_event(), MAX_DEPTH)
        if type(loader.get_event()) is yaml.DocumentEndEvent and type(loader.get_event()) is yaml.StreamEndEvent:
            return value
    except _NotPlainError:
        pass
    finally:
        loader.dispose()
    try:
        return yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader
    except RecursionError:
        raise yaml.YAMLError(_TOO_DEEP) from None


_TOO_DEEP = f"more than {MAX_DEPTH} levels of nesting"


class _NotPlainError(Exception):
    """The document needs all of YAML, or is none."""


def _value(read: Callable[[], Any], event: Any, depth: int) -> Any:
    """The value that begins with ``event``, of at most ``depth`` levels."""
    kind = type(event)
    if getattr(event, "anchor", None) is not None or getattr(event, "tag", None) is not None:
        raise _NotPlainError
    if kind is yaml.ScalarEvent:
        text = event.value
        return _resolved(text) if event.implicit[0] and text[:1] in _MARKED else text
    if not depth:
        raise yaml.YAMLError(_TOO_DEEP)
    if kind is yaml.MappingStartEvent:
        mapping = {}
        while type(key := read()) is not yaml.MappingEndEvent:
            if type(key) is not yaml.ScalarEvent:
                raise _NotPlainError
            mapping[_value(read, key, 0)] = _value(read, read(), depth - 1)
        return mapping
    if kind is yaml.SequenceStartEvent:
        items = []
        while type(item := read()) is not yaml.SequenceEndEvent:
            items.append(_value(read, item, depth - 1))
        return items
    raise _NotPlainError


_RESOLVER: Any = yaml.SafeLoader("")
# What a plain scalar of another type than text can begin with.
_MARKED = frozenset(yaml.SafeLoader.yaml_implicit_resolvers)
_PLAIN = frozenset(f"tag:yaml.org,2002:{name}" for name in ("bool", "float", "int", "null", "str"))


@lru_cache(4096)
def _resolved(text: str) -> Any:
    tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))
    if tag not in _PLAIN:
        raise _NotPlainError
    return yaml.SafeLoader.yaml_constructors[tag](_RESOLVER, yaml.ScalarNode(tag, text))
