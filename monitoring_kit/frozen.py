"""Dataclasses that are frozen for the type checker alone.

At run time ``@dataclass(frozen=True)`` stores every field through ``object.__setattr__``, which makes a new object four times as
slow as plain stores do: a quarter of the time of lowering a large system. It also compiles three functions more for each of two
hundred classes at every start, half of the time of importing the spec's records. The stages of the compiler take ``dataclass``
from here instead: mypy sees the standard library's and refuses every assignment to a field; the running program leaves
``frozen`` out and shares one ``__repr__``. Equality and hashing stay.
"""

from __future__ import annotations

import dataclasses
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: Any = None, /, *, frozen: bool = False, **options: Any) -> Any:
        """``dataclasses.dataclass`` with the same options."""

        def made(cls: Any) -> Any:
            own = "__repr__" in cls.__dict__
            cls = dataclasses.dataclass(
                cls, unsafe_hash=frozen and options.get("eq", True), **{**options, "repr": False}
            )
            if not own:
                cls.__repr__ = _repr
            return cls

        return made if cls is None else made(cls)


@recursive_repr()
def _repr(self: Any) -> str:
    """As the standard library's: ``Name(field=value, ...)``."""
    shown = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if f.repr)
    return f"{type(self).__qualname__}({shown})"
