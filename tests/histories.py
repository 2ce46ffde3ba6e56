"""Requests for the tests of the request shapers: hypothesis strategies, recorded requests, and what AWS refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from hypothesis import strategies as st

from bedrock_converse.types import (
    AudioBlock,
    CachePointBlock,
    ConverseRequest,
    DocumentBlock,
    GuardrailConverseTextBlock,
    ImageBlock,
    JsonBlock,
    Message,
    ReasoningTextBlock,
    RedactedReasoning,
    SystemTool,
    ToolConfiguration,
    ToolResultBlock,
    ToolSpecification,
    ToolUseBlock,
    UnknownBlock,
    VideoBlock,
)

WIRE = Path(__file__).resolve().parents[2] / "shared" / "wire"


def built(cls: type[Any], **members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Instances of a model; `st.builds` would try to guess the members that are not given."""
    return st.fixed_dictionaries(members).map(lambda given: cls(**given))


MODELS = st.sampled_from(
    [
        "us.anthropic.claude-sonnet-4-6",
        "anthropic.claude-3-7-sonnet-20250219-v1:0",
        "us.amazon.nova-lite-v1:0",
        "us.meta.llama3-3-70b-instruct-v1:0",
        "mistral.mistral-large-2407-v1:0",
        "us.writer.palmyra-x5-v1:0",
        "nvidia.nemotron-nano-9b-v2",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
    ]
)
TEXTS = st.sampled_from(["hello", "", " ", "\n", "And then?"])
IDS = st.sampled_from(["call-1", "call-2", "call 3", "", "c" * 70])
NAMES = st.sampled_from(["weather", "my.tool", "", "t" * 70, "Wetter-Übersicht"])
POINTS = built(CachePointBlock, ttl=st.sampled_from([None, "5m", "1h"]))
UNKNOWN = st.sampled_from([UnknownBlock("hologram", {"a": 1}), UnknownBlock(("reasoningContent", "summary"), "s")])
IMAGES = st.just(ImageBlock(format="png", source=b"png"))
DOCUMENTS = built(
    DocumentBlock, name=st.sampled_from(["report", "Report", "a.pdf", "", "x" * 250, "a  b"]), source=st.just("text")
)
VIDEOS = st.just(VideoBlock(format="mp4", source=b"mp4"))
RESULT_CONTENT = st.one_of(
    TEXTS, IMAGES, DOCUMENTS, st.just(JsonBlock({"a": 1})), UNKNOWN, st.just(UnknownBlock("cachePoint", {}))
)
RESULTS = built(
    ToolResultBlock,
    tool_use_id=IDS,
    content=st.lists(RESULT_CONTENT, max_size=2),
    status=st.sampled_from([None, "success", "error"]),
)
CALLS = built(
    ToolUseBlock,
    tool_use_id=IDS,
    name=NAMES,
    input=st.just({"a": 1}),
    type=st.sampled_from([None, "tool_use", "server_tool_use"]),
)
REASONING = st.one_of(
    built(ReasoningTextBlock, text=st.just("hm"), signature=st.sampled_from([None, "", "signed"])),
    st.just(RedactedReasoning(b"\xff\x00")),
)
BLOCKS = st.one_of(
    TEXTS,
    IMAGES,
    DOCUMENTS,
    VIDEOS,
    st.just(AudioBlock(format="mp3", source=b"mp3")),
    CALLS,
    RESULTS,
    REASONING,
    POINTS,
    UNKNOWN,
    st.just(GuardrailConverseTextBlock(text="guard")),
)
MESSAGES = built(
    Message, role=st.sampled_from(["user", "user", "assistant", "system"]), content=st.lists(BLOCKS, max_size=6)
)
SPECIFICATIONS = built(ToolSpecification, name=NAMES, input_schema=st.just({"type": "object"}))
TOOLS = st.one_of(SPECIFICATIONS, POINTS, st.just(SystemTool(name="nova_grounding")), UNKNOWN)
REQUESTS = built(
    ConverseRequest,
    model_id=MODELS,
    messages=st.one_of(st.none(), st.lists(MESSAGES, max_size=7)),
    system=st.one_of(st.none(), st.lists(st.one_of(TEXTS, POINTS, UNKNOWN), max_size=3)),
    tool_config=st.one_of(st.none(), built(ToolConfiguration, tools=st.lists(TOOLS, max_size=4))),
)


def wire(request: ConverseRequest) -> Any:
    """The request as the JSON that goes out."""
    return json.loads(request.model_dump_json(by_alias=True, exclude_none=True))


def recorded(*, status: int) -> list[Any]:
    """Recorded Converse requests that AWS answered with this status, each a (name, request) pair."""
    pairs: list[Any] = []
    for path in sorted(WIRE.glob("*.json")):
        recording = json.loads(path.read_text())
        if recording["operation"] in ("Converse", "ConverseStream") and recording["response"]["status"] == status:
            model_id = unquote(recording["request"]["uri"].split("/model/")[1].split("/")[0])
            request = ConverseRequest.model_validate_json(
                json.dumps(recording["request"]["body"] | {"modelId": model_id})
            )
            pairs.append((path.stem, request))
    return pairs
