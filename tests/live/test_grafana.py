"""The dashboards are what the Grafana of docker-compose.yml takes, by its own types."""

import json
from pathlib import Path

from scripts.observability.generated import FOLDER
from scripts.observability.gobuild import NoProgram
from scripts.observability.grafana import mistakes
from scripts.paths import ROOT
from tests.live.conftest import missing

DASHBOARDS = ROOT / FOLDER / "grafana/dashboards"


def found(folder: Path) -> list[str]:
    """The mistakes, or a skip where npm is missing."""
    try:
        return mistakes(folder)
    except NoProgram as error:
        missing(str(error))
        raise


def test_every_dashboard_has_the_shape_that_the_pinned_grafana_takes(tmp_path: Path) -> None:
    assert found(DASHBOARDS) == []

    board = json.loads((DASHBOARDS / "overview.json").read_text())
    board["panels"][0]["gridPos"]["w"] = "wide"
    (tmp_path / "broken.json").write_text(json.dumps(board))
    assert len(found(tmp_path)) == 1
