"""Real downloads: a machine without the tools gets them, and nothing outside the folder changes."""

import os
import subprocess
import time
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from monitoring_kit.cli.tools import command
from monitoring_kit.stack import apt
from monitoring_kit.stack.fetch import fetch, fetch_packages, package_version
from monitoring_kit.stack.tools import REQUIRED, SUITES, ToolsMissingError, ensure_tools, env_name, find_tools
from tests.servers import free_port

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not apt.available(), reason="apt-get and dpkg are not on this machine"),
]
# The lowest version that each suite is known to have served; suites move, but never back.
AT_LEAST = {
    "bookworm": {"prometheus": (2, 42), "alertmanager": (0, 25)},
    "trixie": {"prometheus": (2, 53), "alertmanager": (0, 28)},
    "sid": {"prometheus": (3, 5), "alertmanager": (0, 33)},
}


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose PATH has everything but the tools, and an empty tool folder."""
    programs = tmp_path / "bin"
    programs.mkdir()
    hidden = {"prometheus", "promtool", "alertmanager", "prometheus-alertmanager", "amtool"}
    for folder in os.environ["PATH"].split(os.pathsep):
        for program in Path(folder).iterdir() if Path(folder).is_dir() else ():
            link = programs / program.name
            if program.name not in hidden and not link.exists() and not link.is_symlink():
                link.symlink_to(program)
    for name in REQUIRED:
        monkeypatch.delenv(env_name(name), raising=False)
    monkeypatch.delenv("MKIT_SUITE", raising=False)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("MKIT_TOOLS_DIR", str(tmp_path / "tools"))
    return tmp_path


def system_state() -> tuple[object, ...]:
    """What a fetch must leave alone: dpkg's database, apt's lists, its archives."""
    status = Path("/var/lib/dpkg/status").read_bytes()
    lists = sorted((path.name, path.stat().st_mtime_ns) for path in Path("/var/lib/apt/lists").glob("*"))
    archives = sorted(path.name for path in Path("/var/cache/apt/archives").glob("*"))
    return status, lists, archives


def test_a_machine_without_the_tools_gets_them(fresh: Path) -> None:
    assert all(not find_tools()[name].found for name in REQUIRED)
    tools = ensure_tools()
    for name in REQUIRED:
        assert tools[name].source.startswith("tools:"), name
        assert tools[name].version, name
        assert fresh / "tools" in (tools[name].path or Path()).parents


@pytest.mark.parametrize("suite", SUITES)
def test_each_suite_is_fetched_and_runs_here(fresh: Path, suite: str) -> None:
    before = system_state()
    served = fetch(suite)
    assert system_state() == before
    print(suite, served)
    tools = find_tools(suite)
    for name in REQUIRED:
        release = tools[name].release
        assert release is not None, name
        assert release >= AT_LEAST[suite]["alertmanager" if name in ("alertmanager", "amtool") else "prometheus"]
        assert (tools[name].version or "").split("+")[0].split("~")[0] in str(served)
    config = fresh / "prometheus.yml"
    config.write_text("scrape_configs: [{job_name: a, static_configs: [{targets: ['b:1']}]}]\n", encoding="utf-8")
    checked = subprocess.run([tools["promtool"].path or "", "check", "config", config], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("suite", SUITES)
def test_fetched_servers_find_their_own_templates_and_pages_wherever_the_folder_is(fresh: Path, suite: str) -> None:
    fetch(suite)
    moved = fresh / "moved"
    (fresh / "tools").rename(moved)
    programs = moved / suite / "root" / "usr" / "bin"
    (fresh / "alertmanager").symlink_to(programs / "prometheus-alertmanager")
    (fresh / "am.yml").write_text("route: {receiver: a}\nreceivers: [{name: a}]\n", encoding="utf-8")
    (fresh / "prometheus.yml").write_text("global: {}\n", encoding="utf-8")
    for program, arguments in (
        (fresh / "alertmanager", ["--config.file=am.yml", "--storage.path=am", "--cluster.listen-address="]),
        (programs / "prometheus", ["--config.file=prometheus.yml", "--storage.tsdb.path=p"]),
    ):
        address = f"127.0.0.1:{free_port()}"
        command = [program, *arguments, f"--web.listen-address={address}"]
        with subprocess.Popen(command, cwd=fresh, stderr=subprocess.PIPE, text=True) as server:
            try:
                answer = _get(f"http://{address}/-/ready", server)
                assert answer.ok, answer.text
                shown = requests.get(f"http://{address}/", timeout=10)
                assert shown.ok, shown.text
                assert "<html" in shown.text
            finally:
                server.terminate()


def _get(url: str, server: subprocess.Popen[str]) -> requests.Response:
    """The first answer of a server that is starting."""
    for _ in range(600):
        if server.poll() is not None:
            assert server.stderr is not None
            pytest.fail(server.stderr.read())
        try:
            answer = requests.get(url, timeout=10)
        except requests.ConnectionError:
            time.sleep(0.1)
            continue
        if answer.status_code != 503:
            return answer
        time.sleep(0.1)
    pytest.fail(f"{url} gave no answer")


def test_the_verb_fetches_what_is_missing_and_prints_it(fresh: Path) -> None:
    result = CliRunner().invoke(command, ["fetch", "--suite", "trixie"])
    assert result.exit_code == 0, result.output
    for name in REQUIRED:
        assert f"{name} {find_tools('trixie')[name].version} (tools:trixie)" in result.output
    path = find_tools("trixie")["promtool"].path or fresh
    before = path.stat().st_ctime_ns
    assert CliRunner().invoke(command, ["fetch", "--suite", "trixie"]).exit_code == 0
    assert path.stat().st_ctime_ns == before
    assert CliRunner().invoke(command, ["fetch", "--suite", "trixie", "--refresh"]).exit_code == 0
    assert path.stat().st_ctime_ns != before


def test_a_suite_that_the_mirror_does_not_have_is_an_error(fresh: Path) -> None:
    private = apt.PrivateApt("potato", fresh / "potato")
    with pytest.raises(apt.AptError, match="potato"):
        private.fetch(["promtool"])
    with pytest.raises(apt.AptError, match="trixie serves none of: no-such-package"):
        apt.PrivateApt("trixie", fresh / "trixie").fetch(["no-such-package"])


def test_a_broken_mirror_leaves_the_tools_missing_with_the_reason(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MKIT_DEBIAN_MIRROR", "http://127.0.0.1:9/debian")
    with pytest.raises(ToolsMissingError, match=r"127\.0\.0\.1") as error:
        ensure_tools("sid")
    assert "mkit tools fetch --suite sid" in str(error.value)
    assert not any(tool.found for tool in find_tools("sid").values())


def test_other_packages_come_with_the_libraries_they_need(fresh: Path) -> None:
    root = fetch_packages(("redis-server", "redis-tools"))
    server = root / "usr" / "bin" / "redis-server"
    libraries = ":".join(map(str, (root / "usr" / "lib").glob("*-linux-*")))
    shown = subprocess.run([server, "--version"], capture_output=True, text=True, env={"LD_LIBRARY_PATH": libraries})
    assert "Redis server v=" in shown.stdout
    assert package_version("redis-server").split(":")[-1].startswith(shown.stdout.split("v=")[1].split()[0])
    stamp = (root / "usr" / "bin" / "redis-server").stat().st_mtime_ns
    assert fetch_packages(("redis-server", "redis-tools")) == root
    assert (root / "usr" / "bin" / "redis-server").stat().st_mtime_ns == stamp
