# requirements:

"""What can be set for one source: declared in its own file as a class of `Options`, and set under
its name in the setting `source_options`.
"""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from f.millrace.core import config, errors


class Options(BaseModel):
    """What can be set for one source; each field has a default and a description."""

    model_config = ConfigDict(extra="forbid")


Chosen = TypeVar("Chosen", bound=Options)


def options_of(name: str, kind: type[Chosen]) -> Chosen:
    """Return what is set for a source; BadSetting names every mistake at once."""
    try:
        return kind.model_validate(config.settings().source_options.get(name, {}))
    except ValidationError as error:
        raise errors.BadSetting(
            "\n".join(
                f"setting source_options.{name}.{'.'.join(str(part) for part in each['loc'])} is"
                f" {each['input']!r}: {each['msg']}; it has {', '.join(kind.model_fields)}"
                for each in error.errors()
            )
        ) from None
