"""What dataclasses of plain values have in common.

``dataclass`` writes comparison and representation anew for each class, and compiles them: with the classes of
a profile that takes as long as the rest of its module, before the first window. These do the same for all.
"""

from __future__ import annotations

from typing import Any, ClassVar


class Plain:
    """Compared and shown by its fields; for ``@dataclass(eq=False, repr=False)``. Not hashable."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]
    __hash__: ClassVar[Any] = None  # as of any dataclass that can be changed

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        names = [name for name, each in self.__dataclass_fields__.items() if each.compare]
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def __repr__(self) -> str:
        shown = [name for name, each in self.__dataclass_fields__.items() if each.repr]
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


class Frozen(Plain):
    """The same for ``@dataclass(frozen=True, eq=False, repr=False)``; hashable where its values are."""

    __slots__ = ()

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in self.__dataclass_fields__))
