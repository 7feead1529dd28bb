"""Templates into answers: escaped, styled by one sheet inside the page, and allowed to load nothing."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

_ROOT: Final = Path(__file__).parent / "html"
_STYLE: Final = (_ROOT / "style.css").read_text()
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-frame-options": "DENY",
    # With "no-referrer" browsers would hide the origin of our own forms too.
    "referrer-policy": "same-origin",
}

_environment: Final = Environment(loader=FileSystemLoader(_ROOT), autoescape=True, undefined=StrictUndefined)
_environment.globals["style"] = Markup(_STYLE)  # noqa: S704 - our own file


def shown(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page."""
    return HTMLResponse(_environment.get_template(template).render(**values), status_code=status, headers=HEADERS)
