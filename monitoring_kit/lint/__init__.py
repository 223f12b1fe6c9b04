"""`mkit lint`: the checks on files that mkit did not write, each finding at its place in its author's file."""

from monitoring_kit.lint.run import Linted, LintOptions, lint

__all__ = ["LintOptions", "Linted", "lint"]
