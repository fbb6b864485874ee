# requirements:

"""A text that is masked wherever it is shown: a password or a key among the settings."""

from typing import Any

MASKED = "**********"


class Secret:
    """A text that is masked wherever it is shown."""

    def __init__(self, value: str = "") -> None:
        self._value = value

    def get_secret_value(self) -> str:
        """Return the text itself."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"

    def __str__(self) -> str:
        return MASKED if self._value else ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __len__(self) -> int:
        return len(self._value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """A text in, masked when it is written as JSON."""
        from pydantic_core import core_schema  # nothing more to load: pydantic has

        return core_schema.no_info_before_validator_function(
            lambda value: value.get_secret_value() if isinstance(value, Secret) else value,
            core_schema.no_info_after_validator_function(Secret, core_schema.str_schema()),
            serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json"),
            metadata={
                "pydantic_js_updates": {"format": "password", "writeOnly": True, "type": "string"}
            },
        )
