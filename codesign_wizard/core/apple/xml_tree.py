"""XML as packages carry it, read with bounds and written the same way every time.

Entities are refused, so that no document grows beyond its own size (the "billion laughs"); nothing outside
the document is ever asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from codesign_wizard.core.text import tr

_MAXIMUM_DEPTH = 64
MAXIMUM_NODES = 100_000


class XmlError(ValueError):
    """The document is not XML that counts here; the text says why."""


@dataclass
class Node:
    """An element: its name as written (no namespaces are resolved), its attributes, text and children.

    ``text`` is all character data directly inside, joined: documents of data do not mix text and elements.
    """

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def find(self, tag: str) -> Node | None:
        """Return the first child named *tag*, or ``None``."""
        return next((child for child in self.children if child.tag == tag), None)

    def all(self, tag: str) -> list[Node]:
        """Return the children named *tag*."""
        return [child for child in self.children if child.tag == tag]

    def value(self, tag: str) -> str:
        """Return the text of the first child named *tag*, without spaces around it, or ""."""
        child = self.find(tag)
        return "" if child is None else child.text.strip()

    def add(self, tag: str, text: str = "", **attributes: str) -> Node:
        """Append a child and return it."""
        child = Node(tag, dict(attributes), text)
        self.children.append(child)
        return child

    def copy(self) -> Node:
        """Return the element anew, with all below it."""
        return Node(self.tag, dict(self.attributes), self.text, [child.copy() for child in self.children])

    def walk(self) -> Iterator[Node]:
        """Yield this element and every one below it, in document order."""
        pending = [self]
        while pending:
            node = pending.pop()
            yield node
            pending.extend(reversed(node.children))


def parse(data: bytes, maximum: int = MAXIMUM_NODES) -> Node:
    """Return the root of the document *data* with at most *maximum* elements; raises ``XmlError``."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    stack = [Node("")]
    count = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(stack) > _MAXIMUM_DEPTH or count > maximum:
            raise XmlError(tr("it is nested too deeply or has too many elements"))
        node = Node(tag, attributes)
        stack[-1].children.append(node)
        stack.append(node)

    def end(_tag: str) -> None:
        stack.pop()

    def text(words: str) -> None:
        texts.setdefault(id(stack[-1]), (stack[-1], []))[1].append(words)

    def entity(*_: object) -> None:
        raise XmlError(tr("it declares entities"))

    texts: dict[int, tuple[Node, list[str]]] = {}
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise XmlError(tr("it is not well-formed XML ({error})").format(error=error)) from error
    except (LookupError, UnicodeError) as error:
        raise XmlError(tr("its text is in an unknown encoding")) from error
    for node, words in texts.values():
        node.text = "".join(words)
    return stack[0].children[0]


def write(root: Node) -> bytes:
    """Return the document in UTF-8 with an XML declaration, indented by one space a level."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    _write(root, 0, lines)
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _write(node: Node, depth: int, lines: list[str]) -> None:
    attributes = "".join(
        f' {name}="{_escaped(value, _IN_ATTRIBUTES)}"' for name, value in node.attributes.items()
    )
    text = _escaped(node.text.strip() if node.children else node.text)
    opening = " " * depth + f"<{node.tag}{attributes}"
    if node.children:
        lines.append(f"{opening}>{text}")
        for child in node.children:
            _write(child, depth + 1, lines)
        lines.append(" " * depth + f"</{node.tag}>")
    elif text:
        lines.append(f"{opening}>{text}</{node.tag}>")
    else:
        lines.append(f"{opening}/>")


_IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_ATTRIBUTES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
)


def _escaped(text: str, table: dict[int, str] = _IN_TEXT) -> str:
    return text.translate(table)
