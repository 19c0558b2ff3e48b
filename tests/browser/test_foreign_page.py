"""A page of somebody else, in Chromium: a client secret lets it in, and nothing else does."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
from playwright.sync_api import Browser

CONNECT = """
  ({ url, key }) => new Promise((resolve) => {
    const socket = new WebSocket(url, ["realtime", `openai-insecure-api-key.${key}`]);
    socket.onmessage = ({ data }) => { resolve(JSON.parse(data)); socket.close(); };
    socket.onclose = () => resolve({ type: "closed" });
  })
"""


class BlankPage(BaseHTTPRequestHandler):
    """Answers with an empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def elsewhere() -> Iterator[str]:
    """Serve a page of another origin until the block ends."""
    with HTTPServer(("127.0.0.1", 0), BlankPage) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            serving.join()


def test_only_a_client_secret_lets_a_foreign_page_in(
    address: str, browser_with: Callable[..., Browser]
) -> None:
    session = {"type": "realtime", "instructions": "Speak like a pirate."}
    made = httpx.post(f"{address}/v1/realtime/client_secrets", json={"session": session})
    url = f"{address.replace('http', 'ws', 1)}/v1/realtime"
    with elsewhere() as origin, browser_with().new_page() as page:
        page.goto(origin)
        first = page.evaluate(CONNECT, {"url": url, "key": made.json()["value"]})
        assert first["type"] == "session.created"
        assert first["session"]["instructions"] == "Speak like a pirate."
        for key in ("any", "ek_unknown"):
            assert page.evaluate(CONNECT, {"url": url, "key": key}) == {"type": "closed"}
