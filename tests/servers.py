"""Real servers for tests: MariaDB, PostgreSQL and Redis on free loopback ports, in folders of their own.

Each ``start_*`` skips the test with the reason when the programs are missing. The servers refuse to run as root, so
root hands them to an unprivileged account. Debian packages: mariadb-server-core and mariadb-client-core (or
mariadb-server), postgresql, redis-server, prometheus.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

READY_SECONDS = 60.0
PASSWORD = "s3cr3t-p%w@rd"


def free_port() -> int:
    """A TCP port of the loopback that nothing listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def find(*names: str, folders: Sequence[str] = ()) -> str:
    """The first program of these names; skips the test when there is none."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", *folders])
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    pytest.skip(f"{names[0]} is not on this machine")


def account(*names: str) -> tuple[list[str], str | None]:
    """(command prefix, user) that runs a program without root's rights; nothing to do when the tests are not root."""
    if os.geteuid() != 0:
        return [], None
    for name in (*names, "nobody"):
        with contextlib.suppress(KeyError):
            pwd.getpwnam(name)
            return [find("runuser"), "-u", name, "--"], name
    pytest.skip("no unprivileged account to run a server")


@dataclass
class RealServer:
    """A running server process. ``stop``/``start`` restart it on the same port and data, ``freeze`` hangs it."""

    name: str
    port: int
    folder: Path
    command: list[str]
    ready: Callable[[], bool]
    user: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> RealServer:
        """Start and wait until it answers."""
        log = self.folder / f"{self.name}.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, user=self.user, group=_group(self.user),
                extra_groups=[] if self.user else None,
            )  # fmt: skip
        end = time.monotonic() + READY_SECONDS
        while not self.ready():
            if self._process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"{self.name} did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        return self

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def freeze(self) -> None:
        """Hang it: connections are accepted by the kernel, nothing answers."""
        frozen: set[int] = set()
        # Until nobody new is there: its processes come and go while it runs.
        while fresh := [pid for pid in self._family() if pid not in frozen]:
            for pid in fresh:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            frozen.update(fresh)

    def thaw(self) -> None:
        """Let it go on."""
        for pid in self._family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _family(self) -> list[int]:
        """Our process and its descendants (PostgreSQL's backends lead sessions of their own)."""
        assert self._process is not None
        found = [self._process.pid]
        for pid in found:
            children = Path(f"/proc/{pid}/task/{pid}/children")
            with contextlib.suppress(OSError):
                found.extend(int(child) for child in children.read_text().split())
        return found

    def stop(self) -> None:
        """Stop it: PostgreSQL and the others end their sessions on SIGINT/SIGTERM; SIGKILL after 20 s."""
        if self._process is None:
            return
        self.thaw()
        self._signal(signal.SIGINT if self.name == "postgresql" else signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()
        self._process = None


def _group(user: str | None) -> int | None:
    return pwd.getpwnam(user).pw_gid if user else None


@contextlib.contextmanager
def scratch(user: str | None) -> Iterator[Path]:
    """A folder with a short path (for sockets) that belongs to that user."""
    with tempfile.TemporaryDirectory(prefix="mkit-db-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if user:
            shutil.chown(folder, user)
        yield folder


def certificates(folder: Path, user: str | None) -> Path:
    """A CA (``ca.pem``) and a server certificate for localhost and 127.0.0.1 (``cert.pem``, ``key.pem``) in a folder."""
    openssl, made = find("openssl"), folder / "tls"
    made.mkdir()
    (made / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    new = [openssl, "req", "-newkey", "rsa:2048", "-nodes", "-keyout"]
    for command in (
        [*new, "ca.key", "-x509", "-out", "ca.pem", "-days", "2", "-subj", "/CN=mkit test CA"],
        [*new, "key.pem", "-out", "csr.pem", "-subj", "/CN=localhost"],
        [openssl, "x509", "-req", "-in", "csr.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "cert.pem",
         "-days", "2", "-extfile", "ext"],
    ):  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, cwd=made)
    for path in (made, *made.iterdir()):
        path.chmod(0o700 if path == made else 0o600)
        if user:
            shutil.chown(path, user, _group(user))
    return made


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def start_mariadb(*, tls: bool = False) -> Iterator[RealServer]:
    """A MariaDB with database ``shop`` and the accounts root (socket and TCP, ``PASSWORD``) and mkit (SELECT on shop)."""
    pymysql = pytest.importorskip("pymysql")
    server, install = find("mariadbd", "mysqld"), find("mariadb-install-db", "mysql_install_db")
    prefix, user = account("mysql")
    with scratch(user) as folder:
        data, sock, port = folder / "data", folder / "s", free_port()
        subprocess.run(
            [*prefix, install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True, capture_output=True, cwd=folder,
        )  # fmt: skip
        command = [
            server, "--no-defaults", f"--datadir={data}", f"--socket={sock}", f"--port={port}", "--bind-address=127.0.0.1",
            f"--pid-file={folder / 'pid'}", "--innodb-buffer-pool-size=32M", "--skip-name-resolve", "--innodb-fast-shutdown=2",
        ]  # fmt: skip

        if tls:
            made = certificates(folder, user)
            command += [
                f"--ssl-ca={made / 'ca.pem'}",
                f"--ssl-cert={made / 'cert.pem'}",
                f"--ssl-key={made / 'key.pem'}",
            ]

        def admin(password: str = PASSWORD) -> Any:
            return pymysql.connect(host="127.0.0.1", port=port, user="root", password=password, autocommit=True)

        running = RealServer("mariadb", port, folder, command, lambda: _listens(port) and sock.exists(), user)
        running.extra = {"admin": admin, "socket": str(sock)}
        try:
            running.start()
            with (
                pymysql.connect(unix_socket=str(sock), user="root", autocommit=True) as first,
                first.cursor() as cursor,
            ):
                for statement in (
                    "CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY %s",
                    "CREATE USER mkit@'127.0.0.1' IDENTIFIED BY %s",
                ):
                    cursor.execute(statement, (PASSWORD,))
                cursor.execute("GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION")
                cursor.execute("CREATE DATABASE shop")
                cursor.execute("GRANT SELECT ON shop.* TO mkit@'127.0.0.1'")
            yield running
        finally:
            running.stop()


@contextlib.contextmanager
def start_postgres(*, tls: bool = False) -> Iterator[RealServer]:
    """A PostgreSQL with database ``shop`` and the roles postgres (superuser, ``PASSWORD``) and mkit (same password)."""
    psycopg = pytest.importorskip("psycopg")
    folders = sorted((str(p) for p in Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    initdb, server = find("initdb", folders=folders), find("postgres", folders=folders)
    prefix, user = account("postgres")
    with scratch(user) as folder:
        data, port = folder / "data", free_port()
        password = folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        subprocess.run(
            [*prefix, initdb, "-D", str(data), "-U", "postgres", f"--pwfile={password}", "-A", "scram-sha-256", "-N", "-E", "UTF8", "--locale=C"],
            check=True, capture_output=True, cwd=folder,
        )  # fmt: skip
        command = [server, "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-F"]

        if tls:
            made = certificates(folder, user)
            command += [
                "-c",
                "ssl=on",
                "-c",
                f"ssl_cert_file={made / 'cert.pem'}",
                "-c",
                f"ssl_key_file={made / 'key.pem'}",
            ]

        def admin(database: str = "shop") -> Any:
            return psycopg.connect(
                host="127.0.0.1", port=port, user="postgres", password=PASSWORD, dbname=database, autocommit=True
            )

        def ready() -> bool:
            with contextlib.suppress(psycopg.Error), admin("postgres"):
                return True
            return False

        running = RealServer("postgresql", port, folder, command, ready, user, {"admin": admin})
        try:
            running.start()
            with admin("postgres") as first:
                first.execute("CREATE DATABASE shop")
                first.execute(f"CREATE ROLE mkit LOGIN PASSWORD '{PASSWORD}'")
            yield running
        finally:
            running.stop()


@contextlib.contextmanager
def start_redis(*, tls: bool = False) -> Iterator[RealServer]:
    """A Redis without persistence; the default user has ``PASSWORD``."""
    redis = pytest.importorskip("redis")
    server = find("redis-server")
    _, user = account("redis")
    with scratch(user) as folder:
        port = free_port()
        config = folder / "redis.conf"
        config.write_text(
            f'port {port}\nbind 127.0.0.1\nsave ""\nappendonly no\ndir {folder}\nrequirepass {PASSWORD}\n'
        )
        if tls:
            made, secure = certificates(folder, user), free_port()
            files = f"tls-cert-file {made}/cert.pem\ntls-key-file {made}/key.pem\ntls-ca-cert-file {made}/ca.pem\n"
            config.write_text(f"{config.read_text()}tls-port {secure}\ntls-auth-clients no\n{files}")
        if user:
            shutil.chown(config, user)

        def admin() -> Any:
            return redis.Redis(port=port, password=PASSWORD, decode_responses=True)

        running = RealServer(
            "redis", port, folder, [server, str(config)], lambda: _listens(port), user, {"admin": admin}
        )
        try:
            if tls:
                running.extra["tls_port"] = secure
            yield running.start()
        finally:
            running.stop()
