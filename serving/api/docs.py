"""``/docs``: the OpenAPI document as one page to read, made here, so that it needs no other machine's files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Response

_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h2{margin-top:2.5rem;border-top:1px solid #ccd;padding-top:1.5rem}code,pre{font:14px/1.45 ui-monospace,monospace}
pre{background:#f4f5f8;padding:.8rem;overflow:auto;border-radius:6px;max-height:26rem}table{border-collapse:collapse}
td{padding:.15rem 1rem .15rem 0;vertical-align:top}.m{background:#1d5fd1;color:#fff;border-radius:4px;padding:0 .4rem}
@media(prefers-color-scheme:dark){body{color:#e4e6ea;background:#14171c}pre{background:#1f242c}h2{border-color:#333a45}}
"""


def router(describe: Callable[[], Mapping[str, Any]]) -> APIRouter:
    """Return the page's route; ``describe`` gives the OpenAPI document."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/docs")
    async def docs() -> Response:
        return Response(page(describe()), media_type="text/html; charset=utf-8", headers=_HEADERS)

    return routes


def page(document: Mapping[str, Any]) -> str:
    """Return an OpenAPI document as HTML."""
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}")
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>',
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style><h1>{title}</h1>',
        _paragraphs(info["description"]),
        '<p>For machines: <a href="/openapi.json">/openapi.json</a></p>',
    ]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts += _operation(method.upper(), path, operation)
    return "\n".join(parts)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f'<h2 id="{escape(operation["operationId"])}"><span class="m">{method}</span> <code>{escape(path)}</code></h2>'
    yield f"<p><b>{escape(operation['summary'])}</b></p>{_paragraphs(operation.get('description', ''))}"
    for name, media_type, example in _examples(operation.get("requestBody", {})):
        yield f"<h4>{escape(name)}</h4><pre>{escape(_curl(path, media_type, example))}</pre>"
    for name, _, example in _examples(operation["responses"]["200"]):
        yield f"<h4>Answer: {escape(name)}</h4><pre>{escape(_pretty(example))}</pre>"
    rows = (
        f"<tr><td>{escape(status)}</td><td>{escape(response['description'])}</td></tr>"
        for status, response in operation["responses"].items()
    )
    yield f"<table>{''.join(rows)}</table>"


def _examples(holder: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for media_type, content in holder.get("content", {}).items():
        for example in content.get("examples", {}).values():
            yield example["summary"], media_type, example["value"]


def _curl(path: str, media_type: str, example: object) -> str:
    body = example if isinstance(example, str) else _pretty(example)
    quoted = body.replace("'", "'\\''")
    return f"curl http://127.0.0.1:8000{path} -H 'Content-Type: {media_type}' --data-binary '\n{quoted}'"


def _pretty(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def _paragraphs(text: str) -> str:
    return "".join(_block(block) for block in text.replace("`", "").split("\n\n") if block.strip())


def _block(block: str) -> str:
    """Return one paragraph, or a list where every line is an item."""
    lines = block.strip().split("\n- ")
    if not lines[0].startswith("- "):
        return f"<p>{escape(block)}</p>"
    items = (f"<li>{escape(line.removeprefix('- '))}</li>" for line in lines)
    return f"<ul>{''.join(items)}</ul>"
