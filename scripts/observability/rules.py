"""Prometheus's rules, their tests for promtool, and the configuration of Prometheus and
Alertmanager, from the catalogue.
"""

from collections.abc import Iterable
from typing import Any

from f.millrace.ops.alertmanager import MOST_ALERTS
from f.millrace.telemetry.metrics.define import Alert, Metric, with_prefix

Made = dict[str, Any]
# How soon what is raised is told, and how often it is said again. Nobody is woken for what only
# informs.
ROUTES = {
    "emergency": {"group_wait": "0s", "group_interval": "1m", "repeat_interval": "1h"},
    "critical": {"group_wait": "10s", "group_interval": "2m", "repeat_interval": "4h"},
    "warning": {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "12h"},
    "info": {"group_wait": "1m", "group_interval": "30m", "repeat_interval": "7d"},
}
# These say that the way through the exporter may be broken; they go by mail directly.
DIRECT = ("NoFigures",)


def rules(metrics: Iterable[Metric], prefix: str) -> Made:
    """Return the rules, a group for each metric that has alerts."""
    groups = [
        {
            "name": metric.full_name(prefix),
            "rules": [_rule(metric, alert, prefix) for alert in metric.alerts],
        }
        for metric in metrics
        if metric.alerts
    ]
    return {"groups": groups}


def _rule(metric: Metric, alert: Alert, prefix: str) -> Made:
    return {
        "alert": alert.name,
        "expr": with_prefix(alert.expr, prefix),
        "for": alert.wait,
        "labels": {"severity": alert.severity},
        "annotations": {
            "summary": alert.summary,
            "means": metric.means,
            "first_step": alert.steps[0],
            "runbook": f"resources/telemetry/runbook.md#{alert.name.lower()}",
        },
    }


def rule_tests(metrics: Iterable[Metric], prefix: str, rule_file: str, tick: str) -> Made:
    """Return promtool's tests: each alert fires in its one course and not in the other; those whose
    values are a tick apart.
    """
    tests = [
        _test(alert, fires, dict(alert.fires if fires else alert.quiet), prefix)
        for metric in metrics
        for alert in metric.alerts
        if alert.tick == tick
        for fires in (True, False)
    ]
    return {"rule_files": [rule_file], "evaluation_interval": tick, "tests": tests}


def _test(alert: Alert, fires: bool, course: dict[str, str], prefix: str) -> Made:
    series = [
        {"series": with_prefix(name, prefix), "values": values} for name, values in course.items()
    ]
    return {
        "name": f"{alert.name} {'fires' if fires else 'is quiet'}",
        "interval": alert.tick,
        "input_series": series,
        # Whether it fires at all: how many series of ALERTS there are. Its labels and words are the
        # rule's.
        "promql_expr_test": [
            {
                "expr": (
                    f'count(count(ALERTS{{alertname="{alert.name}",alertstate="firing"}})) or'
                    " vector(0)"
                ),
                "eval_time": alert.at,
                "exp_samples": [{"labels": "{}", "value": 1 if fires else 0}],
            }
        ],
    }


def prometheus_configuration() -> Made:
    """Return the configuration of Prometheus in Compose."""
    return {
        "global": {"scrape_interval": "30s", "evaluation_interval": "30s"},
        "rule_files": ["rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": ["alertmanager:9093"]}]}]},
        "scrape_configs": [
            {
                "job_name": "millrace",
                "scrape_timeout": "10s",
                "static_configs": [{"targets": ["exporter:9464"]}],
            },
            {"job_name": "prometheus", "static_configs": [{"targets": ["127.0.0.1:9090"]}]},
            {"job_name": "jaeger", "static_configs": [{"targets": ["jaeger:8888"]}]},
        ],
    }


def alertmanager_configuration() -> Made:
    """Return routes by severity: through the exporter, which makes rows and mails of them; when it
    is away, by mail.
    """
    receiver = {
        "url": "http://exporter:9464/alerts",
        "send_resolved": True,
        "max_alerts": MOST_ALERTS,
        "http_config": {
            "authorization": {"type": "Bearer", "credentials_file": "/run/millrace/alerts-token"}
        },
    }
    return {
        "global": {
            "smtp_smarthost": "mailpit:1025",
            "smtp_from": "alerts@localhost",
            "smtp_require_tls": False,
        },
        "route": {
            "receiver": "millrace",
            "group_by": ["alertname"],
            "routes": [
                {
                    "matchers": [f'alertname=~"{"|".join(DIRECT)}"'],
                    "receiver": "mail",
                    **ROUTES["emergency"],
                },
                *(
                    {"matchers": [f'severity="{severity}"'], "receiver": "millrace", **times}
                    for severity, times in ROUTES.items()
                ),
            ],
        },
        # What has one cause is told once: without a database nothing else can be said either.
        "inhibit_rules": [
            {
                "source_matchers": ['alertname="Unhealthy"', 'part="database"'],
                "target_matchers": ['severity=~"info|warning"'],
            },
            *(
                {
                    "source_matchers": [f'alertname="{graver}"'],
                    "target_matchers": [f'alertname="{lighter}"'],
                    "equal": ["scope"],
                }
                for graver, lighter in (("Spend100", "Spend90"), ("Spend90", "Spend70"))
            ),
        ],
        "receivers": [
            {"name": "millrace", "webhook_configs": [receiver]},
            {
                "name": "mail",
                "email_configs": [{"to": "operator@localhost", "send_resolved": True}],
            },
        ],
    }
