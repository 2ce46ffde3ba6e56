"""Show the model a picture and a document: from files, bytes, uploads or S3. Files are read off the event loop."""

import asyncio
import base64

from _local import MODEL, bedrock_client

from bedrock_converse import user
from bedrock_converse.media import document, image

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


async def main() -> None:
    picture = await image(base64.b64decode(PIXEL))  # or image("chart.png"), image("s3://bucket/chart.png")
    report = await document(b"quarter,sales\n1,100\n2,140\n", name="Sales", format="csv")
    async with bedrock_client() as bedrock:
        history = [user("Does the chart show what the table says?", picture, report)]
        reply = await bedrock.converse(MODEL, history, max_tokens=50)
        print(reply.text)
    print(picture, report)  # a repr is short, whatever the size


asyncio.run(main())
