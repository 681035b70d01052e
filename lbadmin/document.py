"""What all parts of the documents are made of."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lbadmin.errors import RefusedError
from lbadmin.sentences import faults_of

Flag = Annotated[bool, Field(strict=True)]


class Document(BaseModel):
    """What all parts of a document share: immutable, and unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


T = TypeVar("T", bound=Document)


def parse_as(model: type[T], document: object) -> T:
    """Return the raw document as the model; raises RefusedError with a sentence per fault."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise RefusedError(faults_of(error.errors(), document)) from None
