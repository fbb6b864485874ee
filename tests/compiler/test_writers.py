"""Each table has one module that writes it, and the check tells when a second one does."""

from pathlib import Path

from scripts.compiler import writers
from scripts.compiler.sources import bundle
from scripts.paths import ROOT

CREATE = "CREATE TABLE pot (id text);\nCREATE TABLE lid (id text);\n"


def tree(root: Path, files: dict[str, str]) -> Path:
    migrations = root / writers.MIGRATIONS
    migrations.mkdir(parents=True)
    (migrations / "0001_core.sql").write_text(CREATE)
    (root / "scripts").mkdir()
    for name, text in files.items():
        path = root / "f/millrace" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def mistakes(root: Path) -> list[str]:
    return [f"{one.file}:{one.line}" for one in writers.check(bundle(root), root)]


def test_each_table_of_the_bundle_has_one_writer():
    assert writers.check(bundle(ROOT), ROOT) == []


def test_the_rows_of_runs_belong_to_one_module():
    owners = writers.owners(bundle(ROOT), ROOT)

    assert {owners[table] for table in ("run", "attempt", "step")} == {"telemetry.runs"}
    assert owners["action"] == owners["approval"] == "trust.actions"


def test_two_modules_that_write_a_table_are_both_told(tmp_path):
    root = tree(
        tmp_path,
        {
            "a/one.py": 'x = "INSERT INTO pot (id) VALUES (1)"\ny = "UPDATE lid SET id = 1"\n',
            "b/two.py": 'x = (\n    "DELETE "\n    "FROM pot"\n)\n',
        },
    )

    assert mistakes(root) == ["f/millrace/a/one.py:1", "f/millrace/b/two.py:2"]


def test_a_write_inside_a_longer_statement_counts(tmp_path):
    one = 'x = "WITH a AS (UPDATE pot SET id = 1 RETURNING id) SELECT id FROM a"\n'
    two = 'n = "id"\nx = "INSERT INTO " + f"pot ({n}) VALUES (1)"\n'

    assert len(mistakes(tree(tmp_path, {"a/one.py": one, "b/two.py": two}))) == 2


def test_a_table_that_is_named_at_run_time_is_refused(tmp_path):
    root = tree(tmp_path, {"a/one.py": 't = "pot"\nx = f"DELETE FROM {t} WHERE id = 1"\n'})

    assert mistakes(root) == ["f/millrace/a/one.py:2"]


def test_reading_is_free_to_all(tmp_path):
    files = {"a/one.py": 'x = "INSERT INTO pot"\n', "b/two.py": 'x = "SELECT id FROM pot"\n'}

    assert mistakes(tree(tmp_path, files)) == []


def test_each_exception_still_writes_across():
    """An exception whose module is gone, or writes only its own, would let a second writer by."""
    files = bundle(ROOT)
    names = {writers._place(module): module for module in files.modules.values()}

    assert all(list(writers.writes(names[name])) for name in writers.ACROSS)
