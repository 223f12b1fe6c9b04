"""``mkit exporter ai`` and ``mkit exporter baseline``: flags, configuration, reload."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from monitoring_kit import __version__

from ..business.drivers import require_drivers
from ..runtime import Exporter, ExporterApp, UsageError, run_exporter
from ..runtime.program import early_flags, first_config
from .build import make_exporter
from .config import DEFAULT_LISTEN, Config, load_config
from .parts import Lasting

if TYPE_CHECKING:
    from .truth_poll import TruthPoll

NAME = "mkit-exporter-ai"


class Program:
    """Builds exporters from the configuration file; ``lasting`` outlives reloads."""

    def __init__(self) -> None:
        self._lasting = Lasting()
        self._polls: list[TruthPoll] = []
        self._config: Config | None = None

    def build(self, args: Namespace, previous: Exporter | None) -> Exporter:
        """The exporter that the configuration file describes now. ConfigError when it describes none."""
        if not args.config_file:
            raise UsageError("--config FILE is needed; `mkit generate` writes it: generated/exporters/ai.yaml")
        config = load_config(Path(args.config_file))
        if config.quality is not None and config.quality.truth is not None:
            require_drivers([("quality.truth.source", config.quality.truth.source)], args.config_file)
        exporter = make_exporter(config, self._lasting, self._polls if args.config_check else None)
        self._config = config
        return exporter

    def check(self, exporter: Exporter) -> int:
        """``--config.check``."""
        from .check import check

        assert self._config is not None
        return check(self._config, exporter, self._polls, sys.stdout, sys.stderr)


EXAMPLES = """examples:
  mkit exporter ai --config ai.yaml --config.check     check, ask truth and the endpoint once, print the samples
  mkit exporter ai --config ai.yaml --print-grants
  mkit exporter ai --config ai.yaml --web.listen-address 127.0.0.1:9642
"""


def _flags(parser: ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("--config", dest="config_file", metavar="FILE", help="the same as --config.file")
    parser.add_argument(
        "--print-grants",
        action="store_true",
        help="print the least-privilege account of the source that truth is read from and exit",
    )


def _grants(config: Config) -> str:
    """The account that reads the truth. Only a comment where truth is pushed: then the exporter asks nobody."""
    from ..business.grants import account

    truth = config.quality.truth if config.quality is not None else None
    if truth is None:
        return "-- no account is needed: the configuration reads no truth from a source\n"
    return account(truth.source, [truth])


def run(argv: Sequence[str] | None = None) -> int:
    """Run the exporter, or ``baseline``, with these arguments; the exit code. See ``--help``."""
    args = list(sys.argv[1:] if argv is None else argv)
    if args[:1] == ["baseline"]:
        from .baseline import run_baseline

        return run_baseline(args[1:])
    early = early_flags(args)
    listen = DEFAULT_LISTEN
    if early.config_file:
        config = first_config(NAME, early, load_config)
        if config is None:
            return 1
        if early.print_grants:
            sys.stdout.write(_grants(config))
            return 0
        listen = config.listen
    program = Program()
    app = ExporterApp(NAME, __version__, "Metrics of an AI model.", listen, program.build, _flags, program.check)
    return run_exporter(app, args)


if __name__ == "__main__":
    raise SystemExit(run())
