"""Listening addresses: families, repetition, sockets from systemd."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request

import pytest
from monitoring_kit.exporters.runtime import ConfigError, Registry
from monitoring_kit.exporters.runtime.server import listen, systemd_sockets

from .conftest import Start


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_several_addresses_serve_the_same(start: Start, registry: Registry) -> None:
    run = start(registry, "--web.listen-address", "127.0.0.2:0")
    assert [host for host, _ in run.program.addresses] == ["127.0.0.1", "127.0.0.2"]
    for host, port in run.program.addresses:
        with urllib.request.urlopen(f"http://{host}:{port}/-/healthy", timeout=5) as answer:
            assert answer.status == 200


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
def test_ipv6(start: Start, registry: Registry) -> None:
    run = start(registry, "--web.listen-address", "[::1]:0")
    host, port = run.program.addresses[1]
    assert host == "::1"
    with urllib.request.urlopen(f"http://[::1]:{port}/-/healthy", timeout=5) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    "address", ["", "9100", "host", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", "nohost.invalid:1"]
)
def test_malformed_addresses(address: str) -> None:
    with pytest.raises(ConfigError):
        listen(address)


def test_systemd_sockets_must_be_for_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", "1")
    with pytest.raises(ConfigError, match="no socket"):
        systemd_sockets()


def test_systemd_sockets_are_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        # systemd passes its sockets from descriptor 3 on.
        code = (
            f"import os; os.dup2({sock.fileno()}, 3); os.environ['LISTEN_PID'] = str(os.getpid())\n"
            "from monitoring_kit.exporters.runtime import *\n"
            "build = lambda args, previous: Exporter(Registry('unit'))\n"
            "raise SystemExit(run_exporter(ExporterApp('e', '1', 'd', ':1', build), ['--web.systemd-socket']))"
        )
        child = subprocess.Popen(
            [sys.executable, "-c", code],
            pass_fds=[sock.fileno()],
            env={**os.environ, "LISTEN_FDS": "1"},
            stderr=subprocess.DEVNULL,
        )
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/healthy", timeout=10) as answer:
                assert answer.status == 200
        finally:
            child.terminate()
            assert child.wait(10) == 0
