"""The release archives, as on a machine without apt: the real programs in the layout of the official archives, from a loopback
server. Only the address and the checksums differ from `releases.yaml`."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner, Result

from monitoring_kit.cli.doctor import command as doctor
from monitoring_kit.cli.tools import command as tools_command
from monitoring_kit.stack import apt, releases
from monitoring_kit.stack.tools import REQUIRED, Tool, env_name, find_tools

pytestmark = pytest.mark.e2e
PLATFORM = "linux-amd64"


@dataclass
class Shop:
    """What the server answers with, by path; `cut` is how much of a body it sends before it hangs up."""

    bodies: dict[str, Path] = field(default_factory=dict)
    cut: float = 1.0
    says_length: bool = True
    asked: list[str] = field(default_factory=list)
    table: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`prometheus-2.43.1.linux-amd64.tar.gz` and its sister, each with a folder of its own name in it, as upstream packs them."""
    real = find_tools()
    folder = tmp_path_factory.mktemp("archives")
    made = {}
    for name, entry in releases.shipped_table().items():
        top = f"{name}-{entry['version']}.{PLATFORM}"
        (folder / "LICENSE").write_text("Apache License")
        with tarfile.open(folder / f"{top}.tar.gz", "w:gz", compresslevel=1) as tar:
            for file in ("LICENSE", "NOTICE", f"{name}.yml"):
                tar.add(folder / "LICENSE", f"{top}/{file}")
            for program in entry["programs"]:
                found = real[program].path
                assert found, real[program].missing_reason
                # Where `relocate` put a script in its place, the program itself lies aside.
                moved = found.parents[1] / "lib" / "mkit" / found.name
                tar.add((moved if moved.is_file() else found).resolve(), f"{top}/{program}")
            tar.add(folder / "LICENSE", f"{top}/console_libraries/menu.lib")
        made[name] = folder / f"{top}.tar.gz"
    return made


@pytest.fixture
def shop(archives: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A machine without apt and without the tools, and a server that has the archives."""
    found = Shop()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            body = found.bodies[self.path].read_bytes()
            self.send_response(200)
            if found.says_length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: int(len(body) * found.cut)])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    for name, entry in releases.shipped_table().items():
        url = entry["url"].replace("https://github.com", f"http://127.0.0.1:{server.server_port}")
        checksum = hashlib.sha256(archives[name].read_bytes()).hexdigest()
        found.table[name] = {**entry, "url": url, "sha256": {PLATFORM: checksum}}
        found.bodies["/" + url.format(version=entry["version"], platform=PLATFORM).split("/", 3)[3]] = archives[name]
    monkeypatch.setattr(releases, "shipped_table", lambda: found.table)
    monkeypatch.setattr(releases, "host_platform", lambda *_: PLATFORM)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("MKIT_TOOLS_DIR", str(tmp_path / "tools"))
    monkeypatch.delenv("MKIT_SUITE", raising=False)
    for name in REQUIRED:
        monkeypatch.delenv(env_name(name), raising=False)
    assert not apt.available()
    yield found
    server.shutdown()
    server.server_close()


def fetch() -> Result:
    return CliRunner().invoke(tools_command, ["fetch"])


def required() -> list[Tool]:
    return [tool for name, tool in find_tools().items() if name in REQUIRED]


def test_a_machine_without_apt_gets_the_archives(shop: Shop, tmp_path: Path) -> None:
    assert [tool.found for tool in required()] == [False] * 4
    done = fetch()
    assert done.exit_code == 0, done.output
    assert [path.rsplit("/", 1)[1] for path in shop.asked] == [
        "prometheus-2.43.1.linux-amd64.tar.gz",
        "alertmanager-0.25.0.linux-amd64.tar.gz",
    ]
    for tool in required():
        assert tool.source == "tools:release", tool
        assert tool.version, "the unpacked program runs and says its version"
        assert f"{tool.name} {tool.version} (tools:release)" in done.output
    files = [p.name for p in (tmp_path / "tools").rglob("*") if p.is_file()]
    assert sorted(files) == sorted(REQUIRED)
    told = CliRunner().invoke(doctor)
    assert told.exit_code == 0, told.output
    assert "tools:release" in told.output


def test_what_was_fetched_judges_files(shop: Shop, tmp_path: Path) -> None:
    assert fetch().exit_code == 0
    config = tmp_path / "prometheus.yml"
    config.write_text("scrape_configs: [{job_name: a, static_configs: [{targets: ['a:1']}]}]\n")
    promtool = find_tools()["promtool"].path
    done = subprocess.run([str(promtool), "check", "config", str(config)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "SUCCESS" in done.stdout


def refused(says: str, tmp_path: Path) -> None:
    done = fetch()
    assert done.exit_code == 1
    assert "official release archives: prometheus" in done.output
    assert says in done.output
    assert "apt-get and dpkg are not on this machine" in done.output
    assert [p for p in (tmp_path / "tools").rglob("*") if p.is_file()] == []


def test_a_wrong_checksum_leaves_nothing(shop: Shop, tmp_path: Path) -> None:
    shop.table["prometheus"]["sha256"][PLATFORM] = "0" * 64
    refused(f"pinned {'0' * 64}", tmp_path)


def test_a_changed_archive_is_thrown_away(shop: Shop, tmp_path: Path) -> None:
    path, archive = next(iter(shop.bodies.items()))
    changed = tmp_path / "changed.tar.gz"
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    changed.write_bytes(data)
    shop.bodies[path] = changed
    refused("2.43.1: checksum", tmp_path)


@pytest.mark.parametrize(("says_length", "says"), [(True, ""), (False, "2.43.1: checksum")])
@pytest.mark.parametrize("cut", [0.0, 0.5])
def test_a_download_that_breaks_off_leaves_nothing(
    shop: Shop, tmp_path: Path, cut: float, says_length: bool, says: str
) -> None:
    shop.cut, shop.says_length = cut, says_length
    refused(says, tmp_path)


def test_a_first_archive_stays_useful_when_the_second_fails_and_a_second_try_heals(shop: Shop, tmp_path: Path) -> None:
    good = shop.table["alertmanager"]["sha256"][PLATFORM]
    shop.table["alertmanager"]["sha256"][PLATFORM] = "0" * 64
    done = fetch()
    assert done.exit_code == 1
    assert [tool.name for tool in required() if tool.found] == ["prometheus", "promtool"]
    shop.table["alertmanager"]["sha256"][PLATFORM] = good
    assert fetch().exit_code == 0
    assert all(tool.found for tool in required())


def test_a_platform_without_a_pinned_checksum_is_told(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "host_platform", lambda *_: "freebsd-amd64")
    refused("has no pinned checksum for freebsd-amd64 (pinned: linux-amd64)", tmp_path)
    assert shop.asked == []
