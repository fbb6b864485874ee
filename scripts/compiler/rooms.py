"""What each folder of f/millrace is for: the layers from the lowest up, then the pipelines.

ARCHITECTURE.md shows them; which may import which is in `imports.LAYERS`.
"""

ROOMS = {
    "core": "what all need: settings, database, the run's context, errors, money, redaction",
    "telemetry": "what a run tells: its rows, spans, events, logs, metrics and alerts",
    "memory": "what is known, since when and from whom; how it is found, corrected and deleted",
    "trust": "who may do what, at what cost, once: risk, approvals, actions, budgets, audit, taint",
    "tools": "what agents can call: sources, search, mail, notes; MCP servers and their client",
    "evidence": "what evidence says, no model: claims, copies, disputes, citations, confidence",
    "stories": "which news tell the same story, what is new of it, which theme it belongs to",
    "models": "how a model is run and paid, and the offline model that stands in for one",
    "agents": "who asks a model: a prompt, an output model and a function each; the research loop",
    "digest": "what a run's digest says, how it looks in each form, to whom it goes, its archive",
    "approvals": "steps that ask a person, note the answer and make the approved calls",
    "assist": "questions and tasks from a chat, a webhook or a mail",
    "blocks": "steps and flows that people put into flows of their own",
    "ingest": "documents read from folders into memory, as passages with page and offset",
    "ops": "maintenance: health, metrics, traces, retention, recovery, migrations",
    "research": "the steps of the daily digest, from reading the sources to the mail",
}
