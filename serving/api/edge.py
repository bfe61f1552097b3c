"""The outermost ring: request id, host, size and time of the body, metrics, and errors that nobody foresaw."""

from __future__ import annotations

import asyncio
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.problems import respond
from serving.errors import BodyTooLarge, BodyTooSlow, ForeignHost
from serving.settings import is_loopback
from serving.telemetry import REQUEST_ID, Metrics, request_id


class Edge:
    """ASGI middleware. What passes has its whole body in memory, within the limits.

    Args:
        app: what is inside.
        metrics: where requests are counted.
        body_limit_bytes: larger bodies are refused, and not read to their end.
        body_timeout_seconds: slower bodies are refused.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, body_limit_bytes: int, body_timeout_seconds: float) -> None:
        self._app = app
        self._metrics = metrics
        self._body_limit_bytes = body_limit_bytes
        self._body_timeout_seconds = body_timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; whatever happens, it is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = Headers(scope=scope)
        REQUEST_ID.set(request_id(headers.get("x-request-id")))
        answer = _Answer(send)
        try:
            _require_own_host(headers)
            body = await self._read(headers, receive)
            await self._app(scope, _replay(body, receive), answer)
        except Exception as error:
            if answer.status:  # half an answer can't be taken back
                raise
            await respond(error)(scope, receive, answer)
        finally:
            self._count(scope, answer.status, time.perf_counter() - started)

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        announced = headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._body_limit_bytes:
            raise self._too_large(f"{announced} bytes announced")
        body = bytearray()
        try:
            async with asyncio.timeout(self._body_timeout_seconds):
                while (message := await receive())["type"] == "http.request":
                    body += message.get("body", b"")
                    if len(body) > self._body_limit_bytes:
                        raise self._too_large(f"{len(body)} bytes and more to come")
                    if not message.get("more_body", False):
                        break
        except TimeoutError as error:
            message_ = f"{len(body)} bytes arrived in {self._body_timeout_seconds} s; send the body faster"
            raise BodyTooSlow(message_) from error
        return bytes(body)

    def _too_large(self, found: str) -> BodyTooLarge:
        return BodyTooLarge(f"found {found}; expected at most {self._body_limit_bytes}; send less at once")

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.requests.labels(route, scope["method"], str(status or "gone")).inc()
        self._metrics.request_seconds.labels(route).observe(seconds)


class _Answer:
    """Passes an answer on, adds the request id, remembers the status (0 before it began)."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = REQUEST_ID.get() or ""
            headers["X-Content-Type-Options"] = "nosniff"
        await self._send(message)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives the body once and then waits for the caller to leave."""
    waiting = [body]

    async def replayed() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replayed


def _require_own_host(headers: Headers) -> None:
    """Refuse host names that aren't this machine's: a web page can point its own name at 127.0.0.1 (DNS rebinding)."""
    host = headers.get("host")
    if host is None:
        return
    name = host[1 : host.find("]")] if host.startswith("[") else host.partition(":")[0]
    if name.lower() != "localhost" and not is_loopback(name):
        message = (
            f"found the host {name[:60]!r}; expected localhost or 127.0.0.1: the service answers this machine only"
        )
        raise ForeignHost(message)
