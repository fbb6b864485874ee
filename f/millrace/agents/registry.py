# requirements:

"""The agents that people make: rows with versions, seen by every process at once.

An agent is its maker's; others see and use it when it is shared. A change makes a version, which is
never changed again, so that a run can say which one it used. One that is switched off stays, with
its runs. Who wrote the version in force has to be there still, with the role that its tools need.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from uuid import UUID

from f.millrace.agents import definition
from f.millrace.core import config, db, errors, run_context
from f.millrace.trust import audit, authority, people

if TYPE_CHECKING:
    from datetime import datetime
    from typing import TypedDict

    from f.millrace.core import rows

    class FoundAgent(TypedDict):
        """An agent with its version in force and how its runs went."""

        name: str
        version: int
        made_by: str
        made_at: datetime
        off_at: datetime | None
        off_by: str | None
        definition: dict[str, Any]
        changed_by: str
        changed_at: datetime
        runs: int
        running: int
        waiting: int
        done: int
        ended: int
        last_at: datetime | None

    class RunOfAgent(rows.Run):
        """A run, and which version of the agent it used."""

        used: int


State = Literal["idle", "running", "waiting", "off"]
Outcome = Literal["done", "stopped", "failed"]
# What asks one of them, whoever starts it.
FLOW = "ask_agent"
# A use that never said how it ended counts as failed once its run is over.
FOUND = """
SELECT a.name, a.version, a.made_by, a.made_at, a.off_at, a.off_by, v.definition, v.changed_by,
    v.changed_at, used.runs, used.running, used.waiting, used.done, used.ended, used.last_at
FROM agent a JOIN agent_version v ON v.agent = a.name AND v.version = a.version
CROSS JOIN LATERAL (
    SELECT count(*) AS runs, max(u.started_at) AS last_at,
        count(*) FILTER (WHERE u.finished_at IS NULL AND r.status = 'running') AS running,
        count(*) FILTER (WHERE r.status = 'waiting') AS waiting,
        count(*) FILTER (WHERE u.outcome = 'done') AS done,
        count(*) FILTER (WHERE u.finished_at IS NOT NULL
            OR r.status NOT IN ('running', 'waiting')) AS ended
    FROM agent_run u JOIN run r ON r.id = u.run_id WHERE u.agent = a.name
) used
WHERE (%(all)s OR a.made_by = %(person)s OR v.definition ->> 'shared' = 'true')
    AND (%(name)s = '' OR a.name = %(name)s) AND (%(off)s OR a.off_at IS NULL)
ORDER BY a.name
"""

# A person's own runs of an agent, and for owners all.
RUNS = """
SELECT r.*, u.version AS used FROM run r JOIN agent_run u ON u.run_id = r.id
WHERE u.agent = %s AND (%s OR r.user_id = %s) ORDER BY u.started_at DESC, r.id LIMIT %s OFFSET %s
"""


class Person(NamedTuple):
    """Who makes, changes or uses agents, and with which role."""

    id: str
    role: people.Role


@dataclass(frozen=True)
class Agent:
    """An agent as it stands: its version in force, and how its runs went.

    Attributes:
        made_by: Whose it is.
        changed_by: Who wrote the version in force.
        runs: How many runs used it, in whatever version.
        success_rate: Of those that have ended, the part that ended well, 0 to 1; None before.
    """

    name: str
    version: int
    definition: definition.Definition
    made_by: str
    made_at: datetime
    changed_by: str
    changed_at: datetime
    state: State = "idle"
    off_by: str = ""
    runs: int = 0
    last_run_at: datetime | None = None
    success_rate: float | None = None


def create(given: Any, person: Person) -> Agent:
    """Make an agent of a person's.

    Raises:
        BadInput: Something of it cannot be, see `definition`.
        Conflict: There is an agent of this name, perhaps one that this person may not see.
        NotAllowed: It may more than this person may give it.
    """
    authority.refuse_agents("make agents")
    _refuse_readers(person)
    wanted = definition.parse(given)
    definition.check(wanted, person.role)
    now = run_context.now()
    with db.transaction():
        made = db.execute(
            "INSERT INTO agent (name, version, made_by, made_at) VALUES (%s, 1, %s, %s) ON CONFLICT"
            " DO NOTHING",
            [wanted.name, person.id, now],
        )
        if not made:
            raise errors.Conflict(_taken(wanted.name, person))
        _add_version(wanted, 1, person.id, now)
        audit.append(person.id, "agent.created", wanted.name, version=1, digest=wanted.digest)
    return find(wanted.name, person)


def change(name: str, given: Any, person: Person) -> Agent:
    """Change some parts of an agent, which makes its next version, or switch it on again
    (`enabled`). What is given names the version that it changes.

    Raises:
        NotFound: There is none of this name that the person may see.
        Conflict: Somebody else has changed it since that version.
        BadInput, NotAllowed: As for `create`; only its maker and owners may change it.
    """
    authority.refuse_agents("change agents")
    _refuse_readers(person)
    if not isinstance(given, dict):
        raise errors.BadInput("a change is an object with version and the parts that change")
    parts = dict(given)
    version, enabled = parts.pop("version", None), parts.pop("enabled", None)
    if type(version) is not int:
        raise errors.BadInput("version is missing: the number of the version that you change")
    if enabled not in (None, True):
        raise errors.BadInput("enabled can be true; an agent is switched off by DELETE")
    with db.transaction():
        db.fetch_one("SELECT 1 FROM agent WHERE name = %s FOR UPDATE", [name])
        before = _find_own(name, person)
        _refuse_stale(before, version)
        wanted = _merge(before, parts)
        definition.check(wanted, person.role)
        _keep_change(before, wanted, person)
        if enabled and before.state == "off":
            db.execute("UPDATE agent SET off_at = NULL, off_by = NULL WHERE name = %s", [name])
            audit.append(person.id, "agent.on", name)
    return find(name, person)


def _keep_change(before: Agent, wanted: definition.Definition, person: Person) -> None:
    # Whoever switches on an agent answers for it, so that is a version of theirs.
    if wanted == before.definition and (before.state != "off" or before.changed_by == person.id):
        return
    version = before.version + 1
    _add_version(wanted, version, person.id, run_context.now())
    db.execute("UPDATE agent SET version = %s WHERE name = %s", [version, before.name])
    audit.append(person.id, "agent.changed", before.name, version=version, digest=wanted.digest)


def switch_off(name: str, person: Person) -> Agent:
    """Switch an agent off: no run begins with it any more, those that go on end. Its versions and
    runs stay; it may be off already.

    Raises:
        NotFound: There is none of this name that the person may see.
        NotAllowed: It is another's, and this person is no owner.
    """
    authority.refuse_agents("switch agents off")
    _refuse_readers(person)
    with db.transaction():
        _find_own(name, person)
        ended = db.execute(
            "UPDATE agent SET off_at = %s, off_by = %s WHERE name = %s AND off_at IS NULL",
            [run_context.now(), person.id, name],
        )
        if ended:
            audit.append(person.id, "agent.off", name)
    return find(name, person)


def find(name: str, person: Person) -> Agent:
    """Return an agent that a person may see, also one that is switched off; NotFound for any
    other.
    """
    found = _load(person, name=name, off=True)
    if not found:
        raise errors.NotFound(_missing(name, person))
    return found[0]


def find_ready(name: str, person: Person) -> Agent:
    """Return an agent that a person may use now.

    Raises:
        NotFound: There is none of this name that they may see.
        NotAllowed: It is switched off, or who wrote it is gone or may no longer give it its tools.
    """
    found = find(name, person)
    if found.state == "off":
        raise errors.NotAllowed(
            f"the agent {name} was switched off by {found.off_by}; who made it, or an owner, can"
            " switch it on again on the page System"
        )
    _refuse_orphan(found)
    return found


def list_agents(person: Person, *, off: bool = False) -> list[Agent]:
    """Return the agents that a person may see, by name; with `off` those that are switched off,
    too.
    """
    return _load(person, off=off)


def load_version(name: str, version: int, person: Person) -> Agent:
    """Return an agent as it was in one of its versions; NotFound when there is none that this
    person may see.
    """
    now = find(name, person)
    row: rows.AgentVersion | None = db.fetch_one(
        "SELECT * FROM agent_version WHERE agent = %s AND version = %s", [name, version]
    )
    if row is None:
        raise errors.NotFound(f"the agent {name} has no version {version}; it is at {now.version}")
    return Agent(
        name,
        version,
        definition.restore(row["definition"]),
        now.made_by,
        now.made_at,
        row["changed_by"],
        row["changed_at"],
        now.state,
        now.off_by,
        now.runs,
        now.last_run_at,
        now.success_rate,
    )


def list_versions(name: str, person: Person) -> list[rows.AgentVersion]:
    """Return the versions of an agent that a person may see, the newest first."""
    find(name, person)
    found: list[rows.AgentVersion] = db.fetch_all(
        "SELECT * FROM agent_version WHERE agent = %s ORDER BY version DESC", [name]
    )
    return found


def load_for_run(name: str, version: int, run_id: str) -> Agent:
    """Return the agent that a run uses, in the version that it was started with; 0 is the one in
    force. A run that began before the agent was switched off goes on with it.
    """
    person = user()
    if not version:
        return find_ready(name, person)
    found = load_version(name, version, person)
    if found.state == "off":
        began = db.fetch_one(
            "SELECT 1 FROM run r JOIN agent a ON a.name = %s WHERE r.id = %s AND r.started_at <"
            " a.off_at",
            [name, run_id],
        )
        if began is None:
            return find_ready(name, person)
    _refuse_orphan(found)
    return found


def user() -> Person:
    """Return whom the running code works for; the user of the settings may see all."""
    known = people.find(run_context.user_id())
    if known is not None:
        return Person(known["id"], known["role"])
    is_ours = run_context.user_id() == config.settings().user
    return Person(run_context.user_id(), "owner" if is_ours else "reader")


def describe(found: Agent) -> dict[str, Any]:
    """Return an agent as JSON has it: its definition, its version, and how its runs went."""
    return {
        **found.definition.model_dump(mode="json"),
        "version": found.version,
        "state": found.state,
        "made_by": found.made_by,
        "made_at": found.made_at.isoformat(),
        "changed_by": found.changed_by,
        "changed_at": found.changed_at.isoformat(),
        "runs": found.runs,
        "last_run_at": found.last_run_at.isoformat() if found.last_run_at else None,
        "success_rate": found.success_rate,
    }


def begin_use(run_id: str, step: str, found: Agent) -> None:
    """Record that a run uses an agent in this version; a repeated step counts once."""
    db.execute(
        "INSERT INTO agent_run (run_id, step, agent, version, started_at) VALUES (%s, %s, %s, %s,"
        " %s) ON CONFLICT (run_id, step, agent) DO UPDATE SET version = excluded.version,"
        " finished_at = NULL, outcome = NULL",
        [run_id, step, found.name, found.version, run_context.now()],
    )


def end_use(run_id: str, step: str, name: str, outcome: Outcome) -> None:
    """Record how the use of an agent ended."""
    db.execute(
        "UPDATE agent_run SET finished_at = %s, outcome = %s WHERE run_id = %s AND step = %s AND"
        " agent = %s",
        [run_context.now(), outcome, run_id, step, name],
    )


def list_uses(run_id: UUID | str) -> list[rows.AgentRun]:
    """Return which agents a run has used, in which versions."""
    found: list[rows.AgentRun] = db.fetch_all(
        "SELECT * FROM agent_run WHERE run_id = %s ORDER BY started_at, agent", [run_id]
    )
    return found


def list_runs(name: str, person: Person, limit: int, offset: int = 0) -> list[RunOfAgent]:
    """Return a person's own runs of an agent, for owners all, the newest first: rows of `run`, each
    with the version that it `used`.
    """
    find(name, person)
    found: list[RunOfAgent] = db.fetch_all(
        RUNS, [name, person.role == "owner", person.id, limit, offset]
    )
    return found


def _load(person: Person, *, name: str = "", off: bool = False) -> list[Agent]:
    found: list[FoundAgent] = db.fetch_all(
        FOUND,
        {"all": person.role == "owner", "person": person.id, "name": name, "off": off},
    )
    return [_to_agent(row) for row in found]


def _to_agent(row: FoundAgent) -> Agent:
    state: State = "running" if row["running"] else "waiting" if row["waiting"] else "idle"
    return Agent(
        row["name"],
        row["version"],
        definition.restore(row["definition"]),
        row["made_by"],
        row["made_at"],
        row["changed_by"],
        row["changed_at"],
        "off" if row["off_at"] else state,
        row["off_by"] or "",
        row["runs"],
        row["last_at"],
        row["done"] / row["ended"] if row["ended"] else None,
    )


def _add_version(wanted: definition.Definition, version: int, person_id: str, at: datetime) -> None:
    db.execute(
        "INSERT INTO agent_version (agent, version, definition, digest, changed_by, changed_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [
            wanted.name,
            version,
            db.jsonb(wanted.model_dump(mode="json")),
            wanted.digest,
            person_id,
            at,
        ],
    )


def _merge(before: Agent, parts: dict[str, Any]) -> definition.Definition:
    if parts.get("name", before.name) != before.name:
        raise errors.BadInput(
            "name stays as it is: runs are logged under it; make another agent for another name"
        )
    stored = before.definition.model_dump(mode="json")
    if isinstance(parts.get("limits"), dict):
        parts = {**parts, "limits": {**stored["limits"], **parts["limits"]}}
    return definition.parse({**stored, **parts})


def _find_own(name: str, person: Person) -> Agent:
    found = find(name, person)
    if found.made_by != person.id and person.role != "owner":
        raise errors.NotAllowed(
            f"the agent {name} is {found.made_by}'s; they or an owner can change it. Make one of"
            " your own for something else"
        )
    return found


def _refuse_stale(before: Agent, version: int) -> None:
    if version != before.version:
        raise errors.Conflict(
            f"the agent {before.name} is at version {before.version}, by {before.changed_by} at"
            f" {before.changed_at:%Y-%m-%d %H:%M:%S} UTC; you changed version {version}. Read it"
            " again and make your change there"
        )


def _refuse_readers(person: Person) -> None:
    if not people.has_role(person.role, "member"):
        raise errors.NotAllowed(
            f"agents are made and changed by members; you are {person.role}. An owner changes roles"
            " on the page People"
        )


def _refuse_orphan(found: Agent) -> None:
    """Refuse an agent whose author is gone, or may no longer give it what it has."""
    author = people.find(found.changed_by)
    if author is None:
        raise errors.NotAllowed(
            f"the agent {found.name} was last written by {found.changed_by}, who is no longer"
            " there; its next version, by somebody who may, makes it work again"
        )
    try:
        definition.check(found.definition, author["role"])
    except errors.MillraceError as error:
        raise errors.NotAllowed(
            f"the agent {found.name} cannot be used as {found.changed_by} wrote it: {error}"
        ) from error


def _taken(name: str, person: Person) -> str:
    shown = _load(person, name=name, off=True)
    if not shown:
        return f"the name {name} is taken by somebody else's agent; take another"
    if shown[0].state == "off":
        return f"the agent {name} is switched off; a change of it, enabled, switches it on again"
    return f"the agent {name} is there already; change it, or take another name"


def _missing(name: str, person: Person) -> str:
    known = ", ".join(one.name for one in _load(person)[:20])
    there = f"there are {known}" if known else "none was made yet"
    return f"there is no agent {name[:60]!r} of yours or shared with you; {there}"
