"""What all parts of the documents are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Flag = Annotated[bool, Field(strict=True)]


class Document(BaseModel):
    """What all parts of a document share: immutable, and unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
