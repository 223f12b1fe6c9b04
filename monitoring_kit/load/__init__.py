"""Stage 1, load: files to one tree of positioned YAML nodes."""

from monitoring_kit.load.document import Document, load
from monitoring_kit.load.nodes import Mapping, Node, Scalar, Sequence, plain, resolve_scalar

__all__ = ["Document", "Mapping", "Node", "Scalar", "Sequence", "load", "plain", "resolve_scalar"]
