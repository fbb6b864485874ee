"""The words of the flow language: what each means, with an example.

A spec, `flows/<name>.yaml`, says what a pipeline does, when it runs and what it may spend, in
Windmill's own words and without code. `scripts/millrace flows compile` makes Windmill's flow of it,
and `scripts/millrace flows check` names each mistake with its line and what is allowed there.

A value that is known only when the flow runs is a path: `results.<id>` is what an earlier step
returned, `flow_input` holds the inputs, and `flow_env.pipeline` what the spec says of itself. There
is no language of expressions: a condition is a path to a boolean, or `not` and a path, and anything
more is a boolean that a step returns.
"""

from typing import NamedTuple


class Word(NamedTuple):
    """What a word means, and a part of a spec that uses it.

    An example of a word at the top stands at the top of a spec; one of a step is a list of steps.
    """

    means: str
    example: str


TOP = {
    "summary": Word(
        "The title of the flow, without a dot.",
        "summary: Research the day's trending topics and mail a cited digest",
    ),
    "description": Word(
        "What the flow does, in a few sentences, for the page of the flow on Windmill.",
        """\
description: |
  Reads the sources, researches what matters and mails a digest. A source that cannot be read is
  named in it.""",
    ),
    "area": Word(
        "The folder under f/millrace that holds the compiled flow.",
        "area: research  # f/millrace/research/<name>__flow/flow.yaml",
    ),
    "pattern": Word(
        "How the flow works, for reports: fixed steps, steps that keep state, or people"
        " and agents in turn.",
        "pattern: deterministic_pipeline",
    ),
    "orchestrator": Word("Who runs it in production.", "orchestrator: windmill"),
    "agents": Word("The agents that its steps ask, for reports.", "agents: [researcher]"),
    "budget": Word(
        "The most US dollars that one run may spend, and all runs of the flow in a day (UTC); the"
        " settings may allow less.",
        "budget: {run_usd: 5.00, daily_usd: 20.00}",
    ),
    "schedule": Word(
        "When the flow starts by itself.",
        """\
schedule:
  cron: "0 0 8 * * *"
  timezone: Europe/London
  enabled: true
  misfire_grace: 12h
  catch_up: false
  args: {max_topics: 3}
inputs:
  max_topics: {type: integer, default: 5, description: Research at most this many topics.}""",
    ),
    "inputs": Word(
        "What a person may set when starting the flow, as JSON Schema; each input is a field of the"
        " form.",
        """\
inputs:
  question:
    type: string
    description: What you want to know, in one sentence.
    placeholder: What does a sodium battery cost?
  max_sources: {type: integer, default: 5, minimum: 1, maximum: 20, description: At most so many.}
  tone: {type: string, default: plain, enum: [plain, formal], description: How it is written.}""",
    ),
    "steps": Word(
        "What the flow does, one step after the other.",
        """\
steps:
  - id: work
    summary: Do the task
    run: assist/work
    with: {task: Count the open approvals}
  - id: close
    summary: Close the task
    run: assist/close
    from: {run_id: results.work.run_id}""",
    ),
    "run": Word(
        "Instead of `steps`: the one script that is scheduled, a step under f/millrace. Nothing but"
        " a job of that script appears in Windmill's list of runs.",
        """\
run: ops/embed_memory
with: {most: 500}
schedule: {cron: "0 */5 * * * *", timezone: Europe/London}""",
    ),
    "with": Word(
        "Constants for the scheduled script.",
        """\
run: ops/export_traces
with: {limit: 50}
schedule: {cron: "0 */2 * * * *", timezone: UTC}""",
    ),
    "on_failure": Word(
        "The script that runs when a step gives up; it is given the error and the pipeline when it"
        " asks for them.",
        "on_failure: {run: ops/report_failure}",
    ),
    "preprocessor": Word(
        "Makes the inputs of a webhook's, route's or mail's event; its script has"
        " preprocessor(event).",
        """\
preprocessor: {run: assist/read_event}
inputs:
  question: {type: string, description: "What is to be answered, in one sentence."}
steps:
  - id: answer
    summary: Answer the question
    run: assist/answer
    from: {question: flow_input.question}""",
    ),
    "early_return": Word(
        "The step whose result callers that wait are given, while the flow goes on.",
        """\
early_return: answer
steps:
  - id: answer
    summary: Answer the question
    run: assist/answer
    with: {question: "What does a sodium battery cost?"}
  - id: close
    summary: Close the run
    run: assist/close
    from: {run_id: results.answer.run_id}""",
    ),
    "chat": Word(
        "Started from Windmill's chat: needs the input user_message.",
        """\
chat: true
inputs:
  user_message: {type: string, description: "What you want to know, in one sentence."}
steps:
  - id: answer
    summary: Answer the message
    run: assist/chat
    from: {user_message: flow_input.user_message}""",
    ),
}

STEP = {
    "id": Word(
        "A word; the result is read as results.<id>.",
        "- {id: recall, summary: Look into memory, run: blocks/recall, with: {question: Quays}}",
    ),
    "summary": Word(
        "What the step does, in one line.",
        "- {id: overview, summary: Gather the overview, run: ops/overview}",
    ),
    "run": Word(
        "A step under f/millrace, such as research/open: the script that does it.",
        "- {id: settings, summary: Show the settings, run: ops/show_settings}",
    ),
    "from": Word(
        "What the script is given from elsewhere: its parameters, each with a path. A path begins"
        " with results, flow_input or flow_env.",
        """\
- id: open
  summary: Open the run
  run: research/open
  from: {pipeline: flow_env.pipeline}
- id: compose
  summary: Write the digests
  run: research/compose
  from: {run_id: results.open.run_id}""",
    ),
    "with": Word(
        "What the script is given as it stands: its parameters, each with a constant.",
        """\
- id: recall
  summary: Look into memory
  run: blocks/recall
  with: {question: "What does a sodium battery cost?", limit: 3}""",
    ),
    "for_each": Word(
        "Runs `steps` once for each item of a list; inside, the item is flow_input.iter.value and"
        " its number flow_input.iter.index.",
        """\
- id: open
  summary: Open the run
  run: research/open
- id: collect
  summary: Read sources
  for_each: results.open.sources
  steps:
    - id: read_source
      summary: Read one source
      run: research/read_source
      from: {run_id: results.open.run_id, source: flow_input.iter.value}""",
    ),
    "steps": Word(
        "The steps of a loop, a branch or a choice; from outside only the result of the whole is"
        " read.",
        """\
- id: both
  summary: Ask memory and health
  branches:
    - summary: Memory
      steps:
        - {id: recall, summary: Look into memory, run: blocks/recall, with: {question: Quays}}
    - summary: Health
      steps:
        - {id: health, summary: Check health, run: ops/check_health}""",
    ),
    "parallel": Word(
        "All items or branches at once; without it a loop takes one after the other.",
        """\
- id: open
  summary: Open the run
  run: research/open
- id: collect
  summary: Read sources
  for_each: results.open.sources
  parallel: true
  steps:
    - id: read_source
      summary: Read one source
      run: research/read_source
      from: {run_id: results.open.run_id, source: flow_input.iter.value}""",
    ),
    "branches": Word(
        "Lists of steps that all run, side by side unless `parallel: false`.",
        """\
- id: both
  summary: Ask memory and health
  branches:
    - [{id: recall, summary: Look into memory, run: blocks/recall, with: {question: Quays}}]
    - [{id: health, summary: Check health, run: ops/check_health}]""",
    ),
    "choose": Word(
        "Runs the steps of the first choice whose `when` is true.",
        """\
- id: answer
  summary: Answer the question
  run: assist/answer
  with: {question: "What does a sodium battery cost?"}
- id: reply
  summary: Mail the answer
  choose:
    - when: results.answer.replies
      summary: Somebody should get it by mail
      steps:
        - id: mail
          summary: Send or propose the mail
          run: blocks/send_mail
          from:
            to: results.answer.to
            subject: results.answer.mail_subject
            text: results.answer.mail_text""",
    ),
    "otherwise": Word(
        "The steps that run when no choice fits; without them nothing may read the result.",
        """\
- id: answer
  summary: Answer the question
  run: assist/answer
  with: {question: "What does a sodium battery cost?"}
- id: reply
  summary: Close or say that nobody is mailed
  choose:
    - when: not results.answer.replies
      steps: [{id: no_mail, summary: Nobody is to be mailed, run: assist/no_reply}]
  otherwise:
    - {id: close, summary: Close, run: assist/close, from: {run_id: results.answer.run_id}}""",
    ),
    "approval": Word(
        "Asks a person about one proposed action and waits; `when` says whether somebody has to be"
        " asked. results.<id>.approved is there either way.",
        """\
- id: propose
  summary: Propose the mail
  run: blocks/send_mail
  with: {to: [ada@example.org], subject: A brief, text: It is done.}
- id: approve
  summary: Ask a person
  approval:
    action: results.propose.action_id
    when: results.propose.needs_approval
    timeout: 24h
- id: send
  summary: Send what was approved
  run: blocks/send_if_approved
  from: {action_id: results.propose.action_id, already_sent: results.propose.mails}""",
    ),
    "depends_on": Word(
        "Steps beside it that must end first. As soon as one step has it, all steps of the list run"
        " as early as they can, independent ones side by side.",
        """\
- {id: health, summary: Check health, run: ops/check_health}
- {id: settings, summary: Show the settings, run: ops/show_settings}
- id: overview
  summary: Gather the overview
  run: ops/overview
  depends_on: [health, settings]""",
    ),
    "skip_if": Word(
        "Does not run when this is true; nothing may read the result then.",
        """\
- {id: scan, summary: Find new documents, run: ingest/scan}
- id: embed
  summary: Embed new passages
  run: ingest/embed
  from: {run_id: results.scan.run_id}
  skip_if: results.scan.finished""",
    ),
    "stop_if": Word(
        "Ends the whole run after this step when this part of its own result is true.",
        """\
- id: scan
  summary: Find new documents
  run: ingest/scan
  stop_if: results.scan.finished""",
    ),
    "keep_going": Word(
        'A failure becomes {"error": ...} and the flow goes on.',
        """\
- id: health
  summary: Check health
  run: ops/check_health
  keep_going: true
- {id: overview, summary: Gather the overview, run: ops/overview}""",
    ),
    "retry": Word(
        "More attempts after a failure, with a constant delay in seconds.",
        """\
- id: scan
  summary: Find new documents
  run: ingest/scan
  retry: {attempts: 2, seconds: 5}""",
    ),
    "timeout": Word(
        "The step is ended after so long: seconds, or text such as 90s, 5m or 2h.",
        """\
- id: health
  summary: Check health
  run: ops/check_health
  timeout: 5m""",
    ),
}

# Words inside of others, shown in their examples.
SCHEDULE = {
    "cron": "Six fields, seconds first: 0 0 8 * * *",
    "timezone": "A name such as Europe/London.",
    "enabled": "Whether it is switched on when it is first deployed; yes without it.",
    "misfire_grace": "How late a start may be, such as 12h.",
    "catch_up": "Whether a missed start is made up for.",
    "args": "Inputs of the flow that a scheduled start is given.",
}
BUDGET = {
    "run_usd": "The most that one run may spend.",
    "daily_usd": "The most that all runs of the flow may spend in a day (UTC).",
}
INPUT = {
    "type": "string, integer, number, boolean, array or object.",
    "title": "The label of the field, when the name alone does not do.",
    "description": "The help text of the form.",
    "placeholder": "What an empty field shows.",
    "default": "The value when nothing is given; without one the input must be given.",
    "enum": "The values that are allowed; the form shows a choice.",
    "minimum": "The lowest number.",
    "maximum": "The highest number.",
    "pattern": "A regular expression that a text must match.",
    "format": "A kind of text that the form knows, such as date-time or email.",
    "items": "What an array holds, as JSON Schema.",
    "showExpr": "When the form shows the field, as JavaScript.",
}
