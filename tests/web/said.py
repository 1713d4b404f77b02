"""What a module of the exporter says to people: the templates of its fragments and notes, read in its source.

Words of conditions are not among them, nor are texts of others. A template with parts that the source does not say is
a pattern.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from types import ModuleType

_PLACES = {"Fragment": 0, "Note": 1}
"""Where the template is among the arguments."""


def said(module: ModuleType) -> set[str]:
    """Patterns of all templates, each of which is the template itself but for its escapes."""
    tree = ast.parse(inspect.getsource(module))
    return {
        text
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in _PLACES
        if not any(each.arg == "foreign" for each in call.keywords)
        for text in _texts(call.args[_PLACES[call.func.id]], function, tree)
        if re.search(r"[A-Za-z]{2}", text)
    }


def _texts(template: ast.expr, function: ast.FunctionDef, tree: ast.Module) -> Iterator[str]:
    if isinstance(template, ast.Constant) and isinstance(template.value, str):
        yield re.escape(template.value)
    elif isinstance(template, ast.JoinedStr):
        parts = (each.value if isinstance(each, ast.Constant) else None for each in template.values)
        yield "".join(".+" if part is None else re.escape(str(part)) for part in parts)
    elif isinstance(template, ast.IfExp):
        yield from _texts(template.body, function, tree)
        yield from _texts(template.orelse, function, tree)
    elif isinstance(template, ast.Name):
        for value in (*_values(template.id, function, tree), *_arguments(template.id, function, tree)):
            yield from _texts_inside(value, function, tree)


def _values(name: str, function: ast.FunctionDef, tree: ast.Module) -> Iterator[ast.expr]:
    """What is assigned to a name, or looped over under it: in the function, else at the top of the module."""
    for scope in (function, tree):
        found = False
        for node in ast.walk(scope) if scope is function else tree.body:
            targets, value = _assignment(node)
            if any(isinstance(each, ast.Name) and each.id == name for target in targets for each in ast.walk(target)):
                found = True
                yield value
        if found:
            return


def _arguments(name: str, function: ast.FunctionDef, tree: ast.Module) -> Iterator[ast.expr]:
    """What the module calls the function with, for a parameter of that name."""
    parameters = [each.arg for each in function.args.args]
    for call in ast.walk(tree) if name in parameters else ():
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == function.name:
            yield from call.args[parameters.index(name) :][:1]
            yield from (each.value for each in call.keywords if each.arg == name)


def _assignment(node: ast.AST) -> tuple[list[ast.expr], ast.expr]:
    match node:
        case ast.Assign(targets=targets, value=value):
            return targets, value
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            return [target], value
        case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            return [target], value
    return [], ast.Constant(None)


def _texts_inside(value: ast.expr, function: ast.FunctionDef, tree: ast.Module) -> Iterator[str]:
    """The texts in what is assigned: a single one, or those of a table, which have a space or a place."""
    if isinstance(value, ast.Constant | ast.JoinedStr | ast.IfExp):
        yield from _texts(value, function, tree)
        return
    for node in ast.walk(value):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"[ {]", node.value):
            yield re.escape(node.value)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            for other in _values(node.id, function, tree):
                if other is not value and isinstance(other, ast.Constant | ast.Tuple):
                    yield from _texts_inside(other, function, tree)
