"""Not a verb: the second compilation that `mkit generate` compares with its own. Prints path to hash and mode as JSON."""

from __future__ import annotations

import json
import sys


def main(spec: str, env: str) -> None:
    """Compile ``spec`` for ``env`` ("" for none) and print the fingerprint of its files."""
    from monitoring_kit.pipeline import compile_spec
    from monitoring_kit.verify.repeat import fingerprint

    json.dump(fingerprint(compile_spec(spec, env or None).outputs), sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:3])
