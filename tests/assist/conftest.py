"""The sample edition's server stands for the world; the model is the offline one."""

from tests.blocks.conftest import world

__all__ = ["world"]
