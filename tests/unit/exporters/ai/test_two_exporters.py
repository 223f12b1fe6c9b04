"""Two exporters that want the same socket or state file, reloads that change both, and what is left after the end."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from monitoring_kit.exporters.ai.mkit_client import Client
from monitoring_kit.exporters.runtime import ConfigError

from monitoring_kit.stack.lab import free_port
from tests.unit.exporters.ai.rig import Rig


def until(done: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


class Process:
    """``mkit exporter ai`` as a process of its own."""

    def __init__(self, folder: Path, config: dict[str, Any], port: int | None = None) -> None:
        self.file = folder / f"{time.monotonic_ns()}.yaml"
        self.write(config)
        self.url = f"http://127.0.0.1:{port or free_port()}"
        command = [sys.executable, "-m", "monitoring_kit", "exporter", "ai", "--config", str(self.file)]
        self.command = [*command, f"--web.listen-address={self.url.removeprefix('http://')}", "--web.enable-lifecycle"]
        self.child = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True)

    def write(self, config: dict[str, Any]) -> None:
        self.file.write_text(yaml.safe_dump(config))

    def ready(self) -> Process:
        until(lambda: self.get("/-/ready")[0] == 200)
        return self

    def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        try:
            request = urllib.request.Request(self.url + path, method=method)
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def value(self, name: str) -> float | None:
        lines = self.get("/metrics")[1].splitlines()
        found = [line for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
        return float(found[0].rpartition(" ")[2]) if found else None

    def refused(self) -> str:
        """What it says on standard error when it does not start."""
        assert self.child.wait(30) == 1
        assert self.child.stderr is not None
        return self.child.stderr.read()

    def end(self, number: int = signal.SIGTERM) -> None:
        self.child.send_signal(number)
        self.child.wait(20)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    made: list[Process] = []

    def begin(config: dict[str, Any], port: int | None = None) -> Process:
        made.append(Process(tmp_path, config, port))
        return made[-1]

    yield begin
    for process in made:
        if process.child.poll() is None:
            process.child.kill()
        process.child.wait()
        assert process.child.stderr is not None
        process.child.stderr.close()


def config(folder: Path, unix: str = "run/ai.sock", state: str = "ai.db", **more: Any) -> dict[str, Any]:
    quality = {"key": ["id"], "kind": "class", "state_file": str(folder / state)}
    ingest = {"unix": str(folder / unix), "http": True}
    return {"model": {"name": "m"}, "ingest": ingest, "quality": quality, "gpu": "off", "process": False, **more}


def sent(path: Path, process: Process, want: float) -> None:
    """One event of a new client arrives."""
    client = Client(str(path), start=False)
    client.counter("mkit_model_batches_total").inc()
    client.flush()
    until(lambda: process.value("mkit_model_batches_total") == want)
    client.close()


def test_a_second_exporter_leaves_the_socket_and_the_state_of_the_first_alone(
    tmp_path: Path, start: Callable[..., Process]
) -> None:
    first = start(config(tmp_path)).ready()
    sock = tmp_path / "run/ai.sock"
    before = sock.stat()
    other = start({**config(tmp_path, state="other.db"), "namespace": "n"})
    assert f"socket {sock}: another exporter uses it; stop that one, or give this one a socket" in other.refused()
    other = start(config(tmp_path, unix="run/other.sock"))
    assert f"state_file {tmp_path / 'ai.db'}: another exporter uses it; stop that one" in other.refused()
    # Refused for its port: what it had opened is gone again.
    other = start(config(tmp_path, "run/other.sock", "other.db"), int(first.url.rpartition(":")[2]))
    assert "cannot listen on" in other.refused()
    assert not (tmp_path / "run/other.sock").exists()
    assert sorted(path.name for path in tmp_path.glob("other.db*")) == ["other.db", "other.db.lock"]
    done = subprocess.run([*first.command, "--config.check"], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, "mkit_model_info" in done.stdout) == (0, True), done.stderr
    assert (sock.stat().st_ino, sock.stat().st_ctime_ns) == (before.st_ino, before.st_ctime_ns)
    sent(sock, first, 1)


def test_a_dead_process_leaves_nothing_in_the_way(tmp_path: Path, start: Callable[..., Process]) -> None:
    start(config(tmp_path)).ready().end(signal.SIGKILL)
    assert (tmp_path / "run/ai.sock").is_socket()
    second = start(config(tmp_path)).ready()
    sent(tmp_path / "run/ai.sock", second, 1)
    second.end()
    assert sorted(os.listdir(tmp_path / "run")) == ["ai.sock.lock"]
    # The WAL is in the file: who copies that has everything.
    assert sorted(path.name for path in tmp_path.glob("ai.db*")) == ["ai.db", "ai.db.lock"]


def test_a_reload_changes_socket_and_state_file_and_a_refused_one_keeps_both(
    tmp_path: Path, start: Callable[..., Process]
) -> None:
    holder = start(config(tmp_path, "run/held.sock", "held.db")).ready()
    process = start(config(tmp_path)).ready()
    one, two = tmp_path / "run/ai.sock", tmp_path / "run/two.sock"
    for refused in (
        config(tmp_path, "run/held.sock", "two.db"),
        config(tmp_path, "run/two.sock", "held.db"),
        config(tmp_path, "run/two.sock", "two.db", drift={"features": {"x": "no_such_metric"}}),
    ):
        refused["ingest"]["unix_mode"] = "0600"
        process.write(refused)
        status, text = process.get("/-/reload", "POST")
        assert (status, "the running configuration stays" in text) == (500, True), text
        assert not two.exists()
    assert one.stat().st_mode & 0o777 == 0o660
    sent(one, process, 1)
    process.write(config(tmp_path, "run/two.sock", "two.db"))
    assert process.get("/-/reload", "POST")[0] == 200
    assert not one.exists()
    sent(two, process, 2)
    # What it let go another may have.
    start(config(tmp_path)).ready()
    changed = config(tmp_path, "run/two.sock", "two.db")
    changed["ingest"]["unix_mode"] = "0600"
    process.write(changed)
    process.child.send_signal(signal.SIGHUP)
    until(lambda: two.stat().st_mode & 0o777 == 0o600)
    sent(two, process, 3)
    sent(tmp_path / "run/held.sock", holder, 1)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_socket_that_was_taken_away_is_noticed_and_bound_anew_by_a_reload(
    tmp_path: Path, start: Callable[..., Process], replaced: bool
) -> None:
    process = start(config(tmp_path)).ready()
    sock = tmp_path / "run/ai.sock"
    assert process.value("mkit_ai_ingest_socket_bound") == 1
    sent(sock, process, 1)
    old = Client(str(sock), start=False)
    counter = old.counter("mkit_model_batches_total")
    counter.inc()
    old.flush()
    until(lambda: process.value("mkit_model_batches_total") == 2)
    for path in (tmp_path / "run").iterdir():
        path.unlink()
    if replaced:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.bind(str(sock))
    until(lambda: process.value("mkit_ai_ingest_socket_bound") == 0)
    # As is logged: who is connected goes on being heard, who is not does not find it.
    counter.inc()
    old.flush()
    until(lambda: process.value("mkit_model_batches_total") == 3)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as new, pytest.raises(OSError):
        new.connect(str(sock))
    assert process.get("/-/reload", "POST")[0] == 200
    assert process.value("mkit_ai_ingest_socket_bound") == 1
    sent(sock, process, 4)
    # A client that was connected before finds the new socket by itself.
    for _ in range(2):
        counter.inc()
        old.flush()
        time.sleep(0.3)
    until(lambda: process.value("mkit_model_batches_total") == 6)
    assert process.value("mkit_ai_ingest_lost_total") == 0
    # The lock file was removed too, and is there again.
    assert "another exporter uses it" in start(config(tmp_path, state="other.db")).refused()
    old.close()
    process.end()
    assert not sock.exists()
    assert process.child.stderr is not None
    said = "new clients do not find it, those already connected go on being heard; a reload binds it anew"
    assert process.child.stderr.read().count(said) == 1


# key -> (what it names, where it stands in a spec)
PLACES = {
    "ingest.unix": ("socket", "exporters.ai.ingest.unix"),
    "ingest.statsd.unix": ("socket", "exporters.ai.ingest.statsd.unix"),
    "state_file": ("state_file", "exporters.ai.truth.state_file"),
}


def placed(folder: Path, key: str, path: Path) -> dict[str, Any]:
    """A configuration in which ``key`` leads to ``path``."""
    made = config(folder)
    if key == "ingest.statsd.unix":
        made["ingest"]["statsd"] = {"unix": str(path)}
    elif key == "ingest.unix":
        made["ingest"]["unix"] = str(path)
    else:
        made["quality"]["state_file"] = str(path)
    return made


@pytest.mark.parametrize("name", ["ai", "business"])
def test_a_hangup_while_it_starts_is_a_reload_once_it_serves(tmp_path: Path, name: str) -> None:
    """Who writes the file signals at once; the signal's default would end the process."""
    file, port = tmp_path / "c.yaml", free_port()
    body = {"gpu": False, "ingest": {"http": True}}
    if name == "business":
        metric = {"source": "a", "query": "SELECT 1", "type": "gauge", "help": "A."}
        body = {"sources": {"a": {"kind": "sqlite", "url": f"sqlite:///{tmp_path}/a.db"}}, "metrics": {"a": metric}}
    # A pipe: it starts, and stays before its configuration until somebody writes that.
    os.mkfifo(file)
    command = [sys.executable, "-m", f"monitoring_kit.exporters.{name}.main", "--config", str(file)]
    child = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stderr=subprocess.PIPE, text=True)
    try:
        with file.open("w") as pipe:
            child.send_signal(signal.SIGHUP)
            # What is read from now on is a file.
            (tmp_path / "new").write_text(yaml.safe_dump(body))
            (tmp_path / "new").replace(file)
            pipe.write(yaml.safe_dump(body))
        until(lambda: _answers(port))
    finally:
        child.terminate()
        _, said = child.communicate(timeout=20)
    assert child.returncode == 0, said
    assert "configuration reloaded" in said


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=2).status == 200)
    return False


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's: pytest's own may not, beside other workers."""
    with tempfile.TemporaryDirectory(prefix="mkit") as folder:
        yield Path(folder)


@pytest.mark.parametrize("key", PLACES)
def test_a_place_that_cannot_be_used_is_told_with_path_key_and_fix(
    short: Path, start: Callable[..., Process], key: str
) -> None:
    what, spec = PLACES[key]
    process = start(config(short)).ready()
    (short / "in-the-way").write_text("")
    (short / "folder").mkdir()
    for path, cause in (
        (short / "in-the-way/x", f"{short}/in-the-way is a file and no folder: move it away"),
        (short / "in-the-way/below/x", f"{short}/in-the-way is a file and no folder: move it away"),
        (short / "folder", "is a folder: name a file in it" if what == "state_file" else "something else at that path"),
    ):  # fmt: skip
        process.write(placed(short, key, path))
        status, text = process.get("/-/reload", "POST")
        assert status == 500
        assert f"{what} {path}: " in text
        assert cause in text
        assert f"`{key}` (in a spec: {spec})" in text
    # A folder that is missing is made.
    process.write(placed(short, key, short / "new/below/x"))
    assert process.get("/-/reload", "POST")[0] == 200
    assert (short / "new/below/x").exists()
    refused = start(placed(short / "other", key, short / "in-the-way/x")).refused()
    assert f"{what} {short}/in-the-way/x: {short}/in-the-way is a file and no folder: move it away" in refused


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root writes everywhere")
@pytest.mark.parametrize("key", PLACES)
def test_a_folder_of_another_user_is_told_with_path_key_and_fix(key: str) -> None:
    what, spec = PLACES[key]
    # Not below pytest's own folder, where another user may not look.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        shut, mine, hidden = folder / "shut", folder / "mine", folder / "hidden"
        (hidden / "in").mkdir(parents=True)
        for name, target in (("link", hidden / "in"), ("lost", folder / "nowhere")):
            (folder / name).symlink_to(target)
        for path, mode in ((shut, 0o555), (mine, 0o777), (hidden, 0o700)):
            path.mkdir(exist_ok=True)
            path.chmod(mode)
        link = "is a link that leads to no folder that this user may enter: let it lead to one"
        drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        for path, cause in (
            (shut / "x", f"this user may not write into the folder {shut}: change its owner"),
            (shut / "new/x", f"this user may not make the folder {shut}/new: create it for this user"),
            (hidden / "in/x", f"this user may not look into the folder {hidden}: change its owner"),
            (folder / "link/x", f"{folder}/link {link}"),
            (folder / "lost/x", f"{folder}/lost {link}"),
        ):
            file = folder / "ai.yaml"
            file.write_text(yaml.safe_dump(placed(mine, key, path)))
            command = [*drop, sys.executable, "-m", "monitoring_kit", "exporter", "ai", "--config", str(file)]
            listen = f"--web.listen-address=127.0.0.1:{free_port()}"
            done = subprocess.run([*command, listen], capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 1, done.stderr
            assert f"{what} {path}: {cause}, or set " in done.stderr
            assert f"`{key}` (in a spec: {spec})" in done.stderr


def test_a_socket_that_another_program_reads_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "run/ai.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))
        with pytest.raises(ConfigError, match="another process reads it; stop that one"):
            Rig(config(tmp_path))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.sendto(b"x", str(path))
        assert other.recv(10) == b"x"
    Rig(config(tmp_path)).close()


def test_facts_of_another_key_are_forgotten_when_the_reload_succeeded_and_not_before(tmp_path: Path) -> None:
    def facts() -> int:
        with contextlib.closing(sqlite3.connect(tmp_path / "ai.db")) as db:
            return int(db.execute("SELECT COUNT(*) FROM facts").fetchone()[0])

    def post(rig: Rig, key: str, batch: str) -> None:
        event = {"prediction": "a", "key": {key: "1"}, "time": time.time()}
        answer = rig.post(json.dumps({"batch_id": batch, "events": [event]}).encode())
        assert (answer.status, answer.headers) == (204, {})

    first = Rig(config(tmp_path))
    post(first, "id", "1")
    assert facts() == 1
    other = config(tmp_path)
    other["quality"]["key"] = ["order"]
    with pytest.raises(ConfigError):
        Rig({**other, "drift": {"features": {"x": "no_such_metric"}}}, first.lasting)
    assert facts() == 1
    post(first, "id", "2")
    second = Rig(other, first.lasting)
    assert facts() == 0
    first.close()
    post(second, "order", "3")
    second.close()
    assert facts() == 1
    assert not (tmp_path / "ai.db-wal").exists()
