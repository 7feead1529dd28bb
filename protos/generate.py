"""Rebuilds what is generated from the contracts. Run by `make proto`.

Three things: the messages and stubs below `gen/`, the constants in `assay_protos/topics.py`, and the encoded form
(`*.binpb`) of each new example. An example that was encoded once is never encoded again: it stands for the bytes that
older releases have written.

With `--check DIRECTORY` the first two are written below DIRECTORY instead and compared with the committed ones.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from grpc_tools import protoc

HERE = Path(__file__).parent
GENERATED = HERE / "gen"
TOPICS_MODULE = HERE / "src/assay_protos/topics.py"
WELL_KNOWN = Path(protoc.__file__).parent / "_proto"

TOPICS_HEADER = '''"""Every Kafka topic as a constant. Made from protos/topics/*.yaml by `make proto`: do not edit."""

from __future__ import annotations

from assay_protos.topic import Topic

'''


def generate_messages(target: Path) -> None:
    """Compile every proto to messages, stubs and their types below `target`."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    # protoc looks for the plugins of mypy-protobuf on PATH; they lie beside this interpreter.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    sources = sorted(str(path.relative_to(HERE)) for path in (HERE / "assay").rglob("*.proto"))
    outputs = [
        f"--python_out={target}",
        f"--mypy_out=quiet:{target}",
        f"--grpc_python_out={target}",
        f"--mypy_grpc_out=quiet:{target}",
    ]
    status = protoc.main(["protoc", f"-I{HERE}", f"-I{WELL_KNOWN}", *outputs, *sources])
    if status:
        sys.exit(status)
    for message in target.rglob("*_pb2.py"):
        (message.parent / "py.typed").touch()
    for stub in target.rglob("*_pb2_grpc.py*"):
        if not _has_service(HERE / stub.relative_to(target)):
            stub.unlink()


def _has_service(generated: Path) -> bool:
    proto = generated.with_name(generated.name.split("_pb2_grpc")[0] + ".proto")
    return "\nservice " in proto.read_text()


def generate_topics(target: Path) -> None:
    """Write one typed constant per topic file into the module `target`."""
    topics = [yaml.safe_load(path.read_text()) for path in sorted((HERE / "topics").glob("*.yaml"))]
    constants = "\n".join(_constant(topic) for topic in topics)
    names = ", ".join(_name(topic) for topic in topics)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f"{TOPICS_HEADER}{constants}\nALL: tuple[Topic, ...] = ({names},)\n")
    configuration = str(HERE.parent / "pyproject.toml")
    subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--quiet", "--config", configuration, str(target)], check=True
    )


def _name(topic: dict[str, Any]) -> str:
    return str(topic["name"]).removeprefix("assay.").replace(".", "_").upper()


def _constant(topic: dict[str, Any]) -> str:
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in topic.items()}
    arguments = ", ".join(f"{name}={value!r}" for name, value in values.items())
    return f"{_name(topic)} = Topic({arguments})"


def encode_new_examples() -> None:
    """Encode each example that has no encoded form yet; the examples are written by hand as JSON."""
    from google.protobuf import json_format  # noqa: PLC0415 - the messages exist only from here on

    from assay_protos import events  # noqa: PLC0415

    for example in sorted((HERE / "examples").glob("*.json")):
        encoded = example.with_suffix(".binpb")
        if not encoded.exists():
            message = json_format.Parse(example.read_text(), events.decode(example.stem, b""))
            encoded.write_bytes(message.SerializeToString(deterministic=True))


def differences(generated: Path, committed: Path) -> list[str]:
    """Files that only one of two folders holds, or that differ."""
    names = {
        str(path.relative_to(root)) for root in (generated, committed) for path in root.rglob("*.py*") if path.is_file()
    }
    _, mismatches, missing = filecmp.cmpfiles(generated, committed, sorted(names - _bytecode(names)), shallow=False)
    return mismatches + missing


def _bytecode(names: set[str]) -> set[str]:
    return {name for name in names if name.endswith(".pyc")}


def check(scratch: Path) -> None:
    """Exit with 1 and the names of the files that `make proto` would change."""
    generate_messages(scratch / "gen")
    generate_topics(scratch / "topics/topics.py")
    stale = differences(scratch / "gen", GENERATED)
    if (scratch / "topics/topics.py").read_text() != TOPICS_MODULE.read_text():
        stale.append(TOPICS_MODULE.name)
    if stale:
        sys.exit("these files are not what the contracts say; run `make proto`:\n" + "\n".join(stale))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", type=Path, metavar="DIRECTORY", help="compare only; a folder to write into")
    scratch = parser.parse_args().check
    if scratch:
        check(scratch)
    else:
        generate_messages(GENERATED)
        generate_topics(TOPICS_MODULE)
        encode_new_examples()
