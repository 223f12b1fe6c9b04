"""Make unpacked packages run from the folder where they lie.

Debian's builds of Prometheus and Alertmanager read web pages and default templates from ``/usr/share/prometheus``, a path
that is compiled in: unpacked elsewhere, Alertmanager does not even start. As conda does with the prefix of its packages
(https://docs.conda.io/projects/conda-build/en/stable/resources/make-relocatable.html), the path is replaced by one of the
same length: that of an open file descriptor, which a small script hands to the program. So nothing outside of the folder is
touched, no rights are needed and the folder can be moved.
"""

from __future__ import annotations

from pathlib import Path

_SHARE = b"/usr/share/prometheus"
# The kernel opens it as the directory itself; repeated slashes count as one, so it can be as long as the path it replaces.
_DESCRIPTOR = 9
_HELD = f"/proc/self/fd/{_DESCRIPTOR}".encode().ljust(len(_SHARE), b"/")
_PROGRAMS = ("prometheus", "prometheus-alertmanager")
_SCRIPT = f"""\
#!/bin/sh
# Written by mkit: the program reads /usr/share/prometheus through descriptor {_DESCRIPTOR}, wherever this folder is.
self=$(PATH=/usr/bin:/bin readlink -f "$0") && usr=${{self%/bin/*}}
exec {_DESCRIPTOR}<"$usr/share/prometheus" && exec "$usr/lib/mkit/${{self##*/}}" "$@"
"""


def relocate(package: Path) -> None:
    """Change an unpacked package in place so that its servers find their files below it; a package without one stays as it is.

    Raises ``OSError`` where a file cannot be read or written.
    """
    for name in _PROGRAMS:
        program = package / "usr" / "bin" / name
        share = package / "usr" / "share" / "prometheus"
        if not (program.is_file() and share.is_dir()):
            continue
        moved = package / "usr" / "lib" / "mkit" / name
        moved.parent.mkdir(parents=True, exist_ok=True)
        moved.write_bytes(program.read_bytes().replace(_SHARE, _HELD))
        moved.chmod(0o755)
        program.write_text(_SCRIPT, encoding="utf-8")
        program.chmod(0o755)
