"""The server that the conformance suite asks for: its fixed tools, resources and prompts over the
bundle's serving code.

    python -m tests.serving.everything     # prints the address it serves at

Names, texts and schemas are the suite's.
"""

import asyncio
import base64
import json
import re
import warnings
from typing import Any

import mcp
from mcp import types
from mcp.shared.message import ServerMessageMetadata

from scripts.serving.served import Asked, Served, paged
from scripts.serving.transports import PATH, listen, over_http

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
# A wave file without a single sample.
WAV = base64.b64encode(
    b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0"
).decode()
PAUSE = 0.05
OBJECT = {"type": "object", "properties": {}}
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def text(words: str) -> types.TextContent:
    """Return a text as a part of an answer."""
    return types.TextContent(text=words)


IMAGE = types.ImageContent(data=PNG, mime_type="image/png")


def embedded(uri: str, kind: str, words: str) -> types.EmbeddedResource:
    """Return a resource as a part of an answer."""
    return types.EmbeddedResource(
        resource=types.TextResourceContents(uri=uri, mime_type=kind, text=words)
    )


def answer(*parts: Any) -> types.CallToolResult:
    """Return the parts as the answer of a tool."""
    return types.CallToolResult(content=list(parts))


FIXED = {
    "test_simple_text": [text("This is a simple text response for testing.")],
    "test_image_content": [IMAGE],
    "test_audio_content": [types.AudioContent(data=WAV, mime_type="audio/wav")],
    "test_embedded_resource": [
        embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    ],
    "test_multiple_content_types": [
        text("Multiple content types test:"),
        IMAGE,
        embedded(
            "test://mixed-content-resource",
            "application/json",
            json.dumps({"test": "data", "value": 123}),
        ),
    ],
}


async def log(asked: Asked) -> types.CallToolResult:
    """Say three things while at work."""
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await asked.session.send_log_message("info", words, related_request_id=asked.request_id)
        await asyncio.sleep(PAUSE)
    return answer(text("Logged."))


async def progress(asked: Asked) -> types.CallToolResult:
    """Tell how far the work is."""
    for done in (0, 50, 100):
        await asked.session.report_progress(done, 100)
        await asyncio.sleep(PAUSE)
    return answer(text("Done."))


async def fail(asked: Asked) -> types.CallToolResult:
    """Fail, as asked for."""
    return types.CallToolResult(
        content=[text("This tool intentionally returns an error for testing")], is_error=True
    )


async def sample(asked: Asked, prompt: str) -> types.CallToolResult:
    """Have the client's model say something."""
    said = await asked.session.create_message(
        [types.SamplingMessage(role="user", content=text(prompt))],
        max_tokens=100,
        related_request_id=asked.request_id,
    )
    return answer(text(f"LLM response: {getattr(said.content, 'text', '')}"))


async def ask(
    asked: Asked, words: str, properties: dict[str, Any], **more: Any
) -> types.ElicitResult:
    """Ask the client's person."""
    params = types.ElicitRequestFormParams(
        message=words, requested_schema={**OBJECT, "properties": properties, **more}
    )
    return await asked.session.send_request(
        types.ElicitRequest(params=params),
        types.ElicitResult,
        metadata=ServerMessageMetadata(related_request_id=asked.request_id),
    )


async def elicit(asked: Asked, message: str) -> types.CallToolResult:
    """Ask for a name and an address."""
    fields = {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    }
    given = await ask(asked, message, fields, required=list(fields))
    return answer(
        text(f"User response: action={given.action}, content={json.dumps(given.content)}")
    )


DEFAULTS = {
    "name": {"type": "string", "description": "User name", "default": "John Doe"},
    "age": {"type": "integer", "description": "User age", "default": 30},
    "score": {"type": "number", "description": "User score", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "description": "Verified", "default": True},
}
OPTIONS = ["option1", "option2", "option3"]


def titled(noun: str) -> list[dict[str, str]]:
    """Return three values with their titles."""
    return [
        {"const": f"value{n}", "title": f"{word} {noun}"}
        for n, word in enumerate(("First", "Second", "Third"), 1)
    ]


ENUMS = {
    "untitledSingle": {"type": "string", "enum": OPTIONS},
    "titledSingle": {"type": "string", "oneOf": titled("Option")},
    "legacyEnum": {
        "type": "string",
        "enum": ["opt1", "opt2", "opt3"],
        "enumNames": ["Option One", "Option Two", "Option Three"],
    },
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": OPTIONS}},
    "titledMulti": {"type": "array", "items": {"anyOf": titled("Choice")}},
}


def elicited(fields: dict[str, Any]) -> Any:
    """Return a tool that asks for the fields."""

    async def tool(asked: Asked) -> types.CallToolResult:
        given = await ask(asked, "Please answer", fields, required=[])
        return answer(
            text(
                f"Elicitation completed: action={given.action}, content={json.dumps(given.content)}"
            )
        )

    return tool


async def reconnect(asked: Asked) -> types.CallToolResult:
    """Cut the stream, then answer to who comes back for it."""
    if asked.close_sse_stream:
        await asked.close_sse_stream()
    await asyncio.sleep(2 * PAUSE)
    return answer(text("Here after the cut."))


def fixed(parts: list[Any]) -> Any:
    """Return a tool that always answers the same."""

    async def tool(asked: Asked) -> types.CallToolResult:
        return answer(*parts)

    return tool


TOOLS: dict[str, Any] = {
    **{name: fixed(parts) for name, parts in FIXED.items()},
    "test_tool_with_logging": log,
    "test_tool_with_progress": progress,
    "test_error_handling": fail,
    "test_sampling": sample,
    "test_elicitation": elicit,
    "test_elicitation_sep1034_defaults": elicited(DEFAULTS),
    "test_elicitation_sep1330_enums": elicited(ENUMS),
    "test_reconnection": reconnect,
    "json_schema_2020_12_tool": fixed([text("Taken.")]),
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "test_sampling": {
        **OBJECT,
        "properties": {"prompt": {"type": "string"}},
        "required": ["prompt"],
    },
    "test_elicitation": {
        **OBJECT,
        "properties": {"message": {"type": "string"}},
        "required": ["message"],
    },
    "json_schema_2020_12_tool": {
        "$schema": DRAFT,
        "type": "object",
        "$defs": {
            "address": {
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
            },
        },
        "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
        "additionalProperties": False,
    },
}


async def list_tools(asked: Asked) -> list[types.Tool]:
    """Return the tools of the suite."""
    return [
        types.Tool(name=name, description=f"Does {name}.", input_schema=SCHEMAS.get(name, OBJECT))
        for name in TOOLS
    ]


async def call_tool(asked: Asked, name: str, arguments: dict[str, Any]) -> types.CallToolResult:
    """Call one of them."""
    if name not in TOOLS:
        raise mcp.MCPError(types.INVALID_PARAMS, f"there is no tool {name}")
    try:
        return await TOOLS[name](asked, **arguments)
    except mcp.MCPError as error:
        return types.CallToolResult(content=[text(str(error))], is_error=True)


RESOURCES = {
    "test://static-text": ("text/plain", "This is the content of the static text resource."),
    "test://static-binary": ("image/png", b""),
    "test://watched-resource": ("text/plain", "Watched."),
}
TEMPLATE = "test://template/{id}/data"


async def list_resources(
    asked: Asked, params: types.PaginatedRequestParams
) -> types.ListResourcesResult:
    listed = [
        types.Resource(uri=uri, name=uri, description="Of the suite.", mime_type=kind)
        for uri, (kind, _) in RESOURCES.items()
    ]
    page, cursor = paged(listed, params, 2, key=lambda resource: str(resource.uri))
    return types.ListResourcesResult(resources=page, next_cursor=cursor)


async def list_templates(
    asked: Asked, params: types.PaginatedRequestParams
) -> types.ListResourceTemplatesResult:
    template = types.ResourceTemplate(
        uri_template=TEMPLATE, name="template", description="Of the suite."
    )
    return types.ListResourceTemplatesResult(resource_templates=[template])


async def read_resource(
    asked: Asked, params: types.ReadResourceRequestParams
) -> types.ReadResourceResult:
    uri = str(params.uri)
    if found := re.fullmatch(r"test://template/([^/]+)/data", uri):
        data = {"id": found[1], "templateTest": True, "data": f"Data for ID: {found[1]}"}
        contents: Any = types.TextResourceContents(
            uri=uri, mime_type="application/json", text=json.dumps(data)
        )
    elif uri not in RESOURCES:
        raise mcp.MCPError(types.INVALID_PARAMS, f"there is no resource {uri}")
    else:
        kind, content = RESOURCES[uri]
        if isinstance(content, bytes):
            contents = types.BlobResourceContents(uri=uri, mime_type=kind, blob=PNG)
        else:
            contents = types.TextResourceContents(uri=uri, mime_type=kind, text=content)
    return types.ReadResourceResult(contents=[contents])


def argument(name: str) -> types.PromptArgument:
    return types.PromptArgument(name=name, description=f"The {name}.", required=True)


PROMPTS = {
    "test_simple_prompt": [],
    "test_prompt_with_arguments": [argument("arg1"), argument("arg2")],
    "test_prompt_with_embedded_resource": [argument("resourceUri")],
    "test_prompt_with_image": [],
}


async def list_prompts(
    asked: Asked, params: types.PaginatedRequestParams
) -> types.ListPromptsResult:
    listed = [
        types.Prompt(name=name, description="Of the suite.", arguments=arguments)
        for name, arguments in PROMPTS.items()
    ]
    page, cursor = paged(listed, params, 3, key=lambda prompt: prompt.name)
    return types.ListPromptsResult(prompts=page, next_cursor=cursor)


async def get_prompt(asked: Asked, params: types.GetPromptRequestParams) -> types.GetPromptResult:
    given = params.arguments or {}
    said: dict[str, list[Any]] = {
        "test_simple_prompt": [text("This is a simple prompt for testing.")],
        "test_prompt_with_arguments": [
            text(f"Prompt with arguments: arg1='{given.get('arg1')}', arg2='{given.get('arg2')}'")
        ],
        "test_prompt_with_embedded_resource": [
            embedded(
                given.get("resourceUri", "test://none"),
                "text/plain",
                "Embedded resource content for testing.",
            ),
            text("Please process the embedded resource above."),
        ],
        "test_prompt_with_image": [IMAGE, text("Please analyze the image above.")],
    }
    if params.name not in said:
        raise mcp.MCPError(types.INVALID_PARAMS, f"there is no prompt {params.name}")
    return types.GetPromptResult(
        messages=[types.PromptMessage(role="user", content=part) for part in said[params.name]]
    )


async def complete(asked: Asked, params: types.CompleteRequestParams) -> types.CompleteResult:
    values = [word for word in ("paris", "park", "party") if word.startswith(params.argument.value)]
    return types.CompleteResult(
        completion=types.Completion(values=values, total=len(values), has_more=False)
    )


async def nothing(asked: Asked, params: Any) -> types.EmptyResult:
    return types.EmptyResult()


def server() -> Served:
    """Return the server; its pages are short, so that every client has to turn them."""
    made = Served("conformance", list_tools, call_tool, page=5, version="1")
    for method, kind, handler in (
        ("resources/list", types.PaginatedRequestParams, list_resources),
        ("resources/templates/list", types.PaginatedRequestParams, list_templates),
        ("resources/read", types.ReadResourceRequestParams, read_resource),
        ("resources/subscribe", types.SubscribeRequestParams, nothing),
        ("resources/unsubscribe", types.UnsubscribeRequestParams, nothing),
        ("prompts/list", types.PaginatedRequestParams, list_prompts),
        ("prompts/get", types.GetPromptRequestParams, get_prompt),
        ("completion/complete", types.CompleteRequestParams, complete),
        ("logging/setLevel", types.SetLevelRequestParams, nothing),
    ):
        made.add_request_handler(method, kind, handler)
    return made


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    listening = listen("127.0.0.1", 0)
    print(f"http://127.0.0.1:{listening.getsockname()[1]}{PATH}", flush=True)
    asyncio.run(over_http(server(), listening, token=""))
