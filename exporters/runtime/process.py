"""The process's own figures from /proc, under Prometheus' standard names."""

from __future__ import annotations

import os

from .records import dataclass


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """CPU and start time in seconds, memory in bytes; ``max_fds`` is this process' soft limit. ``open_fds`` is NaN where they may not be
    counted: those of another user's process."""

    cpu_seconds: float
    start_time: float
    resident_bytes: float
    virtual_bytes: float
    open_fds: float
    max_fds: float
    threads: float


def boot_time() -> float:
    """When the machine started, Unix seconds."""
    with open("/proc/stat", "rb") as file:
        for line in file:
            if line.startswith(b"btime "):
                return float(line.split()[1])
    return 0.0


_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def read_process(boot: float, proc: str = "/proc/self") -> ProcessFigures | None:
    """The figures now; None where there is no /proc. Field numbers as in proc(5)."""
    try:
        # Not open(): its buffers cost more than the reading. The kernel hands the line out in one piece.
        descriptor = os.open(f"{proc}/stat", os.O_RDONLY)
        try:
            line = os.read(descriptor, 4096)
        finally:
            os.close(descriptor)
        # The command in parentheses may hold spaces: count fields from the last one.
        fields = line.rpartition(b")")[2].split()
    except OSError:
        return None
    try:
        fds = float(len(os.listdir(f"{proc}/fd")))
    except PermissionError:
        fds = float("nan")
    except OSError:
        return None
    import resource

    return ProcessFigures(
        cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICK,
        start_time=boot + int(fields[19]) / _TICK,
        resident_bytes=float(int(fields[21]) * _PAGE),
        virtual_bytes=float(fields[20]),
        open_fds=fds,
        max_fds=float(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        threads=float(fields[17]),
    )
