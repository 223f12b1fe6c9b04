"""Release archives: only what matches its pinned checksum is unpacked, and only what was asked for."""

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from monitoring_kit.stack import releases


def archive(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, body in files.items():
            member = tarfile.TarInfo(name.replace("__", "/"))
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


class Served:
    body = b""
    status = 200
    url = ""


@pytest.fixture
def served() -> Iterator[Served]:
    answer = Served()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    answer.url = f"http://127.0.0.1:{server.server_port}/{{version}}/{{platform}}.tar.gz"
    yield answer
    server.shutdown()
    server.server_close()


def table(served: Served, sha256: str | None = None) -> dict[str, Any]:
    checksum = sha256 or hashlib.sha256(served.body).hexdigest()
    return {
        "prometheus": {
            "version": "2.53.0",
            "url": served.url,
            "programs": ["prometheus", "promtool"],
            "sha256": {"linux-amd64": checksum},
        }
    }


def test_programs_of_a_matching_archive_become_runnable(served: Served, tmp_path: Path) -> None:
    served.body = archive(p__prometheus=b"#!/bin/sh\n", p__promtool=b"tool", p__LICENSE=b"no")
    assert releases.fetch(tmp_path, "linux-amd64", table(served)) == {"prometheus": "2.53.0"}
    target = tmp_path / "root" / "usr" / "bin"
    assert sorted(path.name for path in target.iterdir()) == ["prometheus", "promtool"]
    assert (target / "promtool").read_bytes() == b"tool"
    assert (target / "promtool").stat().st_mode & 0o777 == 0o755


def test_another_checksum_unpacks_nothing(served: Served, tmp_path: Path) -> None:
    served.body = archive(p__prometheus=b"evil", p__promtool=b"evil")
    with pytest.raises(releases.ReleaseError, match=f"checksum .*, pinned {'0' * 64}"):
        releases.fetch(tmp_path, "linux-amd64", table(served, "0" * 64))
    assert list(tmp_path.rglob("*.tar.gz")) == []
    assert list((tmp_path / "root" / "usr" / "bin").iterdir()) == []


def test_members_cannot_leave_the_folder(served: Served, tmp_path: Path) -> None:
    served.body = archive(**{"..__..__prometheus": b"a", "__promtool": b"b"})
    releases.fetch(tmp_path / "tools", "linux-amd64", table(served))
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["prometheus", "promtool"]
    assert (tmp_path / "tools" / "root" / "usr" / "bin" / "prometheus").is_file()


def test_an_archive_without_the_programs_is_refused(served: Served, tmp_path: Path) -> None:
    served.body = archive(p__prometheus=b"a")
    with pytest.raises(releases.ReleaseError, match="holds no promtool"):
        releases.fetch(tmp_path, "linux-amd64", table(served))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("cut", [0.99, 0.5, 0.01])
def test_an_archive_that_was_pinned_while_cut_off_is_refused(served: Served, tmp_path: Path, cut: float) -> None:
    whole = archive(p__prometheus=os.urandom(200_000), p__promtool=os.urandom(200_000))
    served.body = whole[: int(len(whole) * cut)]
    with pytest.raises(releases.ReleaseError, match=r"not a whole tar archive|holds no"):
        releases.fetch(tmp_path, "linux-amd64", table(served))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_is_no_archive_is_refused(served: Served, tmp_path: Path) -> None:
    served.body = b"<html>sign in</html>"
    with pytest.raises(releases.ReleaseError, match="not a whole tar archive"):
        releases.fetch(tmp_path, "linux-amd64", table(served))


def test_an_error_of_the_server_is_told(served: Served, tmp_path: Path) -> None:
    served.status = 404
    with pytest.raises(releases.ReleaseError, match="HTTPError"):
        releases.fetch(tmp_path, "linux-amd64", table(served, "0" * 64))


def test_an_archive_over_the_limit_is_cut_off(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served.body = b"x" * 4096
    monkeypatch.setattr(releases, "MAX_ARCHIVE_BYTES", 1024)
    with pytest.raises(releases.ReleaseError, match="larger than 1024 bytes"):
        releases.fetch(tmp_path, "linux-amd64", table(served))


def test_a_platform_without_a_checksum_is_refused_before_any_download(served: Served, tmp_path: Path) -> None:
    with pytest.raises(releases.ReleaseError, match=r"no pinned checksum for plan9-mips \(pinned: linux-amd64\)"):
        releases.fetch(tmp_path, "plan9-mips", table(served))


@pytest.mark.parametrize(
    ("system", "machine", "platform"),
    [("linux", "x86_64", "linux-amd64"), ("darwin", "arm64", "darwin-arm64"), ("linux", "AARCH64", "linux-arm64")],
)
def test_platforms_have_the_archives_own_names(system: str, machine: str, platform: str) -> None:
    assert releases.host_platform(system, machine) == platform


def test_the_shipped_table_holds_only_whole_checksums() -> None:
    import yaml

    path = Path(releases.__file__).with_name("releases.yaml")
    for name, entry in yaml.safe_load(path.read_text(encoding="utf-8")).items():
        assert "{version}" in entry["url"], name
        assert "{platform}" in entry["url"], name
        for platform, checksum in entry["sha256"].items():
            assert len(checksum) == 64, (name, platform)
            assert int(checksum, 16) > 0
