"""Dataclasses that are frozen for the type checker alone.

At run time ``@dataclass(frozen=True)`` stores every field through ``object.__setattr__``, which makes a new object four times as
slow as plain stores do: a quarter of the time of lowering a large system. It also compiles two functions more for each of two
hundred classes at every start. The stages of the compiler take ``dataclass`` from here instead: mypy sees the standard
library's and refuses every assignment to a field; the running program leaves ``frozen`` out. Equality and hashing stay.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: Any = None, /, *, frozen: bool = False, **options: Any) -> Any:
        """``dataclasses.dataclass`` with the same options."""
        return dataclasses.dataclass(cls, unsafe_hash=frozen and options.get("eq", True), **options)
