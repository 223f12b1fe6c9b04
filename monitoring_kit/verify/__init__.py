"""Stage 7, verify: what was emitted is proven before a byte of it is written."""

from monitoring_kit.verify.proof import Verification, verify
from monitoring_kit.verify.repeat import SecondCompilation

__all__ = ["SecondCompilation", "Verification", "verify"]
