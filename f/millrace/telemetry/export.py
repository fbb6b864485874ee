# requirements:

"""Send the spans of ended runs to a collector, as OTLP over HTTP in its JSON form.

The root span is built from the run's row, so it is there for a run that failed or was killed, too;
it is sent once. The end of a run that was resumed after that is a span of its own below it. Format:
the OpenTelemetry Protocol 1.x, `POST /v1/traces`.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict
from urllib.parse import urlsplit, urlunsplit

from f.millrace.core import config, db, ids, redaction
from f.millrace.telemetry import recorder, runs, sampling, spans

if TYPE_CHECKING:
    from f.millrace.core import rows

    Where = tuple[str, str, str]
    Spans = list[tuple[Where, "OtlpSpan"]]

    class OtlpSpan(TypedDict):
        """A span as OTLP has it in JSON."""

        traceId: str
        spanId: str
        parentSpanId: NotRequired[str]
        name: str
        kind: int
        startTimeUnixNano: str
        endTimeUnixNano: str
        attributes: list[dict[str, Any]]
        status: dict[str, Any]


SECONDS = 2.0
SECONDS_AT_END = 1.0
# A body of that many spans is about half a megabyte.
SPANS_A_REQUEST = 500
KIND = {"internal": 1, "server": 2, "client": 3}
OK, ERROR = 1, 2
SIGNAL = re.compile(r"/v1/(?:traces|metrics|logs)/?$")
BUSY = (408, 429)

# A run's last step ends after it has closed the run; so one that has just ended is left for the
# next time.
ENDED = """
SELECT * FROM run r WHERE finished_at < clock_timestamp() - interval '5 seconds'
AND NOT EXISTS (SELECT FROM span s WHERE s.run_id = r.id AND s.status = 'pending') AND (
    sampled_end IS DISTINCT FROM finished_at
    OR (sampled <> 'out' AND EXISTS (SELECT FROM span s
        WHERE s.run_id = r.id AND s.exported_at IS NULL)))
AND started_at > clock_timestamp() - make_interval(days => %s) ORDER BY started_at LIMIT %s
"""


@dataclass(frozen=True)
class Sent:
    """What a call has sent, what sampling left out, and why it stopped early, if it did."""

    runs: int = 0
    spans: int = 0
    left_out: int = 0
    fault: str = ""


class _Refused(Exception):
    """The collector is there and does not take this trace; others may pass."""


def export_runs(limit: int = 50) -> Sent:
    """Send every ended run that has something to send; nothing when no endpoint is set.

    A collector that is down or silent costs at most two seconds;
    the spans stay and go with the next call.
    """
    if not config.settings().otlp_endpoint:
        return Sent()
    runs = spans = left_out = 0
    fault = ""
    ended: list[rows.Run] = db.fetch_all(ENDED, [config.settings().trace_days, limit])
    for run in ended:
        try:
            count = export_run(run)
        except _Refused as error:
            fault = str(error)
            continue
        except (OSError, http.client.HTTPException) as error:
            fault = f"{config.settings().otlp_endpoint} cannot be reached: {error}"
            break
        runs, spans, left_out = runs + bool(count), spans + count, left_out + (not count)
    return Sent(runs, spans, left_out, fault)


def _exported_rows(found: list[rows.Span]) -> list[rows.Span]:
    """Return the rows of spans that are exported, each under the nearest one that is too."""
    kept = [row for row in found if sampling.is_exported(row["scope"], row["service"])]
    parents, ids = {row["span_id"]: row["parent_id"] for row in found}, {r["span_id"] for r in kept}
    for row in kept:
        row["parent_id"] = _nearest(row["parent_id"], parents, ids)
    return kept


def _list_ends(run: rows.Run) -> Spans:
    """Return the run's own span, or what was added to a run that went on after it was sent."""
    if not run["root_sent_at"]:
        return [_root(run)]
    return [] if _is_decided(run) else [_resumed_span(run)]


def export_run(run: rows.Run, asked: bool = False, seconds: float = SECONDS) -> int:
    """Send what was not yet sent of one ended run, and return how many spans;
    `asked`: whatever sampling says.
    """
    reason = "asked" if asked else run["sampled"] if _is_decided(run) else sampling.decide(run)
    found: list[rows.Span] = db.fetch_all(
        "SELECT * FROM span WHERE run_id = %s ORDER BY started_at", [run["id"]]
    )
    if reason == sampling.OUT:
        runs.note_sampled(run, reason, root=False)
        return 0
    unsent = [row for row in _exported_rows(found) if row["exported_at"] is None]
    ends = _list_ends(run)
    for chunk in _chunks([*ends, *map(_span, unsent)]):
        _post(_body(chunk), seconds)
    recorder.mark_exported(
        run["id"], [row["span_id"] for row in found if row["exported_at"] is None]
    )
    runs.note_sampled(run, reason, root=True)
    return len(ends) + len(unsent)


def run_ended(run_id: str) -> str:
    """Close what the dead processes of an ended run left open,
    and send its trace if sampling keeps it.

    For a runner that has let go of the run. It never fails, and a silent collector costs it a
    second. What a collector says that refuses the trace is returned; sending it again is no
    help.
    """
    run: rows.Run | None = db.fetch_one(
        "SELECT * FROM run WHERE id = %s AND finished_at IS NOT NULL", [run_id]
    )
    if run is None:
        return ""
    recorder.close_killed(run_id)
    if config.settings().otlp_endpoint:
        # What the collector did not take is sent by ops/export_traces.
        with contextlib.suppress(OSError, http.client.HTTPException):
            try:
                export_run(run, seconds=SECONDS_AT_END)
            except _Refused as error:
                return str(error)
    return ""


def _is_decided(run: rows.Run) -> bool:
    return bool(run["sampled"]) and run["sampled_end"] == run["finished_at"]


def _nearest(parent: str | None, parents: dict[str, str | None], kept: set[str]) -> str | None:
    """Return the closest span above that is exported: leaving one out tears nothing apart."""
    while parent in parents and parent not in kept:
        parent = parents[parent]
    return parent


def traces_url(endpoint: str) -> str:
    """Return where traces are posted: collectors' pages name their address with the path of traces,
    with that of another signal, or without.
    """
    parts = urlsplit(endpoint)
    path = SIGNAL.sub("", parts.path).rstrip("/") + "/v1/traces"
    return urlunsplit(parts._replace(path=path))


def _said(error: urllib.error.HTTPError) -> str:
    """Return what the collector says of its refusal, in one line."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        words = " ".join(error.read(2000).decode(errors="replace").split())
        return f": {redaction.redact(words)[:200]}" if words and "<html" not in words else ""
    return ""


def _post(body: bytes, seconds: float) -> None:
    given = {
        name: value.get_secret_value() for name, value in config.settings().otlp_headers.items()
    }
    request = urllib.request.Request(
        traces_url(config.settings().otlp_endpoint),
        data=body,
        headers={"Content-Type": "application/json", **given},
    )
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            rejected = (json.loads(answer.read() or b"{}").get("partialSuccess") or {}).get(
                "rejectedSpans"
            )
    except urllib.error.HTTPError as error:
        if 400 <= error.code < 500 and error.code not in BUSY:
            raise _Refused(
                f"{error.url} refuses a trace with status {error.code}{_said(error)}"
            ) from error
        raise
    except ValueError:
        return  # a collector need not answer in JSON
    if int(rejected or 0):
        raise _Refused(f"the collector rejected {rejected} spans of a trace")


def _body(spans: Spans) -> bytes:
    """Return the request, spans grouped by service, version and scope."""
    groups: dict[tuple[str, str], dict[str, list[OtlpSpan]]] = {}
    for (service, version, scope), span in spans:
        groups.setdefault((service, version), {}).setdefault(scope, []).append(span)
    resources = [
        {
            "resource": {
                "attributes": _attributes(
                    {"service.name": service, "service.version": version or None}
                )
            },
            "scopeSpans": [
                {"scope": {"name": scope}, "spans": found} for scope, found in scopes.items()
            ],
        }
        for (service, version), scopes in groups.items()
    ]
    return json.dumps({"resourceSpans": resources}).encode()


def _root(run: rows.Run) -> tuple[Where, OtlpSpan]:
    run_id = str(run["id"])
    return _run_span(
        run, spans.root_span_id(run_id), f"invoke_workflow {run['flow']}", run["started_at"]
    )


def _resumed_span(run: rows.Run) -> tuple[Where, OtlpSpan]:
    """Return the span of what came after the root was sent, from its end to the run's end."""
    run_id = str(run["id"])
    own = ids.digest_of([run_id, str(run["finished_at"])])[:16]
    where, span = _run_span(
        run, own, f"resume_workflow {run['flow']}", run["sampled_end"] or run["started_at"]
    )
    return where, {**span, "parentSpanId": spans.root_span_id(run_id)}


def root_attributes(run: rows.Run) -> dict[str, Any]:
    """Return what a trace says of its run as a whole."""
    return {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": run["flow"],
        "workflow.id": str(run["id"]),
        "workflow.type": run["pattern"] or "step",
        "workflow.orchestrator": run["orchestrator"],
        "workflow.success": run["status"] in ("done", "stopped"),
        "millrace.run.status": run["status"],
        "user.id": spans.hashed_user(),
    }


def _run_span(
    run: rows.Run, span_id: str, name: str, started_at: datetime
) -> tuple[Where, OtlpSpan]:
    failed = run["status"] in ("failed", "killed")
    return (recorder.SERVICE, recorder.VERSION, recorder.SERVICE), {
        "traceId": str(run["id"]).replace("-", ""),
        "spanId": span_id,
        "name": name,
        "kind": KIND["internal"],
        "startTimeUnixNano": _nanoseconds(started_at),
        "endTimeUnixNano": _nanoseconds(max(run["finished_at"] or started_at, started_at)),
        "attributes": _attributes(root_attributes(run)),
        "status": (
            {"code": ERROR, "message": run["error"] or run["status"]} if failed else {"code": OK}
        ),
    }


def _span(row: rows.Span) -> tuple[Where, OtlpSpan]:
    killed = row["status"] == "killed"
    message = "killed" if killed else row["attributes"].get("error.message", "")
    span: OtlpSpan = {
        "traceId": row["trace_id"],
        "spanId": row["span_id"],
        "name": row["name"],
        "kind": KIND.get(row["kind"], 1),
        "startTimeUnixNano": _nanoseconds(row["started_at"]),
        "endTimeUnixNano": _nanoseconds(row["finished_at"] or row["started_at"]),
        "attributes": _attributes(
            {**row["attributes"], **({"millrace.killed": True} if killed else {})}
        ),
        "status": {"code": OK} if row["status"] == "ok" else {"code": ERROR, "message": message},
    }
    where = (row["service"], row["version"], row["scope"])
    return where, {**span, "parentSpanId": row["parent_id"]} if row["parent_id"] else span


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": _value(value)} for key, value in values.items() if value is not None
    ]


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


def _chunks(spans: Iterable[Any]) -> Iterable[list[Any]]:
    found = iter(spans)
    take: Callable[[], list[Any]] = lambda: list(itertools.islice(found, SPANS_A_REQUEST))  # noqa: E731
    return iter(take, [])
