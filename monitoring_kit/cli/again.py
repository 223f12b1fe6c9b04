"""Not a verb: the second compilation that `mkit generate` compares with its own. Prints hashes as JSON."""

from __future__ import annotations

import gc
import json
import sys


def main(spec: str, env: str) -> None:
    """Compile ``spec`` for ``env`` ("" for none) and print the hash of what was read and the fingerprint of its files."""
    from monitoring_kit.pipeline import compile_spec
    from monitoring_kit.verify.repeat import fingerprint

    compilation = compile_spec(spec, env or None)
    sha256 = compilation.system.sha256 if compilation.system else ""
    json.dump({"spec": sha256, "files": fingerprint(compilation.outputs)}, sys.stdout)


if __name__ == "__main__":
    gc.disable()  # as in `cli/main.py`: a process of seconds
    main(*sys.argv[1:3])
