"""Stage 6, emit: trees to text."""

from monitoring_kit.emit.output import Output, emit
from monitoring_kit.emit.source_map import Mark, SourceMap

__all__ = ["Mark", "Output", "SourceMap", "emit"]
