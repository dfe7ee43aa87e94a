"""A web server on loopback that sends one folder's files, with ranges, and misbehaves on request."""

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PIECE = 1 << 13  # bytes sent at once by a slow server


class Server:
    """What is served, how it fails, and what was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cut: dict[str, list[int]] = {}  # name -> bytes sent of each next answer before the connection drops
        self.ranges = True
        self.pause = 0.0  # seconds between two pieces of a file
        self.script: dict[str, list] = {}  # name -> what is done with each next request in place of an answer
        self.busy = 0  # number of next answers that are 503
        self.version = "1"  # of every file, as its ETag tells
        self.requests: list[tuple[str, str | None]] = []
        self.url = ""

    def asked(self, name: str) -> list[str | None]:
        """The Range of each request for a file."""
        return [wanted for path, wanted in self.requests if path == name]


class Handler(BaseHTTPRequestHandler):
    """Answers one client; `server.state` says how."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def handle(self):
        with contextlib.suppress(ConnectionError):  # of a client that was killed
            super().handle()

    def do_GET(self):
        state, name = self.server.state, self.path.lstrip("/")
        state.requests.append((name, self.headers.get("Range")))
        if state.script.get(name):
            state.script[name].pop(0)(self)
        elif state.busy:
            state.busy -= 1
            self.send_error(503)
        elif not (state.folder / name).is_file():
            self.send_error(404)
        else:
            self.send_file(state, name, (state.folder / name).read_bytes())

    def send_file(self, state, name, content):
        start, tag, wanted = 0, f'"{state.version}"', self.headers.get("Range")
        if wanted and state.ranges and self.headers.get("If-Range", tag) == tag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            past = start >= len(content)
            self.send_response(416 if past else 206)
            span = "*" if past else f"{start}-{len(content) - 1}"
            self.send_header("Content-Range", f"bytes {span}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(content[start:])))
        self.end_headers()
        cuts = state.cut.get(name)
        if cuts:
            self.wfile.write(content[start : start + cuts.pop(0)])
            self.close_connection = True
        else:
            self.send(state, content[start:])

    def send(self, state, content):
        size = PIECE if state.pause else max(len(content), 1)
        for k in range(0, len(content), size):
            self.wfile.write(content[k : k + size])
            time.sleep(state.pause)


@contextlib.contextmanager
def serve(folder: Path):
    """A server for the time of a test."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.state = state = Server(folder)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def serving(folder: Path, name: str, content: bytes):
    """Serve a new folder that holds one file."""
    folder.mkdir()
    (folder / name).write_bytes(content)
    with serve(folder) as state:
        yield state
