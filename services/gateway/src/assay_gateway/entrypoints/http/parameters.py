"""What paths and queries name, documented once."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import AwareDatetime

_ID: Final = "0199f3d2-8b1e-7c4a-9d35-2f6c1e7a8b90"
_PERSON: Final = "0199f3d2-7a10-7e0c-8d55-6a1b5c3d2e1f"

InPrompt = Annotated[str, Path(description="Id or name of a prompt.", examples=["support-triage"])]
InLabel = Annotated[str, Path(description="Name of a label.", examples=["production"])]
InDataset = Annotated[str, Path(description="Id or name of a dataset.", examples=["support-messages"])]
InRepository = Annotated[str, Path(description="Id or name of a repository.", examples=["shop"])]
InTeam = Annotated[str, Path(description="Id or slug of a team.", examples=["reviewers"])]
InProvider = Annotated[str, Path(description="Id of an identity provider.", examples=["acme-id"])]
InUserCode = Annotated[
    str, Path(description="What the device shows; case and hyphen are free.", examples=["WDJB-MJHT"])
]
InId = Annotated[str, Path(description="Its id.", examples=[_ID])]
InUser = Annotated[str, Path(description="Id of a person.", examples=[_PERSON])]

From = Annotated[AwareDatetime | None, Query(alias="from", description="Included; absent = no limit.")]
To = Annotated[AwareDatetime | None, Query(description="Excluded; absent = now.")]
