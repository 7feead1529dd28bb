"""What all dashboards are made of: panels over Prometheus, narrowed to one release by the variables at the top."""

from __future__ import annotations

from typing import Final, TypeVar

from grafana_foundation_sdk.builders import common, stat, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, QueryVariable, ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    GraphTresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import DataSourceRef, Threshold, ThresholdsMode, VariableRefresh

SCOPE: Final = 'namespace="$namespace",job="$job"'
"""Put into every selector in place of `SCOPE`."""
SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
HEIGHT: Final = 8
WIDTH: Final = 8
"""Of 24: three panels in a row."""

P = TypeVar("P", timeseries.Panel, stat.Panel)
Queries = dict[str, str]
"""Legend → PromQL."""


def dashboard(name: str, title: str, description: str) -> Dashboard:
    """An empty dashboard with the variables that choose a release."""
    return (
        Dashboard(title)
        .uid(f"assay-{name}")
        .description(description)
        .tags(["assay"])
        .refresh("1m")
        .time("now-3h", "now")
        .timezone("browser")
        .with_variable(DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(_variable("namespace", "Namespace", "label_values(service_ready, namespace)"))
        .with_variable(_variable("job", "Release", 'label_values(service_ready{namespace="$namespace"}, job)'))
    )


def lines(
    title: str,
    queries: Queries,
    unit: str = "short",
    *,
    description: str = "",
    stacked: bool = False,
    limit: float | None = None,
) -> timeseries.Panel:
    """Values over time; `limit` draws a line that should not be crossed."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .height(HEIGHT)
        .span(WIDTH)
        .fill_opacity(10)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    if limit is not None:
        panel = panel.thresholds(_steps(("green", None), ("red", limit))).thresholds_style(_dashed())
    return _asking(panel, queries)


def number(
    title: str, query: str, unit: str = "short", *, description: str = "", red_below: float | None = None
) -> stat.Panel:
    """One value, now."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .height(4)
        .span(4)
        .color_mode(BigValueColorMode.VALUE)
        .reduce_options(_last())
    )
    if red_below is not None:
        panel = panel.thresholds(_steps(("red", None), ("green", red_below)))
    return _asking(panel, {"": query})


def per_second(metric: str, by: str = "") -> str:
    """How often a counter goes up."""
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{SCOPE}}[$__rate_interval]))"


def quantiles(metric: str, by: str = "", where: str = "") -> Queries:
    """p50, p95 and p99 of a histogram."""
    group = f"le, {by}" if by else "le"
    legend = f" {{{{{by}}}}}" if by else ""
    return {
        f"p{round(100 * share)}{legend}": (
            f"histogram_quantile({share}, sum by ({group}) (rate({metric}_bucket{{SCOPE{where}}}[$__rate_interval])))"
        )
        for share in (0.5, 0.95, 0.99)
    }


def _asking(panel: P, queries: Queries) -> P:
    for letter, (legend, query) in zip("ABCDEFGH", queries.items(), strict=False):
        expression = query.replace("SCOPE", SCOPE)
        panel = panel.with_target(Dataquery().expr(expression).legend_format(legend or "__auto").ref_id(letter))
    return panel


def _variable(name: str, label: str, query: str) -> QueryVariable:
    return (
        QueryVariable(name).label(label).datasource(SOURCE).query(query).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    )


def _steps(*steps: tuple[str, float | None]) -> ThresholdsConfig:
    values = [Threshold(color=color, value=value) for color, value in steps]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(values)


def _dashed() -> common.GraphThresholdsStyleConfig:
    return common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.DASHED)


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"])
