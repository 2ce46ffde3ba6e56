"""An answer as a value of your own type, checked by pydantic; a wrong answer goes back to the model once."""

import asyncio

from _local import MODEL, bedrock_client
from pydantic import BaseModel, Field

from bedrock_converse.output import OutputInvalid, parse


class City(BaseModel):
    """A city and how many people live in it."""

    name: str
    people: int = Field(ge=0, description="Within the city limits.")


async def main() -> None:
    async with bedrock_client() as bedrock:
        try:
            parsed = await parse(bedrock, MODEL, "The largest city of Norway?", City, max_tokens=200)
        except OutputInvalid as error:
            print("no city:", error.raw, error.errors)
        else:
            print(repr(parsed.value), parsed.mode, parsed.usage.total_tokens)


asyncio.run(main())
