"""Mutation operators: the ways in which one place of a module can be wrong.

    comparison   <, <=, ==, in, is … become their neighbour or their opposite
    logic        and becomes or, not is left out, a condition is turned round
    arithmetic   + becomes -, * becomes /, a minus is left out, min becomes max, any becomes all
    constant     a number is one more, True is False, a text is another
    statement    a call, an assignment to a part, a raise, break or continue is left out; None is returned

Left alone is what says nothing of behaviour, or is refused by the type checker: annotations, decorators, docstrings,
protocols, imports, messages of exceptions, and pieces of f-strings, whose places Python 3.11 does not know.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
}
_FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any"}
_MANY_OF_THEM = (ast.Compare, ast.BoolOp)  # a condition that has mutants of its own


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one change: lines ``first`` to ``last`` of ``source`` are not what they were."""

    first: int
    last: int
    was: str
    """What stood there, on one line."""
    now: str
    source: str
    """The whole module."""


def mutants(source: str) -> list[Mutant]:
    """Every mutant of the module, in the order of their places."""
    found = []
    for node, replacement in _changes(ast.parse(source)):
        place = _Place.of(node)
        found.append(
            Mutant(
                first=place.first,
                last=place.last,
                was=_on_one_line(place.text(source)),
                now=_on_one_line(replacement),
                source=place.replaced(source, replacement),
            )
        )
    return sorted(found, key=lambda mutant: (mutant.first, mutant.was, mutant.now))


@dataclass(frozen=True, slots=True)
class _Place:
    """From where to where a node stands; columns are in bytes, as Python has them."""

    first: int
    begin: int
    last: int
    end: int

    @classmethod
    def of(cls, node: ast.expr | ast.stmt) -> "_Place":
        return cls(node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or 0)

    def text(self, source: str) -> str:
        begin, end = self._span(source)
        return source.encode()[begin:end].decode()

    def replaced(self, source: str, by: str) -> str:
        begin, end = self._span(source)
        whole = source.encode()
        return (whole[:begin] + by.encode() + whole[end:]).decode()

    def _span(self, source: str) -> tuple[int, int]:
        lines = source.encode().splitlines(keepends=True)
        before = [sum(map(len, lines[: number - 1])) for number in (self.first, self.last)]
        return before[0] + self.begin, before[1] + self.end


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _changes(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Everything in the node that can be replaced, with what takes its place."""
    if isinstance(node, ast.expr):
        yield from ((node, text) for text in _of_expression(node))
    if isinstance(node, ast.stmt):
        yield from ((node, text) for text in _of_statement(node))
        yield from _of_condition(node)
    if isinstance(node, ast.IfExp | ast.comprehension):
        yield from _of_condition(node)
    for child in _children(node):
        yield from _changes(child)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of the node that say how it behaves."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "bases", "pattern", "exc"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _says_nothing(child):
                yield child


def _says_nothing(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)  # a docstring, or the dots of a stub
    if isinstance(node, ast.ClassDef):
        return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets)
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom)


def _of_expression(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Compare(left, operators, comparators):
            for number, operator in enumerate(operators):
                for other in _COMPARISONS[type(operator)]:
                    changed = [*operators[:number], other(), *operators[number + 1 :]]
                    yield f"({ast.unparse(ast.Compare(left, changed, comparators))})"
        case ast.BoolOp(operator, values):
            other_operator = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield f"({ast.unparse(ast.BoolOp(other_operator, values))})"
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield f"({ast.unparse(operand)})"
        case ast.BinOp(left, operator, right) if type(operator) in _ARITHMETIC:
            yield f"({ast.unparse(ast.BinOp(left, _ARITHMETIC[type(operator)](), right))})"
        case ast.Name(name) if name in _FUNCTIONS:
            yield _FUNCTIONS[name]
        case ast.Constant(value):
            yield from _of_constant(value)


def _of_constant(value: object) -> Iterator[str]:
    match value:
        case bool():
            yield repr(not value)
        case int() | float():
            yield repr(value + 1)
        case str():
            yield repr(f"XX{value}")


def _of_condition(node: ast.stmt | ast.IfExp | ast.comprehension) -> Iterator[tuple[ast.expr, str]]:
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            conditions = [test]
        case ast.comprehension(ifs=ifs):
            conditions = ifs
        case _:
            conditions = []
    for condition in conditions:
        if not isinstance(condition, (*_MANY_OF_THEM, ast.UnaryOp)):
            yield condition, f"(not {ast.unparse(condition)})"


def _of_statement(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.Return(value) if value is not None and not (isinstance(value, ast.Constant) and value.value is None):
            yield "return None"
        case ast.Expr(ast.Call() | ast.Await()) | ast.AugAssign() | ast.Delete() | ast.Raise():
            yield "pass"
        case ast.Break() | ast.Continue():
            yield "pass"
        case ast.Assign(targets) if any(isinstance(target, ast.Attribute | ast.Subscript) for target in targets):
            yield "pass"
