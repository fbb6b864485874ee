"""The scripted provider of the agents' tests serves those of the models, too."""

from tests.agents.conftest import edge, in_step  # noqa: F401
