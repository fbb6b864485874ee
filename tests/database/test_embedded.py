"""The embedded Postgres starts from whatever state it is found in, and keeps what it has."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from f.millrace.core.errors import DatabaseUnavailable
from scripts.database import embedded, files, place, programs, server_process

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user run Postgres")


@pytest.fixture
def folder():
    """A folder that any user may enter."""
    with tempfile.TemporaryDirectory(prefix="millrace-test-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def stopped():
    """The folder of a cluster with one row in it, which is only copied."""
    with tempfile.TemporaryDirectory(prefix="millrace-test-") as name:
        os.chmod(name, 0o755)
        made = embedded.Embedded(Path(name, "postgres"))
        with psycopg.connect(made.start(), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS value")
        made.stop()
        yield made.home


@pytest.fixture
def server(folder, stopped):
    """A cluster with one row in it, running."""
    (folder / "Mühle 1").mkdir()
    subprocess.run(["cp", "-a", stopped, folder / "Mühle 1/postgres"], check=True)
    made = embedded.Embedded(folder / "Mühle 1/postgres")
    made.start()
    yield made
    made.stop()


def again(server: embedded.Embedded, home: Path | None = None) -> embedded.Embedded:
    """The same cluster as another process sees it."""
    return embedded.Embedded(home or server.home)


def value_in(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT value FROM kept").fetchone()
    assert row is not None
    return row[0]


def pid_of(server: embedded.Embedded) -> int:
    found = server_process.read(server.data)
    assert found is not None
    return found.pid


@pytest.mark.long
@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("content", [None, b"", b"postgresql://", b"\xff\xfe\x00"])
def test_a_lost_or_broken_address_is_made_anew_and_the_data_stay(server, capsys, running, content):
    if not running:
        server.stop()
    if content is None:
        server.url_file.unlink()
    else:
        server.url_file.write_bytes(content)

    url = again(server).start()

    assert value_in(url) == 42 and "its data are as they were" in capsys.readouterr().err
    assert server.url() == url and again(server).start() == url


@pytest.mark.long
def test_the_role_of_steps_gets_its_new_password_too(server):
    with psycopg.connect(server.url() or "", autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {embedded.STEPS_ROLE} LOGIN PASSWORD 'old'")  # type: ignore[arg-type]
    server.url_file.unlink()

    again(server).start()

    with psycopg.connect(server.steps_url() or "") as connection:
        assert connection.execute("SELECT current_user").fetchone() == (embedded.STEPS_ROLE,)


@pytest.mark.long
def test_an_address_with_a_port_of_old_is_corrected(server):
    url = server.url() or ""
    files.write(server.url_file, f"{url.rpartition(':')[0]}:1/postgres\n")

    assert value_in(again(server).start()) == 42 and server.url() == url


@pytest.mark.long
def test_a_number_that_another_process_has_now_is_not_taken_for_the_server(server):
    os.kill(pid_of(server), signal.SIGKILL)
    file, account = server.data / "postmaster.pid", server.account
    other = subprocess.Popen(
        ["sleep", "60"],
        user=account.uid if account else None,
        group=account.gid if account else None,
    )
    try:
        lines = file.read_text().splitlines()
        file.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
        found = again(server)

        assert not found.running() and not found.stop()
        assert value_in(found.start()) == 42 and found.running()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.long
def test_a_server_whose_folder_was_moved_is_started_where_it_is_now(server, folder):
    before = pid_of(server)
    (folder / "Mühle 1").rename(folder / "elsewhere")
    moved = again(server, folder / "elsewhere/postgres")

    assert value_in(moved.start()) == 42 and pid_of(moved) != before
    assert not server_process.command_line(before)
    moved.stop()


@pytest.mark.long
def test_a_server_whose_programs_are_gone_is_started_anew(folder, monkeypatch):
    copied = folder / "programs"
    plain = programs.open_to
    monkeypatch.setattr(programs.ServiceAccount, "reaches", lambda *_: False)
    account = programs.ServiceAccount("me", os.geteuid(), os.getegid())
    found = plain(account, programs.find(), folder)
    monkeypatch.undo()
    monkeypatch.setattr(programs, "open_to", lambda *_: found)
    server = embedded.Embedded(folder / "postgres", durable=False)
    server.start()
    before = pid_of(server)
    monkeypatch.undo()
    found.parents[2].rename(copied)

    url = again(server).start()

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DO $$BEGIN PERFORM 1; END$$")
    assert pid_of(server) != before
    server.stop()


@pytest.mark.long
def test_a_copy_gets_a_server_of_its_own_and_the_original_goes_on(server, folder):
    before = pid_of(server)
    copy = folder / "copy"
    subprocess.run(["cp", "-a", str(server.home), str(copy)], check=True)
    copied = again(server, copy)

    assert not copied.running()
    try:
        url = copied.start()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE kept SET value = 1")

        assert value_in(server.url() or "") == 42 and value_in(url) == 1
    finally:
        copied.stop()
    assert pid_of(server) == before and server.running()


def put_away(data: Path) -> None:
    data.rename(data.with_name("put away"))


def lead_to_nothing(data: Path) -> None:
    put_away(data)
    data.symlink_to("/nowhere/x")


@pytest.mark.long
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: (data / "PG_VERSION").rename(data / "gone"), "not a whole Postgres database"),
        (put_away, "are gone from"),
        (lead_to_nothing, "leads to /nowhere/x, which is not there"),
        (lambda data: (data / "PG_VERSION").write_text("9\n"), "made by Postgres 9"),
        (lambda data: (data / "global/pg_control").unlink(), "did not start: .*pg_control"),
    ],
)
def test_data_that_cannot_be_used_are_left_as_they_are(server, spoil, said):
    server.stop()
    spoil(server.data)
    before = sorted(server.home.rglob("*"))

    with pytest.raises(DatabaseUnavailable, match=said):
        again(server).start()

    assert set(before) <= set(server.home.rglob("*"))


def test_a_failed_making_leaves_nothing_and_says_why(folder, monkeypatch):
    made = embedded.Embedded(folder / "postgres", durable=False)
    monkeypatch.setattr(programs, "find", lambda _version="": folder / "bin")
    (folder / "bin").mkdir()
    (folder / "bin/initdb").write_text("#!/bin/sh\necho 'No space left on device' >&2; exit 1\n")
    (folder / "bin/initdb").chmod(0o755)

    with pytest.raises(DatabaseUnavailable, match=r"is full .* make room there"):
        made.start()

    assert [path.name for path in made.home.iterdir()] == ["lock"]


def test_what_is_kept_is_closed_to_others(server):
    for path, mode in [
        (server.data, 0o700),
        (server.url_file, 0o600),
        (server.home / "lock", 0o600),
        (server.data / "server.log", 0o600),
        (server.home, 0o710 if server.account else 0o700),
    ]:
        assert path.stat().st_mode & 0o777 == mode, path


@pytest.mark.long
def test_the_password_is_readable_for_nobody_else_while_the_cluster_is_made(folder, monkeypatch):
    made = embedded.Embedded(folder / "postgres", durable=False)
    seen = []
    plain = programs.run

    def run(command, account, text=""):
        if "--pwfile" in command:
            secret = Path(command[command.index("--pwfile") + 1])
            seen.append((secret, secret.stat().st_mode & 0o777, secret.stat().st_uid))
        return plain(command, account, text)

    monkeypatch.setattr(programs, "run", run)
    made.start()
    made.stop()

    owner = made.account.uid if made.account else os.geteuid()
    assert [(mode, uid) for _, mode, uid in seen] == [(0o600, owner)]
    assert not seen[0][0].exists()


@ROOT_ONLY
def test_programs_in_a_closed_folder_are_copied_whole_and_run(folder, monkeypatch):
    account = programs.choose_account(folder / "data")
    assert account is not None
    monkeypatch.setattr(programs.ServiceAccount, "reaches", lambda *_: False)

    copied = programs.open_to(account, programs.find(), folder)

    assert copied.is_relative_to(folder)
    for name in ("initdb", "postgres"):
        done = programs.run([str(copied / name), "--version"], account)
        assert (done.returncode, done.stderr) == (0, "") and "PostgreSQL" in done.stdout
    assert all(path.stat().st_uid == 0 for path in folder.rglob("*"))
    assert programs.open_to(account, programs.find(), folder) == copied


@pytest.fixture
def closed_state(folder):
    """The state of a checkout in a home that only root may enter."""
    state = folder / "root/.millrace"
    state.mkdir(parents=True)
    (folder / "root").chmod(0o700)
    return state


@ROOT_ONLY
def test_root_in_a_closed_home_keeps_its_data_where_only_root_can_put_them(
    folder, closed_state, monkeypatch
):
    monkeypatch.setattr(place, "ELSEWHERE", folder / "lib")

    home = place.locate_cluster(closed_state)

    assert home.parent == folder / "lib" and home.stat().st_uid == 0 and len(home.name) == 16
    assert (
        closed_state.stat().st_mode & 0o777 == 0o700 and place.locate_cluster(closed_state) == home
    )
    home.rmdir()
    with pytest.raises(DatabaseUnavailable, match="is gone or not root's own any more"):
        place.locate_cluster(closed_state)


@ROOT_ONLY
@pytest.mark.parametrize("kind", ["a folder", "a link"])
def test_a_folder_that_another_user_has_planted_is_not_used(
    folder, closed_state, monkeypatch, kind
):
    base, theirs = folder / "lib", folder / "theirs"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)
    theirs.rename(base) if kind == "a folder" else base.symlink_to(theirs)
    monkeypatch.setattr(place, "ELSEWHERE", base)
    monkeypatch.setattr(place, "EARLIER", folder)

    home = place.locate_cluster(closed_state)

    assert home.parent == folder and home.name.startswith("millrace-")
    assert list(base.iterdir()) == []


@ROOT_ONLY
def test_root_in_an_open_place_keeps_its_data_in_the_checkout(folder):
    state = folder / "checkout/.millrace"
    state.parent.mkdir()

    assert place.locate_cluster(state) == state / "postgres"
    assert state.stat().st_mode & 0o777 == 0o710


@pytest.mark.long
@ROOT_ONLY
def test_root_in_another_users_checkout_runs_postgres_as_that_user(folder):
    state = folder / "theirs/.millrace"
    state.mkdir(parents=True)
    for path in (state.parent, state):
        os.chown(path, 65534, 65534)
        path.chmod(0o700)
    made = embedded.Embedded(place.locate_cluster(state), durable=False)

    made.start()
    made.stop()

    assert {path.stat().st_uid for path in (made.home, made.data, made.url_file)} == {65534}


@pytest.mark.long
def test_the_end_of_a_command_says_that_the_database_keeps_running(folder):
    script = (
        "from scripts.database import embedded, ready\n"
        "from pathlib import Path\n"
        f"server = embedded.Embedded(Path({str(folder / 'postgres')!r}), durable=False)\n"
        "embedded.default = lambda: server\n"
        "ready.ready()\n"
    )

    told = [
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stderr
        for _ in range(2)
    ]

    assert "keeps running" in told[0] and "scripts/millrace db stop ends it" in told[0]
    assert told[1] == ""
    assert embedded.Embedded(folder / "postgres", durable=False).stop()


def test_the_programs_need_a_path_that_a_shell_takes(folder):
    with pytest.raises(DatabaseUnavailable, match="rename the folder"):
        programs.open_to(None, folder / 'a"b', folder)


def test_a_process_has_ended_when_it_is_gone_or_waits_for_its_parent_and_not_before():
    child = subprocess.Popen(["/bin/sh", "-c", "read _"], stdin=subprocess.PIPE)
    assert not server_process.has_ended(child.pid)

    child.stdin.close()
    deadline = time.monotonic() + 10
    while not server_process.has_ended(child.pid) and time.monotonic() < deadline:
        time.sleep(0.01)

    assert server_process.has_ended(child.pid)  # nobody has waited for it yet
    child.wait()
    assert server_process.has_ended(child.pid)
