"""A container's health check without a shell: ``python -m monitoring_kit.exporters.ai.health [URL]``."""

from __future__ import annotations

import sys

from ..business.health import main

DEFAULT_URL = "http://127.0.0.1:9642/-/healthy"

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:] or [DEFAULT_URL]))
