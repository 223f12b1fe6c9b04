"""Runs an image's ENTRYPOINT, CMD and HEALTHCHECK as they stand, confined as the READMEs' snippets confine them.

Usage, as root in mount, network and process namespaces of its own: confined.py ORDER, a JSON object with ``entrypoint``, ``cmd``,
``healthcheck`` (lists), ``user`` (uid:gid), ``volumes`` (paths), ``config`` (path), ``files`` ({path: text}), ``root`` (the
checkout) and ``urls``. A read-only root file system is made of this machine's /usr and Python; only the volumes can be written
to. Prints a JSON object: what the health check and the URLs said, and how the program ended.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

SECONDS = 60.0


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def bind(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    mount("--bind", str(source), str(target))
    mount("-o", "remount,bind,ro", str(target))


def make_root(order: dict[str, Any]) -> Path:
    """The read-only root file system."""
    root = Path("/mnt")
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(root))
    for name in ("usr", "lib", "lib64", "bin", "sbin"):
        host = Path("/", name)
        if host.is_symlink():
            root.joinpath(name).symlink_to(os.readlink(host))
        elif host.exists():
            bind(host, root / name)
    bind(Path("/dev"), root / "dev")
    bind(Path(sys.base_prefix), root / Path(sys.base_prefix).relative_to("/"))
    bind(Path(order["root"]), root / Path(order["root"]).relative_to("/"))
    bind(Path(sys.prefix), root / "opt/mkit")
    for folder in ("etc/mkit", "proc", "tmp"):
        root.joinpath(folder).mkdir(parents=True, exist_ok=True)
    mount("-t", "proc", "proc", str(root / "proc"))
    root.joinpath("etc/hosts").write_text("127.0.0.1 localhost\n")
    for path, text in order["files"].items():
        root.joinpath(path.lstrip("/")).write_text(text)
    for path in order["copies"]:
        shutil.copy(path, root / "etc/mkit")
    uid, gid = order["user"].split(":")
    for volume in order["volumes"]:
        folder = root / volume.lstrip("/")
        folder.mkdir(parents=True)
        mount("-t", "tmpfs", "-o", f"mode=0750,uid={uid},gid={gid}", "tmpfs", str(folder))
    mount("-o", "remount,ro", str(root))
    return root


def loopback_up() -> None:
    with socket.socket() as sock:  # SIOCSIFFLAGS, IFF_UP
        fcntl.ioctl(sock, 0x8914, struct.pack("16sh14x", b"lo", 1))


def inside(root: Path, order: dict[str, Any], command: list[str]) -> list[str]:
    """The command in that root, as the image's user, without rights and without a way to new ones."""
    uid, gid = order["user"].split(":")
    confine = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--bounding-set=-all", "--no-new-privs"]
    return [shutil.which("chroot") or "/usr/sbin/chroot", str(root), *confine, *command]


def get(url: str) -> list[Any]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return [answer.status, answer.read().decode()]
    except urllib.error.HTTPError as error:
        return [error.code, error.read().decode()]


def written(root: Path, volumes: list[str]) -> list[str]:
    """What is in the volumes."""
    return sorted(f"/{p.relative_to(root)}" for volume in volumes for p in (root / volume.lstrip("/")).rglob("*"))


def run(order: dict[str, Any]) -> dict[str, Any]:
    root = make_root(order)
    loopback_up()
    environment = {"PATH": "/opt/mkit/bin:/usr/bin:/bin", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    health = inside(root, order, order["healthcheck"])
    before = subprocess.run(health, env=environment, capture_output=True, check=False).returncode
    program = subprocess.Popen(
        inside(root, order, [*order["entrypoint"], *order["cmd"]]), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )  # fmt: skip
    end = time.monotonic() + SECONDS
    while (healthy := subprocess.run(health, env=environment, check=False).returncode) and time.monotonic() < end:
        if program.poll() is not None:
            break
        time.sleep(0.2)
    said: dict[str, Any] = {"before": before, "healthy": healthy, "answers": {}}
    if program.poll() is None:
        said["written"] = written(root, order["volumes"])
        said["answers"] = {url: get(url) for url in order["urls"]}
        status = (root / f"proc/{program.pid}/status").read_text()
        said["status"] = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        program.send_signal(signal.SIGTERM)
    said["output"] = program.communicate(timeout=30)[0]
    said["code"] = program.returncode
    return said


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.argv[1]))))
