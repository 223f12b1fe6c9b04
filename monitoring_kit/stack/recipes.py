"""How to bring each exporter into the state in which it shows its metrics, and capture it."""

from __future__ import annotations

import getpass
import socket
import sys
from dataclasses import replace
from pathlib import Path

from monitoring_kit.live.catalog import Catalog, capture
from monitoring_kit.stack.fetch import fetch_packages, package_version
from monitoring_kit.stack.lab import Lab, free_port, listens, read, wait_until

# `closed` below lists only labels whose values the exporter's own code fixes and always exposes in
# full: a checker may call any other value impossible.
_PYTHON_SERVER = (
    "import sys, time; from prometheus_client import start_http_server;"
    "start_http_server(int(sys.argv[1]), '127.0.0.1'); time.sleep(3600)"
)


def program(package: str) -> Path:
    """The unpacked program of a Debian package that bears the package's name."""
    return fetch_packages((package,)) / "usr" / "bin" / package


def finish(name: str, package: str, how: str, text: str, closed: tuple[str, ...] = ()) -> Catalog:
    """The catalog of an exporter from Debian, its version being the package's upstream version."""
    version = package_version(package)
    how = f"Debian's {package} {version}; {how}"
    return capture(text, name, version.split(":")[-1].rsplit("-", 1)[0], how, closed)


def node(lab: Lab) -> Catalog:
    """Machine metrics, with the collectors for processes, TCP states and interrupts switched on."""
    port = free_port()
    flags = ["--collector.processes", "--collector.tcpstat", "--collector.interrupts", "--collector.ethtool"]
    url = f"http://127.0.0.1:{port}/metrics"
    package = "prometheus-node-exporter"
    lab.start("node", [program(package), f"--web.listen-address=127.0.0.1:{port}", *flags], url)
    closed = ("node_cpu_seconds_total:mode", "node_cpu_guest_seconds_total:mode")
    how = f"{' '.join(flags)}; hardware collectors as this machine has them"
    return finish("node_exporter", package, how, read(url), closed)


def mysqld(lab: Lab) -> Catalog:
    """A MariaDB replica of a second MariaDB, so that replication and table metrics are there."""
    root = fetch_packages(("mariadb-server-core",))
    primary, replica = free_port(), free_port()
    # Users are made on both sides, so they must stay out of the binary log that the replica applies.
    grants = (
        "SET SESSION sql_log_bin=0;\nCREATE USER 'exporter'@'127.0.0.1' IDENTIFIED BY 'lab';\n"
        "GRANT ALL ON *.* TO 'exporter'@'127.0.0.1';\nSET SESSION sql_log_bin=1;\n"
    )
    tables = (
        "CREATE DATABASE shop;\nCREATE TABLE shop.orders (id INT AUTO_INCREMENT PRIMARY KEY, paid BOOL);\n"
        "INSERT INTO shop.orders (paid) VALUES (1), (0);\n"
    )
    _mariadb(lab, root, "primary", primary, 1, grants + tables)
    follow = (
        f"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={primary}, "
        "MASTER_USER='exporter', MASTER_PASSWORD='lab', MASTER_USE_GTID=slave_pos;\nSTART SLAVE;\n"
    )
    _mariadb(lab, root, "replica", replica, 2, grants + follow)
    port = free_port()
    url = f"http://127.0.0.1:{port}/metrics"
    collectors = [
        *("auto_increment.columns", "binlog_size", "engine_innodb_status", "global_status", "global_variables"),
        *("info_schema.clientstats", "info_schema.innodb_cmp", "info_schema.innodb_cmpmem"),
        *("info_schema.innodb_metrics", "info_schema.processlist", "info_schema.query_response_time"),
        *("info_schema.schemastats", "info_schema.tables", "info_schema.tablestats", "info_schema.userstats"),
        *("perf_schema.eventsstatements", "perf_schema.eventsstatementssum", "perf_schema.eventswaits"),
        *("perf_schema.file_events", "perf_schema.indexiowaits", "perf_schema.tableiowaits"),
        *("perf_schema.tablelocks", "slave_hosts", "slave_status"),
    ]
    flags = [f"--collect.{name}" for name in collectors]
    package = "prometheus-mysqld-exporter"
    command: list[str | Path] = [program(package), f"--web.listen-address=127.0.0.1:{port}", *flags]
    source = {"DATA_SOURCE_NAME": f"exporter:lab@(127.0.0.1:{replica})/"}
    lab.start("mysqld_exporter", command, url, source)
    wait_until(lambda: "mysql_slave_status_seconds_behind_master" in read(url), 30)
    how = f"MariaDB {package_version('mariadb-server-core')}, replica of another; {' '.join(flags)}"
    return finish("mysqld_exporter", package, how, read(url), ("mysql_info_schema_table_size:component",))


def _mariadb(lab: Lab, root: Path, name: str, port: int, server_id: int, statements: str) -> None:
    data = lab.folder / name
    data.mkdir()
    share = root / "usr" / "share" / "mysql"
    server = root / "usr" / "sbin" / "mariadbd"
    common: list[str | Path] = [
        server,
        "--no-defaults",
        f"--user={getpass.getuser()}",
        f"--datadir={data}",
        f"--lc-messages-dir={share}",
        f"--character-sets-dir={share / 'charsets'}",
        f"--plugin-dir={root / 'usr' / 'lib' / 'mysql' / 'plugin'}",
    ]
    libraries = {"LD_LIBRARY_PATH": ":".join(map(str, (root / "usr" / "lib").glob("*-linux-*")))}
    tables = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")
    script = "".join((share / table).read_text(encoding="utf-8") for table in tables)
    script = f"CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\n{script}\nCREATE DATABASE IF NOT EXISTS sys;\n"
    lab.run(f"{name}-bootstrap", [*common, "--bootstrap"], libraries, script)
    init = lab.write(f"{name}.sql", statements)
    options = [
        *(f"--port={port}", "--bind-address=127.0.0.1", f"--socket={lab.folder / name}.sock"),
        *(f"--server-id={server_id}", "--log-bin=binlog", "--performance-schema=ON", "--userstat=ON"),
        *(f"--init-file={init}", "--innodb-monitor-enable=all", f"--pid-file={lab.folder / name}.pid"),
    ]
    lab.start(name, [*common, *options], lambda: listens(port), libraries)


def redis(lab: Lab) -> Catalog:
    """A Redis with keys, a memory limit and a connected replica."""
    # Named both: a package that this machine has already would not come as a dependency.
    server = fetch_packages(("redis-server", "redis-tools")) / "usr" / "bin" / "redis-server"
    libraries = {"LD_LIBRARY_PATH": ":".join(map(str, (server.parents[1] / "lib").glob("*-linux-*")))}
    main, replica, port = free_port(), free_port(), free_port()
    base: list[str | Path] = [
        server,
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--daemonize",
        "no",
        "--dir",
        lab.folder,
        "--port",
    ]
    limits = ["--maxmemory", "64mb", "--slowlog-log-slower-than", "0", "--latency-monitor-threshold", "1"]
    lab.start("redis", [*base, str(main), *limits], lambda: listens(main), libraries)
    follow = ["--replicaof", "127.0.0.1", str(main)]
    lab.start("redis-replica", [*base, str(replica), *follow], lambda: listens(replica), libraries)
    commands = ["SET cart:1 x", "SETEX session:1 600 y", "INCR hits", "LPUSH queue a b c", "GET nothing", "NOPE"]
    _redis(main, [*commands, "XADD events * k v", "DEBUG SLEEP 0.01"])
    url = f"http://127.0.0.1:{port}/metrics"
    flags = ["-check-keys=*", "-check-streams=*", "-include-system-metrics", "-export-client-list"]
    package = "prometheus-redis-exporter"
    command: list[str | Path] = [
        program(package),
        f"-web.listen-address=127.0.0.1:{port}",
        f"-redis.addr=127.0.0.1:{main}",
        *flags,
    ]
    lab.start("redis_exporter", command, url)
    wait_until(lambda: "redis_connected_slave_lag_seconds" in read(url), 30)
    how = f"Redis {package_version('redis-server')} with one replica; {' '.join(flags)}"
    return finish("redis_exporter", package, how, read(url))


def _redis(port: int, commands: list[str]) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for command in commands:
            connection.sendall(command.encode() + b"\r\n")
            connection.recv(65536)


def pushgateway(lab: Lab) -> Catalog:
    """A Pushgateway that has received one push."""
    import requests

    port = free_port()
    url = f"http://127.0.0.1:{port}/metrics"
    package = "prometheus-pushgateway"
    lab.start("pushgateway", [program(package), f"--web.listen-address=127.0.0.1:{port}"], url)
    pushed = requests.put(f"{url}/job/batch", data="# TYPE rows_total counter\nrows_total 1\n", timeout=10)
    pushed.raise_for_status()
    return without_pushed(
        finish("pushgateway", package, "after one push; the pushed metric itself left out", read(url))
    )


# What a Pushgateway says of each group that it was pushed: prometheus/pushgateway, README, "About the job and instance labels".
_GROUP_TIMES = ("push_time_seconds", "push_failure_time_seconds")


def without_pushed(catalog: Catalog) -> Catalog:
    """A Pushgateway's catalog without what was pushed, by us or by anybody: only that carries the ``job`` of a group."""
    own = {n: m for n, m in catalog.metrics.items() if "job" not in m.labels or n in _GROUP_TIMES}
    return replace(catalog, metrics=own)


def python_client(lab: Lab) -> Catalog:
    """What every process instrumented with the Python client exposes by itself."""
    from importlib.metadata import version

    port = free_port()
    url = f"http://127.0.0.1:{port}/metrics"
    lab.start("python", [sys.executable, "-c", _PYTHON_SERVER, str(port)], url)
    found = version("prometheus-client")
    closed = ("python_gc_*:generation",)
    return capture(read(url), "python_client", found, f"prometheus-client {found}, default registry", closed)
