# requirements:

"""The rows of each table, by type: generated from resources/postgres/migrations by
`scripts/millrace metadata write`. Do not edit.

For type checkers only; no step loads it: import it below `if TYPE_CHECKING:`.

Migrations: b2bb231c33af60253a361dcac5c23802e4a44eb9992dbaf7e0c56ecd2732f8f3
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, TypedDict
from uuid import UUID

# What is in it is up to its writer.
Json = Any
# Ranges of times as psycopg reads them.
Range = Any
Multirange = Any


class AccessToken(TypedDict):
    """A row of `access_token`."""

    id: UUID
    person_id: str
    name: str
    hash: str
    role: Literal["reader", "member", "approver", "owner"]
    gateway: bool
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


class Action(TypedDict):
    """A row of `action`."""

    id: UUID
    key: str
    run_id: UUID | None
    namespace: str
    tool: str
    arguments: Json
    digest: str
    risk: Literal["low", "medium", "high"]
    reason: str
    state: Literal[
        "proposed",
        "approved",
        "denied",
        "expired",
        "performing",
        "performed",
        "failed",
        "unknown",
    ]
    outcome: Json | None
    asked_at: datetime | None
    expires_at: datetime | None
    created_at: datetime
    performed_at: datetime | None


class Agent(TypedDict):
    """A row of `agent`."""

    name: str
    version: int
    made_by: str
    made_at: datetime
    off_at: datetime | None
    off_by: str | None


class AgentRun(TypedDict):
    """A row of `agent_run`."""

    run_id: UUID
    step: str
    agent: str
    version: int
    started_at: datetime
    finished_at: datetime | None
    outcome: Literal["done", "stopped", "failed"] | None


class AgentVersion(TypedDict):
    """A row of `agent_version`."""

    agent: str
    version: int
    definition: Json
    digest: str
    changed_by: str
    changed_at: datetime


class Alert(TypedDict):
    """A row of `alert`."""

    id: int
    fingerprint: str
    name: str
    severity: Literal["info", "warning", "critical", "emergency"]
    state: Literal["active", "acknowledged", "resolved"]
    source: Literal["prometheus", "health", "baseline", "run"]
    summary: str
    labels: dict[str, Any]
    agents: list[str]
    started_at: datetime
    seen_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    told_at: datetime | None


class Approval(TypedDict):
    """A row of `approval`."""

    id: UUID
    action_id: UUID
    digest: str
    decision: Literal["approved", "denied", "expired"]
    decided_by: str
    how: str
    decided_at: datetime
    used_at: datetime | None


class Attempt(TypedDict):
    """A row of `attempt`."""

    id: UUID
    run_id: UUID
    job_id: str
    host: str
    pid: int | None
    status: Literal["running", "done", "failed", "waiting", "cancelled", "killed"]
    started_at: datetime
    finished_at: datetime | None


class Audit(TypedDict):
    """A row of `audit`."""

    id: int
    run_id: UUID | None
    actor: str
    kind: str
    subject: str
    detail: dict[str, Any]
    at: datetime
    previous: str
    hash: str


class AuditHead(TypedDict):
    """A row of `audit_head`."""

    single: bool
    rows: int
    hash: str


class Budget(TypedDict):
    """A row of `budget`."""

    scope: Literal["run", "user_day", "flow_day"]
    key: str
    limit_usd: Decimal
    reserved_usd: Decimal
    spent_usd: Decimal
    allowed_usd: Decimal


class BudgetAlert(TypedDict):
    """A row of `budget_alert`."""

    scope: str
    key: str
    limit_usd: Decimal
    percent: int
    spent_usd: Decimal
    run_id: UUID | None
    at: datetime


class CallerOutflow(TypedDict):
    """A row of `caller_outflow`."""

    caller: str
    requests: int
    letters: int
    bits: float
    link_bits: float
    links: list[str]


class CallerReading(TypedDict):
    """A row of `caller_reading`."""

    caller: str
    place: str
    read_at: datetime


class ChatMessage(TypedDict):
    """A row of `chat_message`."""

    id: int
    session_id: str
    turn: int
    role: str
    content: str
    metadata: dict[str, Any]
    created_at: datetime
    entry_id: str
    parent_id: str | None


class ChatSession(TypedDict):
    """A row of `chat_session`."""

    id: str
    user_id: str
    namespace: str
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class Decision(TypedDict):
    """A row of `decision`."""

    id: int
    run_id: UUID | None
    namespace: str
    kind: Literal["judgement", "action"]
    subject: str
    title: str
    agent: str
    confidence: int | None
    escalated: bool
    outcome: Literal["approved", "corrected", "refused", "undone", "silent_success"] | None
    outcome_by: str
    made_at: datetime
    outcome_at: datetime | None


class Delivery(TypedDict):
    """A row of `delivery`."""

    flow: str
    namespace: str
    edition: str
    recipient: str
    local_day: date
    number: int
    run_id: UUID
    digest_id: UUID
    action_id: UUID | None
    message_id: str
    status: Literal[
        "waiting",
        "sending",
        "sent",
        "outbox",
        "denied",
        "expired",
        "failed",
        "unknown",
    ]
    path: str | None
    error: str | None
    window_until: datetime
    at: datetime
    temporary: bool
    tries: int


class Digest(TypedDict):
    """A row of `digest`."""

    id: UUID
    run_id: UUID
    flow: str
    namespace: str
    edition: str
    local_day: date
    number: int
    window_since: datetime | None
    window_until: datetime
    recipients: list[str]
    subject: str
    html: str
    plain: str
    created_at: datetime
    private: bool
    shared: dict[str, Any]
    markdown: str


class Document(TypedDict):
    """A row of `document`."""

    id: str
    namespace: str
    path: str
    state: Literal["waiting", "read", "failed", "withdrawn"]
    problem: str
    notes: list[str]
    sha256: str
    bytes: int
    changed_ns: int
    reader: str
    kind: str
    title: str
    author: str
    dated_at: datetime | None
    language: str
    unit: str
    pages: int
    headings: list[Any]
    details: dict[str, Any]
    body: str
    trust: Literal["own", "trusted", "untrusted"]
    run_id: UUID | None
    created_at: datetime
    read_at: datetime | None
    withdrawn_at: datetime | None
    user_id: str


class DocumentPassage(TypedDict):
    """A row of `document_passage`."""

    document_id: str
    number: int
    item_id: str
    page: int
    start_at: int
    end_at: int
    heading: str


class Evidence(TypedDict):
    """A row of `evidence`."""

    id: str
    run_id: UUID
    topic_id: str | None
    namespace: str
    url: str
    title: str
    body: str
    source: str
    tool: str
    published_at: datetime | None
    trust: Literal["own", "trusted", "untrusted"]
    content_hash: str
    created_at: datetime
    private: bool


class Feedback(TypedDict):
    """A row of `feedback`."""

    id: UUID
    run_id: UUID
    subject: str
    verdict: str
    comment: str
    given_by: str
    at: datetime


class FetchState(TypedDict):
    """A row of `fetch_state`."""

    namespace: str
    url: str
    etag: str
    last_modified: str
    fetched_at: datetime


class HealthCheck(TypedDict):
    """A row of `health_check`."""

    id: int
    part: str
    state: Literal["healthy", "degraded", "critical", "unknown"]
    reason: str
    at: datetime


class MemoryBelief(TypedDict):
    """A row of `memory_belief`."""

    id: int
    item_id: str
    valid: Multirange
    recorded: Range
    because: Literal["remembered", "again", "superseded", "retracted", "restored"]
    by_item: str | None


class MemoryExtent(TypedDict):
    """A row of `memory_extent`."""

    namespace: str
    type: str
    slot: int
    items: int
    words: int


class MemoryFrequency(TypedDict):
    """A row of `memory_frequency`."""

    term: int
    slot: int
    items: int


class MemoryItem(TypedDict):
    """A row of `memory_item`."""

    id: str
    namespace: str
    type: str
    title: str
    source: str
    raw_text: Json
    metadata: dict[str, Any]
    embedding: str | None
    trust: Literal["own", "trusted", "untrusted"]
    content_hash: str
    run_id: UUID | None
    created_at: datetime
    updated_at: datetime
    valid: Multirange
    valid_from: datetime | None
    valid_to: datetime | None
    superseded_by: str | None
    marks: list[int]
    no: int
    embedding_model: int | None
    thread: str | None
    ordinal: int | None
    impacts: str | None
    words: int | None
    user_id: str


class MemoryLink(TypedDict):
    """A row of `memory_link`."""

    id: int
    from_id: str
    to_id: str
    relation: str
    weight: float
    created_at: datetime


class MemoryModel(TypedDict):
    """A row of `memory_model`."""

    no: int
    name: str
    dimensions: int
    active: bool
    created_at: datetime


class MemoryOrigin(TypedDict):
    """A row of `memory_origin`."""

    id: str
    item_id: str
    namespace: str
    source: str
    trust: Literal["own", "trusted", "untrusted"]
    run_id: UUID | None
    step: str
    document: str
    page: int | None
    start_offset: int | None
    end_offset: int | None
    wording: str | None
    similarity: float
    recorded_at: datetime
    seen_at: datetime
    withdrawn_at: datetime | None
    because: str


class MemoryPosting(TypedDict):
    """A row of `memory_posting`."""

    term: int
    item: int
    tf: float
    length: int
    impact: float


class MemoryRetraction(TypedDict):
    """A row of `memory_retraction`."""

    namespace: str
    source: str
    because: str
    at: datetime


class MemoryVector(TypedDict):
    """A row of `memory_vector`."""

    item: int
    model: int
    embedding: str


class MetricHour(TypedDict):
    """A row of `metric_hour`."""

    metric: str
    hour: datetime
    labels: Json
    value: float
    buckets: list[int] | None
    exemplar: str | None


class MetricLabel(TypedDict):
    """A row of `metric_label`."""

    name: str
    value: str
    first_at: datetime


class MetricRoll(TypedDict):
    """A row of `metric_roll`."""

    metric: str
    shape: str
    rolled_until: datetime
    folded_until: datetime


class MetricTotal(TypedDict):
    """A row of `metric_total`."""

    metric: str
    labels: Json
    value: float
    buckets: list[int] | None


class ModelFault(TypedDict):
    """A row of `model_fault`."""

    id: int
    run_id: UUID | None
    step: str
    agent: str
    model: str
    kind: str
    reason: str
    next_step: str
    lasting: bool
    at: datetime


class Notification(TypedDict):
    """A row of `notification`."""

    id: UUID
    person_id: str
    way: Literal["page", "mail", "webhook"]
    webhook_id: UUID | None
    type: str
    subject: str
    state: Literal["waiting", "sent", "failed"]
    happened_at: datetime
    tries: int
    due_at: datetime
    sent_at: datetime | None
    error: str


class Outbox(TypedDict):
    """A row of `outbox`."""

    message_id: str
    recipient: str
    subject: str
    content: str
    run_id: UUID | None
    made_at: datetime


class Page(TypedDict):
    """A row of `page`."""

    id: str
    namespace: str
    canonical_url: str
    url: str
    readable: bool
    reason: str
    title: str
    site: str
    language: str
    body: str
    published_at: datetime | None
    read_at: datetime


class Person(TypedDict):
    """A row of `person`."""

    id: str
    name: str
    role: Literal["reader", "member", "approver", "owner"]
    added_by: str
    created_at: datetime
    removed_at: datetime | None
    role_by: Literal["people", "windmill", "oidc"]


class PushConfig(TypedDict):
    """A row of `push_config`."""

    id: str
    run_id: UUID
    person_id: str
    url: str
    token: str
    scheme: str
    credentials: str
    told: str
    tries: int
    due_at: datetime
    error: str
    ended_at: datetime | None
    created_at: datetime


class Recipient(TypedDict):
    """A row of `recipient`."""

    id: UUID
    namespace: str
    flow: str
    address: str
    interests: list[str]
    added_by: str
    created_at: datetime
    revoked_at: datetime | None
    owner: bool
    unsubscribed_at: datetime | None


class Reply(TypedDict):
    """A row of `reply`."""

    id: int
    namespace: str
    flow: str
    recipient: str
    message_id: str
    run_id: UUID
    verb: Literal["more", "less", "untrue", "unsubscribe"]
    topic_id: str | None
    comment: str
    way: Literal["mail", "link"]
    at: datetime


class ReplyKey(TypedDict):
    """A row of `reply_key`."""

    id: int
    secret: str
    made_at: datetime
    retired_at: datetime | None


class ResearchResult(TypedDict):
    """A row of `research_result`."""

    run_id: UUID
    topic_id: str
    title: str
    summary: str
    findings: list[Any]
    conflicts: list[Any]
    confidence: int
    parts: dict[str, Any]
    no_sources: bool
    stopped_because: str
    rounds: int
    cost_usd: Decimal
    review: Literal["none", "logged", "open", "approved", "corrected", "refused"]
    created_at: datetime
    background: str
    why_it_matters: str
    written_by: list[str]


class Run(TypedDict):
    """A row of `run`."""

    id: UUID
    flow: str
    namespace: str
    edition: str
    status: Literal[
        "running",
        "waiting",
        "done",
        "partly_failed",
        "failed",
        "cancelled",
        "stopped",
        "killed",
    ]
    pattern: str
    orchestrator: str
    args: dict[str, Any]
    openflow: Json | None
    pipeline: dict[str, Any]
    dry_run: bool
    scheduled_for: datetime | None
    local_day: date | None
    started_at: datetime
    finished_at: datetime | None
    result: Json | None
    error: str | None
    sampled: str
    sampled_end: datetime | None
    root_sent_at: datetime | None
    user_id: str
    session: str
    continues: UUID | None
    continues_at: str
    results: Json | None
    kept_at: dict[str, Any]


class RunEvent(TypedDict):
    """A row of `run_event`."""

    id: int
    run_id: UUID
    step: str
    event: str
    message: str
    metadata: dict[str, Any]
    at: datetime


class SchemaMigration(TypedDict):
    """A row of `schema_migration`."""

    number: int
    name: str
    sha256: str
    applied_at: datetime


class Share(TypedDict):
    """A row of `share`."""

    id: int
    namespace: str
    flow: str
    recipient: str
    key: str
    shared_by: str
    shared_at: datetime
    ended_at: datetime | None


class SignIn(TypedDict):
    """A row of `sign_in`."""

    id: UUID
    hash: str
    person_id: str
    browser: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    way: Literal["link", "windmill", "oidc"]
    checked_at: datetime | None
    sealed: bytes | None
    confirmed_at: datetime | None


class SignInAttempt(TypedDict):
    """A row of `sign_in_attempt`."""

    state: str
    browser: str
    nonce: str
    verifier: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


class SignInLink(TypedDict):
    """A row of `sign_in_link`."""

    hash: str
    person_id: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


class SourceItem(TypedDict):
    """A row of `source_item`."""

    id: str
    namespace: str
    source: str
    source_key: str
    url: str
    canonical_url: str
    title: str
    body: str
    author: str
    published_at: datetime | None
    score: float
    comments_url: str
    trust: Literal["own", "trusted", "untrusted"]
    content_hash: str
    extra: dict[str, Any]
    first_seen_at: datetime
    last_seen_at: datetime
    run_id: UUID | None
    lexemes: str | None
    share_keys: list[str]


class SourceReading(TypedDict):
    """A row of `source_reading`."""

    run_id: UUID
    source: str
    status: Literal["ok", "unchanged", "failed"]
    items: int
    fresh: int
    error: str
    seconds: float


class Span(TypedDict):
    """A row of `span`."""

    trace_id: str
    span_id: str
    parent_id: str | None
    run_id: UUID | None
    name: str
    kind: str
    status: Literal["pending", "ok", "error", "killed"]
    scope: str
    attributes: dict[str, Any]
    events: list[Any]
    started_at: datetime
    finished_at: datetime | None
    exported_at: datetime | None
    service: str
    version: str
    seen_at: datetime


class StandingApproval(TypedDict):
    """A row of `standing_approval`."""

    id: UUID
    namespace: str
    flow: str
    tool: str
    recipient: str
    granted_by: str
    granted_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None


class Step(TypedDict):
    """A row of `step`."""

    run_id: UUID
    path: str
    name: str
    tries: int
    job_id: str
    status: Literal["running", "waiting", "done", "failed", "cancelled", "killed", "timed_out"]
    started_at: datetime
    finished_at: datetime | None
    error: str | None
    about: str


class Story(TypedDict):
    """A row of `story`."""

    id: str
    namespace: str
    title: str
    entities: list[str]
    first_day: date
    last_day: date
    created_at: datetime


class StoryItem(TypedDict):
    """A row of `story_item`."""

    story_id: str
    item_id: str
    day: date


class Subscription(TypedDict):
    """A row of `subscription`."""

    person_id: str
    topic: Literal["runs", "approvals", "alerts", "digests"]
    way: Literal["page", "mail", "webhook"]


class ToolEnabled(TypedDict):
    """A row of `tool_enabled`."""

    server: str
    url: str
    tool: str
    hash: str
    detail: dict[str, Any]
    enabled_by: str
    enabled_at: datetime


class ToolGap(TypedDict):
    """A row of `tool_gap`."""

    id: str
    report: Json
    seen: int
    run_ids: list[UUID]
    first_at: datetime
    last_at: datetime


class ToolSnapshot(TypedDict):
    """A row of `tool_snapshot`."""

    run_id: UUID
    server: str
    tool: str
    hash: str
    detail: dict[str, Any]


class Topic(TypedDict):
    """A row of `topic`."""

    id: str
    run_id: UUID
    namespace: str
    rank: int
    title: str
    score: float
    reasons: list[Any]
    item_ids: list[str]
    update_of: str | None
    created_at: datetime
    story_id: str | None
    story_day: int
    theme: str
    private: bool
    share_keys: list[str]


class Usage(TypedDict):
    """A row of `usage`."""

    id: UUID
    run_id: UUID
    step: str
    agent: str
    model: str
    user_id: str
    state: Literal["reserved", "sent", "settled", "released"]
    request_hash: str
    reserved_usd: Decimal
    cost_usd: Decimal
    currency: str
    price_source: str
    price_date: str
    tokens: dict[str, Any]
    prompt_hash: str
    response: Json | None
    holder: dict[str, Any]
    reserved_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None
    kind: Literal["model", "tool"]


class Webhook(TypedDict):
    """A row of `webhook`."""

    id: UUID
    person_id: str
    name: str
    url: str
    secret: str
    created_at: datetime
    switched_off_at: datetime | None
    switched_off_why: str
    removed_at: datetime | None
