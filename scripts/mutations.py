"""Which faults are put into a module: the operators of mutmut and four more, and what is left alone.

Left alone, because no promise is about it: docstrings, type annotations, decorators, what is logged (``Note`` and
``log``), and the wording of messages, which is every text with a blank in it. That an error says its message at all is
a promise, so what a ``raise`` is given may be lost. ``None`` instead of ``False`` is no fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import ndiff

import libcst as cst
import libcst.matchers as m
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider
from mutmut.mutation.mutators import mutation_operators, operator_arg_removal, operator_assignment, operator_string

_LITERAL = m.Subscript(value=m.Name("Literal"))
_TYPE = (
    _LITERAL
    | m.Assign(value=_LITERAL | m.Call(func=m.Name("TypeVar")))
    | m.AnnAssign(annotation=m.Annotation(m.Name("TypeAlias")))
)
_LOGGED = m.Call(func=m.Name("Note") | m.Attribute(value=m.Name("log")))
_STATEMENT = (cst.SimpleStatementLine, cst.BaseCompoundStatement)
_DROPPED = m.SimpleStatementLine(body=[m.Raise() | m.Expr(value=m.Call() | m.Await() | m.Yield())])


@dataclass(frozen=True, eq=False)
class Mutant:
    """A module with one fault.

    :param number: tells it from the module's others; the same source has the same numbers.
    :param lines: from the beginning of the faulty statement to the end of what is faulty in it, for its tests.
    :param at_import: whether the faulty line runs when the module is imported, and so for every test.
    """

    path: str
    number: int
    lines: range
    at_import: bool
    _module: cst.Module
    _node: cst.CSTNode
    _faulty: cst.CSTNode

    def source(self) -> str:
        """Return the module's text with the fault."""
        return self._module.deep_replace(self._node, self._faulty).code

    def shown(self) -> str:
        """Return the lines that differ."""
        lines = ndiff(self._module.code.splitlines(), self.source().splitlines())
        return "\n".join(line.rstrip() for line in lines if line[0] in "-+")


def mutants_of(path: str, source: str) -> list[Mutant]:
    """Return all mutants of a module, in the order of their places."""
    wrapper = MetadataWrapper(cst.parse_module(source))
    places = _Places(wrapper)
    faults = [(node, faulty) for node in places.walk(wrapper.module) for faulty in _faults(node, places)]
    return [
        Mutant(path, number, places.lines(node), places.at_import(node), wrapper.module, node, faulty)
        for number, (node, faulty) in enumerate(faults)
    ]


class _Places:
    """What is left alone, and where the rest stands."""

    def __init__(self, wrapper: MetadataWrapper) -> None:
        self._positions = wrapper.resolve(PositionProvider)
        self.parents = wrapper.resolve(ParentNodeProvider)

    def walk(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        if isinstance(node, cst.Annotation | cst.Decorator) or m.matches(node, _LOGGED | _TYPE):
            return
        yield node
        for child in node.children:
            yield from self.walk(child)

    def above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def lines(self, node: cst.CSTNode) -> range:
        statement = node if isinstance(node, _STATEMENT) else self._statement(node)
        end = self._positions[node if node in self._positions else statement].end.line
        return range(self._positions[statement].start.line, end + 1)

    def _statement(self, node: cst.CSTNode) -> cst.CSTNode:
        return next((each for each in self.above(node) if isinstance(each, _STATEMENT)), node)

    def at_import(self, node: cst.CSTNode) -> bool:
        """Whether no function is around it; a function's defaults belong to the place where it is defined."""
        inside = node
        for parent in self.above(node):
            if isinstance(parent, cst.Lambda) or (isinstance(parent, cst.FunctionDef) and inside is parent.body):
                return False
            inside = parent
        return True


def _faults(node: cst.CSTNode, places: _Places) -> Iterator[cst.CSTNode]:
    for kind, operator in mutation_operators:
        if not isinstance(node, kind):
            continue
        if operator is operator_string:
            # The tool's other two change the case: they are killed by what kills this one, or change nothing.
            yield from [] if _is_prose(node) else list(operator(node))[:1]
        elif operator is operator_assignment and (_is_prose(node.value) or m.matches(node.value, m.Name("False"))):
            continue
        elif operator is operator_arg_removal:
            yield from _lost_arguments(node, any(isinstance(each, cst.Raise) for each in places.above(node)))
        else:
            yield from operator(node)
    if isinstance(node, cst.If | cst.While):
        yield node.with_changes(test=_negated(node.test))
    elif m.matches(node, m.Return(value=m.DoesNotMatch(m.Name("None")))) and node.value is not None:
        yield node.with_changes(value=cst.Name("None"), whitespace_after_return=cst.SimpleWhitespace(" "))
    elif m.matches(node, _DROPPED) and not m.findall(node, _LOGGED):
        yield node.with_changes(body=[cst.Pass()])


def _lost_arguments(call: cst.Call, in_raise: bool) -> Iterable[cst.CSTNode]:
    """Yield a call with an argument that is ``None``, or left to its default.

    Without an argument that has no name, a call would mostly fail at once: that proves nothing about the tests.
    """
    said = {place for place, arg in enumerate(call.args) if not in_raise and _is_prose(arg.value)}
    for faulty in operator_arg_removal(call):
        pairs = zip(call.args, [*faulty.args, None], strict=False)
        place = next(place for place, (old, new) in enumerate(pairs) if old is not new)
        is_removed = len(faulty.args) < len(call.args)
        is_same = m.matches(call.args[place].value, m.Name("False"))
        if place not in said and not is_same and (not is_removed or call.args[place].keyword is not None):
            yield faulty


def _is_prose(node: cst.CSTNode | None) -> bool:
    if isinstance(node, cst.ConcatenatedString):
        return _is_prose(node.left) or _is_prose(node.right)
    if isinstance(node, cst.FormattedString):
        return any(isinstance(part, cst.FormattedStringText) and " " in part.value for part in node.parts)
    return isinstance(node, cst.SimpleString) and " " in node.value.strip("\"'")


def _negated(test: cst.BaseExpression) -> cst.BaseExpression:
    return cst.UnaryOperation(cst.Not(), test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()]))
