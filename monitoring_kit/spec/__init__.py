"""Stage 2, validate: positioned nodes to the typed spec; every mistake in one run."""

from monitoring_kit.spec.model import Spec, json_schema, read_spec

__all__ = ["Spec", "json_schema", "read_spec"]
