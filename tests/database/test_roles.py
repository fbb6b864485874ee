"""Two roles: the owner makes tables, steps change rows; on one machine and on a server."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import pytest

from f.millrace.core import config, db
from f.millrace.trust import audit
from scripts.commands.__main__ import main
from scripts.database import embedded
from scripts.database.ready import ready
from scripts.deployment import bootstrap
from scripts.runner.openflow import load_openflow

OWNER = "postgresql://boss:secret-word@db.example:5432/x"


def test_the_embedded_database_gives_steps_a_role_of_fewer_rights(tmp_path, monkeypatch):
    tmp_path.chmod(0o755)
    for folder in list(tmp_path.parents)[:3]:
        folder.chmod(0o755)
    server = embedded.Embedded(tmp_path / "postgres", durable=False)
    monkeypatch.setattr(embedded, "default", lambda: server)
    try:
        url = ready()
        audit.append("eva", "test.done", "thing")
        ran = db.fetch_one("SELECT current_user AS name")

        assert (
            ran == {"name": embedded.STEPS_ROLE}
            and url == os.environ["MILLRACE_DATABASE_URL"] == server.steps_url()
        )
        assert "MILLRACE_OWNER_URL" not in os.environ and ready() == url
        for sql in (
            "UPDATE audit SET actor = 'x'",
            "DROP TABLE run",
            "DROP TABLE checkpoint.checkpoints",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(sql)
    finally:
        db.close()
        server.stop()


@pytest.mark.long
def test_a_flow_runs_under_the_role_of_fewer_rights(database):
    from scripts.runner.run import start

    outcome = start(
        load_openflow("do_task"), "do_task", {"task": "Count to three."}, database_url=database
    )

    # The offline model calls no tools, so the task is not done; every step of the flow ran.
    assert outcome.status == "partly_failed" and db.fetch_one(
        "SELECT current_user <> 'millrace' AS lesser"
    ) == {"lesser": True}


def test_an_owner_makes_what_a_migration_on_windmill_left_out(
    database, owner, postgres_server, monkeypatch
):
    place = postgres_server.rsplit("/", 1)[0] + "/" + database.rsplit("/", 1)[1]
    for (name,) in owner.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'checkpoint'"
    ).fetchall():
        owner.execute(f"DROP TABLE checkpoint.{name}")
    monkeypatch.setenv("MILLRACE_OWNER_URL", place)
    config.reload()

    assert main(["db", "migrate"]) == 0

    assert db.fetch_all("SELECT 1 FROM checkpoint.checkpoint_writes") == []


def test_a_step_is_not_told_the_owners_address(database, tmp_path, monkeypatch):
    from scripts.runner.run import start

    monkeypatch.setenv("MILLRACE_OWNER_URL", OWNER)
    (tmp_path / "f/t").mkdir(parents=True)
    (tmp_path / "f/t/tell.py").write_text(
        "import os\n\ndef main():\n    return sorted(name for name in os.environ if 'URL' in"
        " name)\n"
    )
    step = {"id": "tell", "value": {"type": "script", "path": "f/t/tell", "input_transforms": {}}}

    told = start(
        {"summary": "x", "value": {"modules": [step]}},
        "t",
        {},
        root=tmp_path,
        database_url=database,
    ).result

    assert "MILLRACE_DATABASE_URL" in told and "MILLRACE_OWNER_URL" not in told


class Workspace:
    """A server that knows nothing yet and keeps what it is given."""

    def __init__(self):
        self.made = {}

    def get(self, path):
        return False

    def post(self, path, body):
        self.made[body.get("path") or body["name"]] = body


def test_a_deploy_keeps_the_owners_address_out_of_the_settings_of_steps(monkeypatch):
    monkeypatch.setenv("MILLRACE_OWNER_URL", OWNER)
    monkeypatch.setenv("MILLRACE_DATABASE_URL", OWNER.replace("boss", "steps"))
    config.reload()
    workspace = Workspace()

    bootstrap.run(workspace)

    assert (
        workspace.made[db.OWNER_VARIABLE]["value"] == OWNER
        and workspace.made[db.OWNER_VARIABLE]["is_secret"]
    )
    assert (
        "owner_url" not in workspace.made[bootstrap.RESOURCE]["value"]
        and "database_url" in workspace.made[bootstrap.RESOURCE]["value"]
    )


def test_on_a_worker_only_who_migrates_asks_for_the_owners_address(monkeypatch):
    asked = []

    class Windmill(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = json.dumps(OWNER if "variables" in self.path else {}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Windmill)
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    ).start()
    monkeypatch.setenv("BASE_INTERNAL_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("WM_TOKEN", "t")
    monkeypatch.setenv("WM_WORKSPACE", "w")
    monkeypatch.setenv("MILLRACE_DATABASE_URL", OWNER.replace("boss", "steps"))
    config.reload()
    try:
        assert "boss" not in db.database_url() and not [
            path for path in asked if "variables" in path
        ]
        assert db.owner_url() == OWNER and asked[-1].endswith(
            "/variables/get_value/f/millrace/owner_url"
        )
    finally:
        server.shutdown()
        server.server_close()


def test_the_owner_loses_no_right_when_steps_run_as_the_owner(owner, postgres_server):
    address = f"postgresql://{owner.info.user}:{owner.info.password}@db.example/x"
    rights = "SELECT relacl::text FROM pg_class WHERE relname = 'audit'"
    before = owner.execute(rights).fetchone()

    with db.open_connection(owner.info.dsn + f" password={owner.info.password}") as connection:
        db.grant_role(connection, address)
        db.grant_role(connection, "postgresql:///x")

    assert owner.execute(rights).fetchone() == before
