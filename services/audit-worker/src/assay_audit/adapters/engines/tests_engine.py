"""Our own look at Python code and its tests, by the syntax tree: functions, imports, and tests that assert nothing."""

import ast
import warnings
from collections.abc import Iterator
from typing import Final

from assay_audit.adapters.engines.task import TOO_HARD, Answer, Task
from assay_audit.domain.kinds import Severity

Function = ast.FunctionDef | ast.AsyncFunctionDef

CHECKING: Final = tuple(
    "assert expect verify check ensure raises warns fail approve validate "  # noqa: SIM905 - a list would be 17 lines
    "refus reject eventually until wait must should".split()
)
"""Beginnings of the names of calls that check something: `assertEqual`, `pytest.raises`, `check_totals`."""


def analyse(task: Task) -> Answer:
    """Tell what each file defines and imports, and which tests check nothing."""
    warnings.simplefilter("ignore")
    answer = Answer()
    for file in task:
        try:
            tree = ast.parse(file.text())
            answer.measure(file.file, functions=_functions(tree), imports=sorted(_imports(tree)))
            if file.test:
                for test in _tests_without_check(tree):
                    text = f"{test.name} checks nothing: it can fail only by raising"
                    answer.add(file.file, "tdd/test-without-assertion", Severity.WARNING, test.lineno, text)
        except TOO_HARD:
            continue
    return answer


def _functions(tree: ast.Module) -> list[str]:
    return [node.name for node in ast.walk(tree) if isinstance(node, Function)]


def _imports(tree: ast.Module) -> set[str]:
    """Modules that are imported; of `from a import b` both `a` and `a.b`, which may be a module.

    Relative ones keep their dots: `..a`.
    """
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found.add(module)
            found.update(f"{module}{'.' if node.module else ''}{alias.name}" for alias in node.names)
    return found


def _tests_without_check(tree: ast.Module) -> Iterator[Function]:
    """Tests that check nothing by themselves, and call nothing that might: a helper that checks, or one that cannot be
    seen from here because it is a fixture or comes from another test module.
    """
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, Function)}
    may_check = {name for name, function in functions.items() if _checks(function)} | _test_helpers(tree)
    for name, function in functions.items():
        called = _called(function)
        checks = _checks(function) or not called.isdisjoint(may_check | _parameters(function))
        if name.startswith("test") and not checks and not _is_fixture(function):
            yield function


def _test_helpers(tree: ast.Module) -> set[str]:
    """Names imported from test modules."""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.level or "test" in (node.module or ""))
        for alias in node.names
    }


def _parameters(function: Function) -> set[str]:
    return {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}


def _checks(function: Function) -> bool:
    return any(
        isinstance(node, ast.Assert | ast.Raise)
        or (isinstance(node, ast.Call) and _name(node.func).lstrip("_").lower().startswith(CHECKING))
        for node in ast.walk(function)
    )


def _called(function: Function) -> set[str]:
    return {_name(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}


def _is_fixture(function: Function) -> bool:
    return any("fixture" in ast.unparse(decorator) for decorator in function.decorator_list)


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
