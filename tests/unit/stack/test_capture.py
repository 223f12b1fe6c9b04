"""The capture endpoints answer as the real services do and keep every word."""

from __future__ import annotations

import smtplib
import socket
import struct
import time
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
import requests

from monitoring_kit.stack.capture import Capture


def test_smtp() -> None:
    with Capture() as capture:
        host, port = capture.smarthost.split(":")
        message = EmailMessage()
        message["Subject"], message["To"], message["From"] = "[CRITICAL] Müller", "a@b.c", "d@e.f"
        message.set_content("line one\n.hidden dot\n..two dots\n")
        message.add_alternative("<p>html</p>", subtype="html")
        with smtplib.SMTP(host, int(port), timeout=5) as client:
            client.send_message(message)
        found = capture.wait(lambda m: m.channel == "email", 5)
        assert found is not None
        assert found.subject == "[CRITICAL] Müller"
        assert found.text.splitlines() == ["line one", ".hidden dot", "..two dots"]
        assert found.data["to"] == "a@b.c"
        assert not found.resolved


def test_slack_and_pagerduty() -> None:
    with Capture() as capture:
        answer = requests.post(f"{capture.url}/slack", json={"attachments": [{"title": "[RESOLVED] x"}]}, timeout=5)
        assert (answer.status_code, answer.text) == (200, "ok")
        event = {"routing_key": "k", "event_action": "resolve", "dedup_key": "d", "payload": {"summary": "s"}}
        answer = requests.post(f"{capture.url}/pagerduty", json=event, timeout=5)
        assert (answer.status_code, answer.json()["dedup_key"]) == (202, "d")
        assert [(m.channel, m.resolved) for m in capture.messages] == [("slack", True), ("pagerduty", True)]


def test_what_is_no_json_is_refused_and_nothing_is_waited_for_in_vain() -> None:
    with Capture() as capture:
        assert requests.post(f"{capture.url}/slack", data=b"{", timeout=5).status_code == 400
        assert capture.wait(lambda m: True, 0.2) is None


def test_a_client_that_resets_its_connection_is_no_error(capfd: pytest.CaptureFixture[str]) -> None:
    with Capture() as capture:
        port = urlsplit(capture.url).port
        with socket.create_connection(("127.0.0.1", port)) as client:
            # Closed with a reset instead of an end, as a server that is stopped does to its idle connections.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(b"POST /slack HTTP/1.1\r\nContent-Length: 100\r\n\r\n")
            time.sleep(0.2)  # until the answering thread waits for the body
        time.sleep(0.3)
    assert "Traceback" not in "".join(capfd.readouterr())
