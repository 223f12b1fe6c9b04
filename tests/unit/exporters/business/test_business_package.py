"""The README's examples, the image's files, the health check and the command line."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from monitoring_kit.exporters.business import config_metrics, config_sources
from monitoring_kit.exporters.business.config import parse_config
from monitoring_kit.exporters.business.faults import REASONS, SourceFault
from monitoring_kit.exporters.business.grants import grants
from monitoring_kit.exporters.business.health import main as health
from monitoring_kit.exporters.business.spec_config import COLLECT_KEYS, DEFAULT_STATE_FILE
from monitoring_kit.exporters.business.sqlite import SqliteDriver
from monitoring_kit.exporters.runtime import Deadline

from monitoring_kit.cli.exporter import command
from monitoring_kit.pipeline import Compilation

FOLDER = Path(config_metrics.__file__).parent
README = (FOLDER / "README.md").read_text()


def test_the_readmes_configuration_is_one() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", README, flags=re.S)
    assert len(blocks) == 5
    assert list(parse_config(yaml.safe_load(blocks[0])).metrics) == ["user_count"]
    marked = {**yaml.safe_load(blocks[0]), "metrics": yaml.safe_load(blocks[2]), "state_file": "x.db"}
    assert [metric.mode for metric in parse_config(marked).metrics.values()] == ["increment", "events"]
    assert yaml.safe_load(blocks[3])["business-exporter"]["read_only"] is True
    (sidecar,) = yaml.safe_load(blocks[4])
    assert sidecar["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_readmes_spec_becomes_a_configuration(compile_text: Callable[..., Compilation]) -> None:
    spec = re.findall(r"```yaml\n(version: .*?)```", README, flags=re.S)[0]
    made = compile_text(spec)
    assert made.ok, list(made.report)
    config = parse_config(yaml.safe_load(made.outputs["exporters/business.yaml"].data))
    assert {name: metric.source for name, metric in config.metrics.items()} == {
        "user_count": "shop", "orders_total": "shop", "queue_length": "cache",
    }  # fmt: skip
    assert str(config.state_file) == DEFAULT_STATE_FILE


def test_the_readme_knows_every_key_and_reason() -> None:
    for word in (*REASONS, *COLLECT_KEYS, *config_metrics.MODES, *config_sources.KINDS, *config_sources._HTTP_KEYS):
        assert f"`{word}" in README or f"{word}`" in README or f", {word}" in README, word


def test_dockerfile_is_pinned_unprivileged_and_needs_no_shell_to_run() -> None:
    text = (FOLDER / "Dockerfile").read_text()
    last = text.split("\nFROM ")[-1]
    assert re.search(r"^ARG PYTHON_IMAGE=python:\d+\.\d+\.\d+-slim-\w+$", text, re.M)
    assert re.search(r"^USER \d+:\d+$", last, re.M)
    for keyword in ("ENTRYPOINT", "CMD", "HEALTHCHECK"):
        found = re.search(rf"^{keyword}(?: .*\\\n +CMD)? (.*)$|^{keyword} .*\\\n +CMD (.*)$", last, re.M)
        assert found, keyword
        assert (found.group(1) or found.group(2)).strip().startswith("["), keyword
    assert last.index("USER ") < last.index("ENTRYPOINT")
    for source in re.findall(r"^COPY ((?!--from)\S+)", text, re.M):
        assert (FOLDER.parents[1] / source).exists(), source
    for line in (FOLDER / "requirements.txt").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"[\w.\-\[\]]+==[\d.]+", line), line


@pytest.mark.parametrize(("status", "expected"), [(200, 0), (401, 0), (503, 1)])
def test_health_check(status: int, expected: int) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert health([f"http://127.0.0.1:{server.server_port}/-/healthy"]) == expected
        thread.join()


def test_health_check_without_an_exporter(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        assert health([f"http://127.0.0.1:{sock.getsockname()[1]}/"]) == 1
    assert "ConnectionRefusedError" in capsys.readouterr().err


def test_command_line(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t (i INT)")
    config = tmp_path / "business.yaml"
    metric = {"type": "gauge", "help": "Rows.", "source": "shop", "query": "SELECT COUNT(*) FROM t"}
    config.write_text(
        yaml.safe_dump(
            {"sources": {"shop": {"kind": "sqlite", "url": f"sqlite:///{path}"}}, "metrics": {"rows_now": metric}}
        )
    )
    runner = CliRunner()
    checked = runner.invoke(command, ["business", "--config", str(config), "--config.check"])
    assert checked.exit_code == 0, checked.output
    assert "rows_now 0.0" in checked.output
    printed = runner.invoke(command, ["business", "--config", str(config), "--print-grants"])
    assert str(path) in printed.output
    config.write_text("sources: {shop: {kind: sqlit}}\nmetrics: {a: {}}\n")
    refused = runner.invoke(command, ["business", "--config", str(config)])
    assert refused.exit_code == 1
    assert "did you mean `sqlite`?" in refused.output
    for arguments in ([], ["--config.check"], ["--print-grants"]):
        lacking = runner.invoke(command, ["business", *arguments])
        assert (lacking.exit_code, "--config FILE is needed" in lacking.output) == (2, True), arguments
    assert "--print-grants" in runner.invoke(command, ["business", "--help"]).output


def test_the_check_finds_a_state_that_could_not_be_kept(tmp_path: Path) -> None:
    path, config, home = tmp_path / "shop.db", tmp_path / "business.yaml", tmp_path / "no" / "state"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE t (i INT)")
    metric = {"type": "counter", "help": "Rows.", "source": "shop", "query": "SELECT COUNT(*) FROM t"}
    source = {"kind": "sqlite", "url": f"sqlite:///{path}"}
    body = {"sources": {"shop": source}, "metrics": {"rows_total": metric}, "state_file": str(home / "b.db")}
    config.write_text(yaml.safe_dump(body))
    arguments = ["business", "--config", str(config)]
    fault = (
        f"the folder {home} does not exist: create it, or set `state_file` (in a spec: exporters.business.state_file)"
    )
    checked = CliRunner().invoke(command, [*arguments, "--config.check"])
    assert checked.exit_code == 1
    assert "ok     rows_total (shop): 1 series" in checked.stderr
    assert f"FAILED state_file {home}/b.db: {fault}" in checked.stderr
    served = CliRunner().invoke(command, arguments)
    assert (served.exit_code, fault in served.stderr) == (1, True)
    home.mkdir(parents=True)
    assert CliRunner().invoke(command, [*arguments, "--config.check"]).exit_code == 0
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("kind", ["business", "ai"])
def test_the_spec_in_place_of_the_configuration_is_told_in_one_line(kind: str, tmp_path: Path) -> None:
    spec = tmp_path / "mkit.yaml"
    spec.write_text("version: mkit/v1\nsystem: shop\nservices: {web: {kind: http}}\nchannels: {}\nalerts: {}\n")
    done = CliRunner().invoke(command, [kind, "--config", str(spec), "--config.check"])
    assert done.exit_code == 1
    assert done.output == (
        f"mkit-exporter-{kind}: {spec}: this is a spec; run `mkit generate {spec} -o generated` "
        f"and give generated/exporters/{kind}.yaml\n"
    )


def test_the_grants_of_sqlite_open_the_file_to_one_reader_only(tmp_path: Path) -> None:
    path = tmp_path / "the shop.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (i INT)")
    path.chmod(0o600)
    metric = {"type": "gauge", "help": "Rows.", "source": "shop", "query": "SELECT COUNT(*) FROM t"}
    source = {"kind": "sqlite", "url": f"sqlite:///{path}"}
    printed = grants(parse_config({"sources": {"shop": source}, "metrics": {"rows_now": metric}}))
    assert f"-- setfacl -m u:<EXPORTER-USER>:r '{path}'\n" in printed
    assert f"-- setfacl -m u:<EXPORTER-USER>:x,d:u:<EXPORTER-USER>:r {tmp_path}\n" in printed
    assert "o+r" not in printed
    (command,) = [line.removeprefix("-- ") for line in printed.splitlines() if line.startswith("-- chgrp")]
    group = 12_345 if os.getuid() == 0 else os.getgid()
    subprocess.run(["sh", "-c", command.replace("<EXPORTER-GROUP>", str(group))], check=True)
    assert tmp_path.stat().st_mode & stat.S_ISGID
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO t VALUES (1)")
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.glob("the shop.db*")}
        assert modes == dict.fromkeys(("the shop.db", "the shop.db-wal", "the shop.db-shm"), 0o640)


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="becomes other users")
@pytest.mark.parametrize("way", ["group", "acl"])
def test_who_is_granted_reads_what_an_application_writes_meanwhile(way: str) -> None:
    application, reader, stranger = 65_534, 12_346, 12_347
    group = 12_345 if way == "group" else reader
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "shop.db")
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("CREATE TABLE t (i INT)")
        for one in (path.parent, path):
            os.chown(one, application, application)
        path.parent.chmod(0o700)
        path.chmod(0o600)
        metric = {"type": "gauge", "help": "Rows.", "source": "shop", "query": "SELECT COUNT(*) FROM t"}
        address = {"kind": "sqlite", "url": f"sqlite:///{path}"}
        config = parse_config({"sources": {"shop": address}, "metrics": {"rows_now": metric}})
        tool = "-- chgrp" if way == "group" else "-- setfacl"
        for line in grants(config).splitlines():
            if line.startswith(tool):
                command = line[3:].replace("<EXPORTER-GROUP>", str(group)).replace("<EXPORTER-USER>", str(reader))
                if way == "acl" and shutil.which("setfacl") is None:
                    pytest.skip("setfacl is not installed")
                done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
                if "not supported" in done.stderr:
                    pytest.skip("a file system without access control lists")
                assert (done.returncode, done.stderr) == (0, "")

        def write() -> int:
            db = sqlite3.connect(path, isolation_level=None)
            db.execute("INSERT INTO t VALUES (1)")
            return 0  # it ends without closing: -wal and -shm stay

        def stop() -> int:
            sqlite3.connect(path).execute("SELECT 1 FROM t").connection.close()
            return 0  # the last one that closes removes -wal and -shm

        def read() -> int:
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
                return int(db.execute("SELECT COUNT(*) FROM t").fetchone()[0])

        def explain() -> int:
            try:
                SqliteDriver(config.sources["shop"].address).connect(Deadline.after(5))
            except SourceFault as fault:
                both = ("no new file", "write-ahead log mode can be read without write access only", "rollback journal")
                return 7 if all(part in str(fault) for part in both) else 8
            return 6

        assert _as_user(application, application, write) == 0
        assert len(list(path.parent.iterdir())) == 3
        assert _as_user(reader, group, read) == 1
        assert _as_user(stranger, stranger, read) == 99
        assert _as_user(application, application, stop) == 0
        assert len(list(path.parent.iterdir())) == 1
        assert _as_user(reader, group, explain) == 7


def _as_user(user: int, group: int, what: Callable[[], int]) -> int:
    """What ``what`` returns in a process of another user; 99 for a failure of SQLite."""
    pid = os.fork()
    if not pid:
        try:
            os.setgroups([])
            os.setgid(group)
            os.setuid(user)
            os._exit(what())
        except sqlite3.Error:
            os._exit(99)
        finally:
            os._exit(98)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_start_imports_no_driver_and_nothing_for_mistakes(tmp_path: Path) -> None:
    # Each costs milliseconds of the first scrape, and an exporter that restarts is an exporter that is not there.
    config = tmp_path / "business.yaml"
    source = {"kind": "sqlite", "url": f"sqlite:///{tmp_path / 'shop.db'}"}
    metric = {"type": "gauge", "help": "Rows.", "source": "shop", "query": "SELECT COUNT(*) FROM t"}
    config.write_text(yaml.safe_dump({"sources": {"shop": source}, "metrics": {"rows_now": metric}}))
    program = (
        "import sys; from pathlib import Path\n"
        "from monitoring_kit.exporters.business import main\n"
        "from monitoring_kit.exporters.business.build import make_exporter\n"
        "from monitoring_kit.exporters.business.state import State\n"
        "main.early_flags(['--config', sys.argv[1]])\n"
        "make_exporter(main.load_config(Path(sys.argv[1])), State(None))\n"
        "print(*sys.modules)"
    )
    # Coverage of child processes would import some of them itself.
    plain = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", program, str(config)], capture_output=True, text=True, check=True, env=plain
    )
    heavy = {
        "pymysql",
        "psycopg",
        "redis",
        "jmespath",
        "bcrypt",
        "ssl",
        "shutil",
        "difflib",
        "zoneinfo",
        "random",
        "http.client",
    }
    assert "monitoring_kit.exporters.business.collectors" in done.stdout.split()
    assert not heavy & set(done.stdout.split())
