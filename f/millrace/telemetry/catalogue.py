# requirements:

"""The catalogue: every metric there is. A new one is defined in its family's file under metrics/,
and is here by that.
"""

from f.millrace.core import errors
from f.millrace.telemetry.metrics import (
    agents,
    business,
    define,
    memory,
    research,
    safety,
    spending,
    system,
    tools,
    workflows,
)

FAMILIES = (agents, tools, workflows, spending, business, research, memory, safety, system)


def collect() -> dict[str, define.Metric]:
    """Return the metrics of all families by name; BadInput when two have one name, or a query reads
    one that is none.
    """
    found: dict[str, define.Metric] = {}
    for family in FAMILIES:
        for metric in vars(family).values():
            if (
                isinstance(metric, define.Metric)
                and found.setdefault(metric.name, metric) is not metric
            ):
                raise errors.BadInput(f"the metric {metric.name!r} is defined twice")
    for metric in found.values():
        for query in [
            *(panel.query for panel in metric.panels),
            *(alert.expr for alert in metric.alerts),
        ]:
            if unknown := define.metrics_in(query) - found.keys():
                raise errors.BadInput(
                    f"metric {metric.name!r}: a query reads {', '.join(sorted(unknown))}, which the"
                    " catalogue has not"
                )
    return found


CATALOGUE = collect()
