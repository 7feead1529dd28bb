"""Let engines analyse files, each content once."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from assay_audit.application.ports import Engines, Mirror, UnitOfWork
from assay_audit.domain.analysis import Analyses, Analysis, Engine
from assay_audit.domain.files import SourceFile

ALL: Final = ""
"""The path under which an analysis of all files together is kept."""


@dataclass(frozen=True, slots=True)
class Analyst:
    """Runs engines on what the organisation's cache does not know yet.

    An analysis is known by the engine, its version, its configuration and the content: the blob's hash and the variant
    (language, test or not), as engines look at a file's name too.
    """

    uow: UnitOfWork
    engines: Engines

    async def each(
        self, org_id: UUID, audit_id: UUID, mirror: Mirror, engine: Engine, files: Sequence[SourceFile]
    ) -> Analyses:
        """Analyse every file by itself. Raises EngineFailed or Unavailable."""
        contents = {file.path: f"{file.blob}:{file.variant}" for file in files}
        known = dict(await self._find(org_id, engine, set(contents.values())))
        unknown = {contents[file.path]: file for file in files if contents[file.path] not in known}
        if unknown:
            by_path = await self.engines.run(audit_id, engine, list(unknown.values()), mirror, together=False)
            new = {content: by_path[file.path].at("") for content, file in unknown.items()}
            await self._remember(org_id, engine, new)
            known.update(new)
        return {path: known[content].at(path) for path, content in contents.items()}

    async def together(
        self, org_id: UUID, audit_id: UUID, mirror: Mirror, engine: Engine, files: Sequence[SourceFile]
    ) -> Analyses:
        """Analyse the files with an engine that sees connections between them. Raises EngineFailed or Unavailable."""
        listing = "\n".join(sorted(f"{file.path}\0{file.blob}" for file in files))
        content = hashlib.sha256(listing.encode()).hexdigest()
        known = await self._find(org_id, engine, {content})
        if content in known:
            return {ALL: known[content]}
        by_path = await self.engines.run(audit_id, engine, files, mirror, together=True)
        found = tuple(finding for analysis in by_path.values() for finding in analysis.findings)
        new = {content: Analysis(found)}
        await self._remember(org_id, engine, new)
        return {ALL: new[content]}

    async def _find(self, org_id: UUID, engine: Engine, contents: set[str]) -> Mapping[str, Analysis]:
        if not contents:
            return {}
        async with self.uow(org_id) as tx:
            return await tx.analyses.find(engine.name, self.engines.version(engine.name), _config(engine), contents)

    async def _remember(self, org_id: UUID, engine: Engine, analyses: Mapping[str, Analysis]) -> None:
        async with self.uow(org_id) as tx:
            await tx.analyses.remember(engine.name, self.engines.version(engine.name), _config(engine), analyses)


def _config(engine: Engine) -> str:
    return hashlib.sha256(json.dumps(dict(engine.options), sort_keys=True).encode()).hexdigest()[:16]
