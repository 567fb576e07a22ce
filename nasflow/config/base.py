"""What every section of the configuration has in common."""

from __future__ import annotations

from typing import Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """A part of the configuration: immutable, no unknown keys, the docstring of a field is its description."""

    bare: ClassVar[str | None] = None
    """The field that a bare text in place of the whole section stands for."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        validate_default=True,
        allow_inf_nan=False,
        strict=False,
    )

    @classmethod
    def set_elsewhere(cls, key: str) -> str:
        """Return what to do about a key that is no field here but well known elsewhere; an empty text for any other."""
        return ""

    @model_validator(mode="before")
    @classmethod
    def _bare_text(cls, value: Any) -> Any:
        return {cls.bare: value} if cls.bare is not None and isinstance(value, str) else value

    @field_validator("*", mode="before")
    @classmethod
    def _truth_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse `true` for a number, which pydantic would read as 1."""
        if isinstance(value, bool) and info.field_name is not None:
            wanted = cls.model_fields[info.field_name].annotation
            kinds = {wanted, *get_args(wanted)}
            if kinds & {int, float} and bool not in kinds:
                raise PydanticCustomError("number_type", "must be a number")
        return value


class Options(Section):
    """Base of the options that a strategy, family, task or source declares beside itself."""


class Named(Section):
    """A section that picks an implementation by name; in YAML its bare name is enough."""

    bare = "name"

    name: str
    """Name of the implementation, as an installed package provides it."""

    options: dict[str, Any] = {}
    """Options of that implementation; see its own documentation."""
