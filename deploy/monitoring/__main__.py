"""Write the chart's dashboards: `make dashboards`."""

from __future__ import annotations

from pathlib import Path

from deploy.monitoring.dashboards import DASHBOARDS, rendered

FOLDER = Path(__file__).parents[1] / "helm" / "assay" / "monitoring" / "dashboards"


def main() -> None:
    """Write each, and remove what is none any more."""
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, build in DASHBOARDS.items():
        (FOLDER / f"{name}.json").write_text(rendered(build()))


if __name__ == "__main__":
    main()
