"""``python -m monitoring_kit`` is ``mkit``."""

from monitoring_kit.cli.main import run

run()
