"""Rebuilds what is generated from the contracts: `protos/gen` and `assay_protos/topics.py`. Run by `make proto`."""

from __future__ import annotations

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

TOPICS_HEADER = '''"""Every Kafka topic as a constant. Generated from protos/topics/*.yaml by `make proto`: do not edit."""

from __future__ import annotations

from assay_protos.topic import Topic

'''


def generate_messages() -> None:
    """Compile every proto to messages, stubs and their types below `gen/`."""
    shutil.rmtree(GENERATED, ignore_errors=True)
    GENERATED.mkdir()
    sources = sorted(str(path.relative_to(HERE)) for path in (HERE / "assay").rglob("*.proto"))
    outputs = [f"--{kind}_out={GENERATED}" for kind in ("python", "mypy", "grpc_python", "mypy_grpc")]
    status = protoc.main(["protoc", f"-I{HERE}", f"-I{WELL_KNOWN}", *outputs, *sources])
    if status:
        sys.exit(status)
    for package in sorted(GENERATED.rglob("*_pb2.py")):
        (package.parent / "py.typed").touch()
    for stub in GENERATED.rglob("*_pb2_grpc.py*"):
        if not _has_service(HERE / stub.relative_to(GENERATED)):
            stub.unlink()


def _has_service(generated: Path) -> bool:
    proto = generated.with_name(generated.name.split("_pb2_grpc")[0] + ".proto")
    return "\nservice " in proto.read_text()


def generate_topics() -> None:
    """Write one typed constant per topic file."""
    topics = [yaml.safe_load(path.read_text()) for path in sorted((HERE / "topics").glob("*.yaml"))]
    constants = "\n".join(_constant(topic) for topic in topics)
    names = ", ".join(_name(topic) for topic in topics)
    TOPICS_MODULE.write_text(f"{TOPICS_HEADER}{constants}\nALL: tuple[Topic, ...] = ({names})\n")
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(TOPICS_MODULE)], check=True)


def _name(topic: dict[str, Any]) -> str:
    return str(topic["name"]).removeprefix("assay.").replace(".", "_").upper()


def _constant(topic: dict[str, Any]) -> str:
    return (
        f"{_name(topic)} = Topic(name={topic['name']!r}, description={topic['description']!r}, owner={topic['owner']!r}, "
        f"key={topic['key']!r}, messages={tuple(topic['messages'])!r}, partitions={topic['partitions']!r}, "
        f"retention_hours={topic['retention_hours']!r}, consumers={tuple(topic['consumers'])!r})"
    )


if __name__ == "__main__":
    generate_messages()
    generate_topics()
