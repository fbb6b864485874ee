"""What steps, agents and tools hand to each other."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Trust = Literal["own", "trusted", "untrusted"]


class Contract(BaseModel):
    """A model whose validator is built at its first use: a step imports many of them and uses few."""

    model_config = ConfigDict(defer_build=True)


class SourceItem(Contract):
    """One thing that a source offered."""

    source: str = Field(description="Name of the source, as in the setting `sources`.")
    key: str = Field(description="The source's own identity of the item.")
    url: str = Field(default="", description="Where it can be read; empty for a note.")
    title: str
    text: str = Field(default="", description="Summary or body as plain text.")
    author: str = ""
    published_at: datetime | None = None
    score: float = Field(default=0, description="The source's own score: points, favourites.")
    comments_url: str = ""
    trust: Trust = "untrusted"
    extra: dict[str, Any] = Field(default_factory=dict)
