"""The code blocks of the documentation, each found by its page, its heading and its number under that heading.

A test that runs a block takes it with :func:`block`. ``test_blocks.py`` reads the tests' sources for these calls, and
fails for a block that no test takes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OUTPUT = "text"
"""The language of blocks that show what a program prints or what a person reads: nobody runs them."""

_FENCE = re.compile(r"^ *```+ *(\S*)")
_HEADING = re.compile(r"^#+ +(.*\S)")

Address = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    :param page: its file, from the project's root.
    :param heading: the nearest heading above it, as it is written.
    :param number: 1 for the first block under that heading.
    :param line: of its fence.
    """

    page: str
    heading: str
    number: int
    language: str
    text: str
    line: int

    @property
    def address(self) -> Address:
        return self.page, self.heading, self.number

    def __str__(self) -> str:
        return f"{self.page}, line {self.line}: block({self.page!r}, {self.heading!r}, {self.number}), {self.language}"


def pages() -> list[str]:
    """Return all pages, from the project's root."""
    return sorted(str(path.relative_to(ROOT)) for folder in (ROOT, ROOT / "docs") for path in folder.glob("*.md"))


def read_blocks(page: str, text: str) -> Iterator[Block]:
    """Yield the blocks of a page. Directives such as ``{toctree}`` are no blocks of code."""
    heading, number, opened = "", 0, None
    for line, content in enumerate(text.splitlines(), 1):
        fence = _FENCE.match(content)
        if opened is not None:
            if fence and not fence[1]:
                language, first, lines = opened
                opened = None
                if not language.startswith("{"):
                    number += 1
                    indented = "\n".join(lines) + "\n"
                    indent = len(indented) - len(indented.lstrip(" "))
                    dedented = re.sub(rf"^ {{0,{indent}}}", "", indented, flags=re.MULTILINE)
                    yield Block(page, heading, number, language, dedented, first)
            else:
                opened[2].append(content)
        elif fence:
            opened = (fence[1], line, [])
        elif found := _HEADING.match(content):
            heading, number = found[1], 0


def all_blocks() -> list[Block]:
    """Return the blocks of all pages."""
    return [each for page in pages() for each in read_blocks(page, (ROOT / page).read_text("utf-8"))]


def block(page: str, heading: str, number: int = 1) -> str:
    """Return the text of a block.

    :raises LookupError: there is none; it names those of the page.
    """
    blocks = {each.address: each for each in read_blocks(page, (ROOT / page).read_text("utf-8"))}
    try:
        return blocks[page, heading, number].text
    except KeyError:
        there = "\n".join(map(str, blocks.values()))
        raise LookupError(f"no block {number} under {heading!r} of {page}; there are:\n{there}") from None


def taken_in(source: str) -> Iterator[Address]:
    """Yield the addresses that the source of a test takes blocks from.

    :raises ValueError: an argument is neither a constant nor the name of one of the module.
    """
    tree = ast.parse(source)
    imports = (node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == __name__)
    if "block" not in {alias.name for node in imports for alias in node.names}:
        return
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "block":
            try:
                page, heading, number = (_constant(each, constants) for each in (*node.args, ast.Constant(1))[:3])
            except (LookupError, ValueError):
                raise ValueError(f"line {node.lineno}: block() is given constants: page, heading, number") from None
            yield page, heading, number


def _constant(node: ast.expr, constants: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    return constants[node.id if isinstance(node, ast.Name) else ""]
