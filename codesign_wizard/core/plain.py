"""Dataclasses of plain values, made quickly.

``dataclass`` writes the methods of each class anew, and compiles them: with the classes of a profile and of a
finding that takes longer than all the rest of their modules, before the first window. These share theirs; to
``dataclasses`` (``fields``, ``replace``) and to type checkers they are dataclasses like any other.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, field
from typing import Any, ClassVar, TypeVar, dataclass_transform

T = TypeVar("T", bound="Plain")


class Plain:
    """Made, compared and shown by its fields; for ``@plain``. Not hashable."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]
    __hash__: ClassVar[Any] = None  # as of any dataclass that can be changed

    def __init__(self, *given: Any, **named: Any) -> None:
        put, fields = object.__setattr__, iter(self.__dataclass_fields__.values())
        for value, each in zip(given, fields, strict=False):
            put(self, each.name, value)
        for each in fields:
            if each.name in named:
                value = named.pop(each.name)
            elif each.default is not MISSING:
                value = each.default
            elif each.default_factory is not MISSING:
                value = each.default_factory()
            else:
                raise TypeError(f"{type(self).__qualname__} needs {each.name}")
            put(self, each.name, value)
        if named or len(given) > len(self.__dataclass_fields__):
            told = ", ".join(named) or f"{len(given)} values"
            raise TypeError(f"{type(self).__qualname__} does not take {told}")
        if hasattr(self, "__post_init__"):
            self.__post_init__()

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        names = [name for name, each in self.__dataclass_fields__.items() if each.compare]
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def __repr__(self) -> str:
        shown = [name for name, each in self.__dataclass_fields__.items() if each.repr]
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"


class Frozen(Plain):
    """The same for ``@frozen``: never changed, and hashable where its values are."""

    __slots__ = ()

    def __hash__(self) -> int:
        return hash(self._values())

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        # what pickle does by itself for slots would set them
        return type(self), self._values()

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__dataclass_fields__)


@dataclass_transform(field_specifiers=(field,))
def plain(made: type[T]) -> type[T]:
    """Make a dataclass of a class derived from ``Plain``."""
    return dataclass(init=False, eq=False, repr=False)(made)


@dataclass_transform(field_specifiers=(field,), frozen_default=True)
def frozen(made: type[T]) -> type[T]:
    """Make a dataclass with slots of a class derived from ``Frozen``."""
    return dataclass(slots=True, init=False, eq=False, repr=False)(made)
