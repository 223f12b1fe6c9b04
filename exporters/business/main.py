"""``mkit exporter business``: flags, configuration, reload, check."""

from __future__ import annotations

import logging
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from monitoring_kit import __version__

from ..runtime import Exporter, ExporterApp, UsageError, run_exporter
from ..runtime.program import early_flags, first_config
from ..runtime.shared import Shared
from .build import make_exporter
from .config import DEFAULT_LISTEN, Config, load_config
from .drivers import require_drivers
from .drops import Refused
from .pace import Relay
from .source import CHECK, SCRAPE
from .state import State

log = logging.getLogger(__name__)

NAME = "mkit-exporter-business"


class Program:
    """Builds exporters from the configuration file; the state and what is read in the background outlive reloads."""

    def __init__(self, loaded: Config | None = None) -> None:
        self._states: Shared[State] = Shared()
        self._relay = Relay()
        self._refused = Refused()
        self._loaded = loaded
        # What the program was started with: its flag was made of it.
        self._strict: bool | None = None
        self.config: Config | None = None

    def build(self, args: Namespace, previous: Exporter | None) -> Exporter:
        """The exporter that the configuration file describes now. ConfigError when it describes none."""
        if not args.config_file:
            raise UsageError("--config FILE is needed; `mkit generate` writes it: generated/exporters/business.yaml")
        config, self._loaded = self._loaded or load_config(Path(args.config_file)), None
        if self._strict is None:
            self._strict = config.strict
        require_drivers(((f"sources.{name}", source) for name, source in config.sources.items()), args.config_file)
        key = config.state_file and os.path.realpath(config.state_file)
        state = self._states.take(key, lambda: State(config.state_file, dry=args.config_check))
        try:
            witness, hurry = (self._refused, CHECK) if args.config_check else (None, SCRAPE)
            exporter = make_exporter(config, state, partial(self._states.give, key), self._relay, witness, hurry)
        except BaseException:
            self._states.give(key)
            raise
        self.config = config
        if config.strict not in (self._strict, args.strict):
            log.warning(
                "strict has changed in the configuration; that takes a restart",
                extra={"strict": config.strict, "still": args.strict},
            )
        return exporter

    def check(self, exporter: Exporter) -> int:
        """``--config.check``."""
        from .check import check

        assert self.config is not None
        return check(self.config, exporter, self._refused, sys.stdout, sys.stderr)


EXAMPLES = """examples:
  mkit exporter business --config business.yaml --config.check     check, ask everything once, print the samples
  mkit exporter business --config business.yaml --print-grants
  mkit exporter business --config business.yaml --web.listen-address 127.0.0.1:9641
"""


def _flags(parser: ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.add_argument("--config", dest="config_file", metavar="FILE", help="the same as --config.file")
    parser.add_argument(
        "--print-grants", action="store_true", help="print the least-privilege account of each source and exit"
    )


def run(argv: Sequence[str] | None = None) -> int:
    """Run the exporter with these arguments; the exit code. See ``--help``."""
    args = list(sys.argv[1:] if argv is None else argv)
    early = early_flags(args)
    listen, config = DEFAULT_LISTEN, None
    if early.config_file:
        config = first_config(NAME, early, load_config)
        if config is None:
            return 1
        if early.print_grants:
            from .grants import grants

            sys.stdout.write(grants(config))
            return 0
        listen = config.listen
        args += ["--strict"] * config.strict
    program = Program(config)
    app = ExporterApp(
        NAME, __version__, "Business metrics from SQL, Redis and HTTP.", listen, program.build, _flags, program.check
    )
    return run_exporter(app, args)


if __name__ == "__main__":
    raise SystemExit(run())
