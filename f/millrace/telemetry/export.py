"""Send the spans of finished runs to a collector, as OTLP over HTTP in its JSON form.

The root span is built from the run's row, so it is there for a run that failed or was killed, too.
Format: the OpenTelemetry Protocol 1.x, `POST /v1/traces`.
"""

import json
import urllib.error
import urllib.request
from datetime import datetime
from typing import Any

from f.millrace.core import db
from f.millrace.core.config import settings
from f.millrace.telemetry.spans import SERVICE, root_span_id

SECONDS = 2.0
KIND = {"internal": 1, "server": 2, "client": 3}
UNSET, OK, ERROR = 0, 1, 2


def export_runs(limit: int = 50) -> int:
    """Send every ended run that has unsent spans; return the number of runs sent, 0 when no endpoint is set.

    A collector that is down or silent costs at most two seconds; the spans stay and go with the next call.
    """
    if not settings().otlp_endpoint:
        return 0
    runs = db.all(
        "SELECT * FROM run WHERE finished_at IS NOT NULL AND EXISTS "
        "(SELECT FROM span WHERE span.run_id = run.id AND exported_at IS NULL) ORDER BY started_at LIMIT %s",
        [limit],
    )
    sent = 0
    for run in runs:
        if not _export(run):
            break
        sent += 1
    return sent


def _export(run: dict[str, Any]) -> bool:
    spans = db.all("SELECT * FROM span WHERE run_id = %s ORDER BY started_at", [run["id"]])
    body = {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes({"service.name": SERVICE})},
                "scopeSpans": [{"scope": {"name": SERVICE}, "spans": [_root(run), *map(_span, spans)]}],
            }
        ]
    }
    request = urllib.request.Request(
        settings().otlp_endpoint.rstrip("/") + "/v1/traces",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS):
            pass
    except (urllib.error.URLError, OSError):
        return False
    db.execute("UPDATE span SET exported_at = clock_timestamp() WHERE run_id = %s AND exported_at IS NULL", [run["id"]])
    return True


def _root(run: dict[str, Any]) -> dict[str, Any]:
    run_id = str(run["id"])
    attributes = {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": run["flow"],
        "workflow.id": run_id,
        "workflow.type": run["pattern"],
        "workflow.orchestrator": run["orchestrator"],
        "workflow.success": run["status"] in ("done", "stopped"),
    }
    failed = run["status"] in ("failed", "killed")
    return {
        "traceId": run_id.replace("-", ""),
        "spanId": root_span_id(run_id),
        "name": f"invoke_workflow {run['flow']}",
        "kind": KIND["internal"],
        "startTimeUnixNano": _nanoseconds(run["started_at"]),
        "endTimeUnixNano": _nanoseconds(run["finished_at"]),
        "attributes": _attributes(attributes),
        "status": {"code": ERROR, "message": run["error"] or run["status"]} if failed else {"code": OK},
    }


def _span(row: dict[str, Any]) -> dict[str, Any]:
    span = {
        "traceId": row["trace_id"],
        "spanId": row["span_id"],
        "name": row["name"],
        "kind": KIND.get(row["kind"], 1),
        "startTimeUnixNano": _nanoseconds(row["started_at"]),
        "endTimeUnixNano": _nanoseconds(row["finished_at"] or row["started_at"]),
        "attributes": _attributes(row["attributes"]),
        "status": {"code": OK if row["status"] == "ok" else ERROR, "message": row["attributes"].get("error.message", "")},
    }
    return {**span, "parentSpanId": row["parent_id"]} if row["parent_id"] else span


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items() if value is not None]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(part) for part in value]}}
    return {"stringValue": str(value)}


def _nanoseconds(time: datetime) -> str:
    return str(int(time.timestamp() * 1_000_000) * 1000)
