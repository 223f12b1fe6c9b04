"""Stage 8, write: the only stage that touches the output folder, all or nothing."""

from monitoring_kit.write.manifest import Manifest, manifest_bytes, read_manifest
from monitoring_kit.write.plan import Plan, make_plan
from monitoring_kit.write.tree import existing_plan, write_tree

__all__ = ["Manifest", "Plan", "existing_plan", "make_plan", "manifest_bytes", "read_manifest", "write_tree"]
