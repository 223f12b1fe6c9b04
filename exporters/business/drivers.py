"""Which library each kind of source needs, and whether it is there: asked before anything is served, without importing it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.util import find_spec

from ..runtime import ConfigError
from .config_sources import SourceConfig

INSTALL = "pip install 'monitoring-kit[exporter]'"
# Kind -> the module that its driver imports, and the distribution that brings it. SQLite is in the standard library.
_NEEDS = {
    "mysql": ("pymysql", "PyMySQL"),
    "mariadb": ("pymysql", "PyMySQL"),
    "postgresql": ("psycopg", "psycopg"),
    "redis": ("redis", "redis"),
    "http": ("jmespath", "jmespath"),
}


def missing(source: SourceConfig) -> str | None:
    """The distribution that the source's kind needs and this Python lacks; None when nothing is missing."""
    module, distribution = _NEEDS.get(source.kind, ("", ""))
    if not module:
        return None
    if not _found(module):
        return distribution
    return "psycopg[binary]" if module == "psycopg" and not _has_libpq() else None


def require_drivers(sources: Iterable[tuple[str, SourceConfig]], file: object) -> None:
    """ConfigError with a line for each source whose library is not installed.

    ``sources`` are pairs of the place in the configuration ``file`` and the source there.
    """
    lines = [
        f"{file}: {place}: source `{source.name}` ({source.kind}) needs {name}, which is not installed: {INSTALL}"
        for place, source in sources
        if (name := missing(source)) is not None
    ]
    if lines:
        raise ConfigError(lines)


def _found(module: str) -> bool:
    # One that is loaded is there, whatever its loader says of it.
    if sys.modules.get(module) is not None:
        return True
    try:
        return find_spec(module) is not None
    except ImportError:
        # A finder that refuses instead of passing on.
        return False


def _has_libpq() -> bool:
    """Whether psycopg finds one of its three ways to libpq, in its own order of cost: the last one runs other programs."""
    if _found("psycopg_binary") or _found("psycopg_c"):
        return True
    from ctypes.util import find_library

    return find_library("pq") is not None
