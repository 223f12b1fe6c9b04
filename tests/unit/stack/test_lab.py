"""The lab starts real processes and leaves none behind."""

import os
import socket
import sys
import time
from pathlib import Path

import pytest

from monitoring_kit.stack import lab as lab_module
from monitoring_kit.stack.lab import Lab, LabError, answers, free_port, read, wait_until

SERVER = "import http.server, sys; http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()"


def test_a_server_runs_inside_and_is_gone_afterwards() -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with Lab() as lab:
        folder = lab.folder
        lab.start("web", [sys.executable, "-c", SERVER, str(port)], url)
        assert answers(url)
    assert not answers(url)
    assert not folder.exists()


def test_a_server_that_dies_shows_the_end_of_its_log() -> None:
    code = "import sys; print('no such luck', flush=True); sys.exit(3)"
    with Lab() as lab, pytest.raises(LabError, match=r"web ended with code 3(.|\n)*no such luck"):
        lab.start("web", [sys.executable, "-c", code], lambda: False)


def test_a_child_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_module, "STOP_SECONDS", 0.3)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('up', 'w').close(); time.sleep(60)"
    with Lab() as lab:
        lab.start("stubborn", [sys.executable, "-c", code], (lab.folder / "up").exists)
        began = time.monotonic()
    assert time.monotonic() - began < 10


def test_children_of_children_are_stopped_too() -> None:
    code = (
        "import subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "open('pid.new', 'w').write(str(child.pid)); import os; os.rename('pid.new', 'pid'); time.sleep(60)"
    )
    with Lab() as lab:
        lab.start("parent", [sys.executable, "-c", code], (lab.folder / "pid").exists)
        grandchild = int((lab.folder / "pid").read_text())
    wait_until(lambda: _gone(grandchild), 5)


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # An orphan that nobody reaps stays as a zombie in a container without an init.
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


def test_a_command_that_fails_shows_its_error_output() -> None:
    with Lab() as lab, pytest.raises(LabError, match=r"code 4(.|\n)*broken"):
        lab.run("cmd", [sys.executable, "-c", "import sys; sys.stderr.write('broken'); sys.exit(4)"])


def test_a_command_that_takes_too_long_is_stopped() -> None:
    with Lab() as lab, pytest.raises(LabError, match="longer than 0 s"):
        lab.run("cmd", [sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2)


def test_waiting_ends() -> None:
    with pytest.raises(LabError, match="not ready within 0 s"):
        wait_until(lambda: False, 0.1)


def test_only_loopback_is_read() -> None:
    with pytest.raises(ValueError, match="not a loopback URL"):
        read("http://example.org/")


def test_free_ports_differ_and_no_client_connection_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    limits = Path("/proc/sys/net/ipv4/ip_local_port_range")
    lowest = int(limits.read_text().split()[0]) if limits.exists() else 49152
    assert max(ports) < lowest
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setattr(lab_module, "_PORTS", (port, port + 1))
        with pytest.raises(LabError, match="no free port"):
            free_port()
