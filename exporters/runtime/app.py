"""What an exporter program is made of."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence

from .http import Route
from .records import dataclass
from .registry import Registry


def always_ready() -> str | None:
    """The default readiness: ready."""
    return None


@dataclass(frozen=True)
class Exporter:
    """One loaded configuration, live or about to be.

    ``start`` hooks run when it goes live, ``close`` hooks after it was replaced or at the end. ``ready`` returns None
    or why the exporter is not ready (served by ``/-/ready`` with 503). ``listen`` is the address that the configuration
    asks for, "" when it asks for none: the program listens on its default address, and warns when a reload brings another.
    """

    registry: Registry
    routes: Sequence[Route] = ()
    start: Sequence[Callable[[], None]] = ()
    close: Sequence[Callable[[], None]] = ()
    ready: Callable[[], str | None] = always_ready
    listen: str = ""


Build = Callable[[Namespace, Exporter | None], Exporter]


@dataclass(frozen=True)
class ExporterApp:
    """A program: its name and version, its default address, and how its configuration becomes an Exporter.

    ``build`` gets the parsed flags and, on a reload, the running Exporter; it raises ConfigError to refuse.
    ``check`` serves ``--config.check`` and returns the exit code; without it the samples of one scrape are printed.
    """

    name: str
    version: str
    description: str
    default_listen: str
    build: Build
    add_arguments: Callable[[ArgumentParser], None] | None = None
    check: Callable[[Exporter], int] | None = None
