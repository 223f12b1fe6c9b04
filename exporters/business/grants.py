"""The least-privilege account of each source, as statements for its administrator."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import unquote

from ..runtime import CollectError
from .config import Config
from .config_sources import SourceConfig
from .dsn import Dsn
from .redistext import commands, uses_now
from .sqltext import tables

PLACEHOLDER = "<PASSWORD>"
# A source has one connection that works and up to two that may kill; while one exporter replaces another there are two of each.
_CONNECTIONS = 6


class Asked(Protocol):
    """What is asked of a source: a query, and what its kind needs beside it, such as a path."""

    @property
    def query(self) -> Any: ...
    @property
    def extra(self) -> Mapping[str, str]: ...


def grants(config: Config) -> str:
    """One commented block a source. Passwords are placeholders; none is ever printed."""
    blocks = [
        account(source, [metric for metric in config.metrics.values() if metric.source == source.name])
        for source in config.sources.values()
    ]
    return "\n".join(blocks)


def account(source: SourceConfig, asked: Sequence[Asked]) -> str:
    """The block of one source: the account that may read what is ``asked`` of it, and no more."""
    try:
        dsn = source.address.resolve()
    except CollectError:
        dsn = Dsn(source.kind)
    lines = _LINES[source.dialect or source.kind](source, dsn, asked)
    return "\n".join([f"-- source {source.name} ({source.kind})", *lines]) + "\n"


def _tables(source: SourceConfig, asked: Sequence[Asked]) -> list[str]:
    return sorted({table for metric in asked for table in tables(str(metric.query), source.dialect or "")})


def _mysql(source: SourceConfig, dsn: Dsn, asked: Sequence[Asked]) -> Iterator[str]:
    user = f"{_literal(dsn.user or 'mkit')}@'%'"
    yield "-- '%' may be narrowed to the exporter's host; six connections: of an exporter and the one that replaces it, one works and two may kill."
    yield f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{PLACEHOLDER}' WITH MAX_USER_CONNECTIONS {_CONNECTIONS};"
    for table in _tables(source, asked):
        parts = table.split(".") if "." in table else [dsn.database or "<DATABASE>", table]
        yield f"GRANT SELECT ON {'.'.join(_ticked(part) for part in parts)} TO {user};"


def _postgresql(source: SourceConfig, dsn: Dsn, asked: Sequence[Asked]) -> Iterator[str]:
    role = _quoted(dsn.user or "mkit")
    yield f"CREATE ROLE {role} LOGIN PASSWORD '{PLACEHOLDER}' CONNECTION LIMIT {_CONNECTIONS} NOSUPERUSER NOCREATEDB NOCREATEROLE;"
    yield f"ALTER ROLE {role} SET default_transaction_read_only = on;"
    yield f"GRANT CONNECT ON DATABASE {_quoted(dsn.database or dsn.user or '<DATABASE>')} TO {role};"
    found = _tables(source, asked)
    for schema in sorted({table.split(".")[0] if "." in table else "public" for table in found}):
        yield f"GRANT USAGE ON SCHEMA {_quoted(schema)} TO {role};"
    for table in found:
        yield f"GRANT SELECT ON {'.'.join(_quoted(part) for part in table.split('.'))} TO {role};"


def _sqlite(source: SourceConfig, dsn: Dsn, asked: Sequence[Asked]) -> Iterator[str]:
    path = unquote(dsn.database)
    file, folder = (shlex.quote(path), shlex.quote(os.path.dirname(path) or ".")) if path else ("<FILE>", "<FOLDER>")
    yield "-- SQLite has no accounts: let the exporter's user, and nobody else, read the file. Do it while the application is stopped:"
    yield "-- every new file of the folder gets the default entry (d:), and so do the -wal and -shm that come and go beside the file."
    yield f"-- setfacl -m u:<EXPORTER-USER>:r {file}"
    yield f"-- setfacl -m u:<EXPORTER-USER>:x,d:u:<EXPORTER-USER>:r {folder}"
    yield "-- Where the file system has no ACLs, a group of which only the exporter's user is a member. SQLite gives -wal and -shm"
    yield "-- the permissions of the file, and the s of the folder its group:"
    yield f"-- chgrp <EXPORTER-GROUP> {folder} {file} && chmod g+xs {folder} && chmod g+r {file}"


def _redis(source: SourceConfig, dsn: Dsn, asked: Sequence[Asked]) -> Iterator[str]:
    names: set[str] = set()
    keys: set[str] = set()
    for metric in asked:
        for name, args in commands(metric.query).values():
            names.add(name.lower().replace(" ", "|"))
            if name == "HGETALL":
                names.add("hlen")
            if name in ("EXISTS", "PFCOUNT"):
                keys.update(args)
            elif name not in ("INFO", "DBSIZE"):
                keys.add(args[0])
        if uses_now(metric.query):
            names.add("time")
    allowed = " ".join(f"+{name}" for name in sorted({*names, "client|setname", "select"}))
    readable = " ".join(f"%R~{key}" for key in sorted(keys))
    yield f"ACL SETUSER {dsn.user or 'mkit'} reset on >{PLACEHOLDER} {readable} {allowed}".replace("  ", " ")


def _http(source: SourceConfig, dsn: Dsn, asked: Sequence[Asked]) -> Iterator[str]:
    paths = sorted({str(metric.extra.get("path", "")) for metric in asked})
    yield f"-- HTTP: a token that may GET {', '.join('/' + (dsn.database + '/' + path).strip('/') for path in paths)}"


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _ticked(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


_LINES = {"mysql": _mysql, "postgresql": _postgresql, "sqlite": _sqlite, "redis": _redis, "http": _http}
