"""Stage 4, lower: the closed system to the model of every file."""

from monitoring_kit.lower.files import lower_files
from monitoring_kit.lower.rules import lower_rules

__all__ = ["lower_files", "lower_rules"]
