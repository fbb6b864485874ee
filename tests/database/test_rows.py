"""The types of rows come from the migrations, and no step loads them."""

from scripts.compiler import imports
from scripts.compiler.sources import bundle
from scripts.database import rows
from scripts.paths import ROOT


def test_the_types_are_those_of_a_database_with_all_migrations(database):
    assert (ROOT / rows.TARGET).read_text() == rows.generated(rows.columns(database))


def test_a_new_migration_makes_the_types_stale(tmp_path):
    folder = tmp_path / rows.MIGRATIONS
    folder.mkdir(parents=True)
    for path in (ROOT / rows.MIGRATIONS).glob("*.sql"):
        (folder / path.name).write_bytes(path.read_bytes())
    target = tmp_path / rows.TARGET
    target.parent.mkdir(parents=True)
    target.write_text((ROOT / rows.TARGET).read_text())
    assert rows.check(tmp_path) == []

    (folder / "9999_more.sql").write_text("CREATE TABLE more (id text);\n")

    assert rows.check(tmp_path) == [
        f"{rows.TARGET} differs from {rows.MIGRATIONS}; run scripts/millrace metadata write"
    ]


def test_columns_become_types():
    columns = [
        {
            "table": "tea_pot",
            "name": "made_at",
            "kind": "timestamptz",
            "nullable": True,
            "allowed": None,
            "made_of": None,
        },
        {
            "table": "tea_pot",
            "name": "tags",
            "kind": "_text",
            "nullable": False,
            "allowed": None,
            "made_of": None,
        },
        {
            "table": "tea_pot",
            "name": "state",
            "kind": "text",
            "nullable": False,
            "made_of": None,
            "allowed": "CHECK ((state = ANY (ARRAY['hot'::text, 'cold'::text])))",
        },
        {
            "table": "tea_pot",
            "name": "about",
            "kind": "jsonb",
            "nullable": False,
            "allowed": None,
            "made_of": "'{}'::jsonb",
        },
    ]

    text = rows.generated(columns)

    assert "class TeaPot(TypedDict):" in text
    assert "    made_at: datetime | None\n" in text
    assert "    about: dict[str, Any]\n" in text
    assert "    tags: list[str]\n" in text
    assert '    state: Literal["hot", "cold"]\n' in text


def test_no_step_loads_the_types():
    files = bundle(ROOT)

    loaded = {
        module.dotted
        for step in files.steps()
        for module in imports.closure(files, step, lambda item: not item.typing_only)
    }

    assert loaded
    assert not loaded & set(imports.TYPES_ONLY)


def test_an_import_of_the_types_at_run_time_is_a_mistake(tmp_path):
    for name, text in {
        "core/rows.py": "",
        "core/one.py": "from f.millrace.core import rows\n",
        "core/two.py": "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n"
        "    from f.millrace.core import rows\n",
    }.items():
        path = tmp_path / "f/millrace" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    found = imports.check(bundle(tmp_path), tmp_path)

    assert [(one.file, one.line) for one in found] == [("f/millrace/core/one.py", 1)]
