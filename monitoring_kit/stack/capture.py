"""Capture endpoints for the demo: they speak SMTP, Slack's incoming webhook, PagerDuty's Events API v2 and Alertmanager's
webhook, answer as the real services do, and keep what they were sent."""

from __future__ import annotations

import email
import email.policy
import json
import socketserver
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from monitoring_kit.stack.loopback import LoopbackServer

MAX_MESSAGE = 4 << 20


@dataclass(frozen=True, slots=True)
class Message:
    """A captured notification: ``at`` is Unix time; ``channel`` is email or the first part of the URL's path."""

    channel: str
    at: float
    subject: str
    text: str
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def resolved(self) -> bool:
        """True when the message tells that an alert has ended."""
        if self.channel == "pagerduty":
            return self.data.get("event_action") == "resolve"
        if self.channel == "webhook":
            return self.data.get("status") == "resolved"
        return "resolved" in self.subject.lower()


class Capture:
    """All endpoints at once on free loopback ports. Use as a context manager."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.arrived = threading.Condition()
        self._smtp = _Smtp(("127.0.0.1", 0), _SmtpSession)
        self._http = _Http(("127.0.0.1", 0), _HttpSession)
        self._smtp.capture = self._http.capture = self

    @property
    def smarthost(self) -> str:
        return f"127.0.0.1:{self._smtp.server_address[1]}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Capture:
        for server in (self._smtp, self._http):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self._smtp, self._http):
            server.shutdown()
            server.server_close()

    def add(self, message: Message) -> None:
        with self.arrived:
            self.messages.append(message)
            self.arrived.notify_all()

    def wait(self, wanted: Callable[[Message], bool], timeout: float) -> Message | None:
        """The first message for which the predicate ``wanted`` holds; None after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        with self.arrived:
            while True:
                for message in self.messages:
                    if wanted(message):
                        return message
                left = deadline - time.monotonic()
                if left <= 0 or not self.arrived.wait(left):
                    return next((m for m in self.messages if wanted(m)), None)


class _Smtp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    capture: Capture


class _SmtpSession(socketserver.StreamRequestHandler):
    """Just enough of RFC 5321 for Alertmanager's e-mail integration."""

    server: _Smtp
    timeout = 60

    def handle(self) -> None:
        self._say("220 capture ESMTP")
        while line := self.rfile.readline(4096):
            verb = line.split(b" ")[0].strip().upper()
            if verb == b"EHLO":
                self._say("250-capture", "250 8BITMIME")
            elif verb in (b"HELO", b"MAIL", b"RCPT", b"RSET", b"NOOP"):
                self._say("250 ok")
            elif verb == b"DATA":
                self._say("354 go on")
                self._message()
                self._say("250 taken")
            elif verb == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("502 not here")

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    def _message(self) -> None:
        lines, size = [], 0
        while (line := self.rfile.readline(65_536)) and line not in (b".\r\n", b".\n"):
            size += len(line)
            if size <= MAX_MESSAGE:
                lines.append(line[1:] if line.startswith(b"..") else line)
        message = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        part = message.get_body(("plain", "html"))
        text = part.get_content() if part is not None else ""
        found = {"to": str(message.get("To", "")), "from": str(message.get("From", ""))}
        self.server.capture.add(Message("email", time.time(), str(message.get("Subject", "")), text, found))


class _Http(LoopbackServer):
    capture: Capture


class _HttpSession(BaseHTTPRequestHandler):
    server: _Http

    def do_POST(self) -> None:
        length = min(int(self.headers.get("Content-Length") or 0), MAX_MESSAGE)
        body = self.rfile.read(length)
        try:
            data = json.loads(body)
        except ValueError:
            self._answer(400, b"invalid_payload")
            return
        channel = self.path.strip("/").split("/")[0]
        if channel == "pagerduty":
            payload = data.get("payload") or {}
            message = Message(
                channel,
                time.time(),
                str(payload.get("summary", "")),
                json.dumps(payload.get("custom_details", {})),
                data,
            )
            answer = {"status": "success", "message": "Event processed", "dedup_key": data.get("dedup_key", "")}
            status, reply = 202, json.dumps(answer).encode()
        else:
            attachment = (data.get("attachments") or [{}])[0]
            message = Message(
                channel, time.time(), str(attachment.get("title", "")), str(attachment.get("text", "")), data
            )
            status, reply = 200, b"ok"
        self.server.capture.add(message)
        self._answer(status, reply)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Messages are kept, not logged."""
