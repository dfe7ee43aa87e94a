"""Servers that lie, change their minds, stall and lead astray: the right bytes, or one line, and an end."""

import contextlib
import gzip
import socket
import threading

import numpy as np
import pytest

from ash.acquire import download
from ash.acquire.download import ATTEMPTS, BLOCK, UnreachableError, checked, fetch
from ash.errors import AshError, ConfigError, DataError, redacted
from tests.conftest import ash, settle
from tests.support.server import serving

CONTENT = b"PK\x03\x04" + np.random.default_rng(0).bytes(300_000)


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path / "served", "a.zip", CONTENT) as state:
        yield state


def get(server, tmp_path, url=None):
    """The bytes that come."""
    return fetch(url or f"{server.url}/a.zip", tmp_path / "a.zip", None, lambda *_: None, wait=0.0).read_bytes()


def answer(status, headers, body):
    """What a server does with one request."""

    def act(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return act


def whole(**headers):
    return {"Content-Length": str(len(CONTENT)), **headers}


def rest(start, **headers):
    size = len(CONTENT)
    return {"Content-Length": str(size - start), "Content-Range": f"bytes {start}-{size - 1}/{size}", **headers}


PACKED = gzip.compress(CONTENT)
HALF = answer(200, whole(ETag='"1"'), CONTENT[:150_000])  # the connection drops in the middle
CASES = {
    "another start": [HALF, answer(206, rest(10), CONTENT[10:])],
    "no range said": [HALF, answer(206, {"Content-Length": "5"}, b"12345")],
    "another file's rest": [HALF, answer(206, rest(131_072, ETag='"2"'), bytes(len(CONTENT) - 131_072))],
    "another length in all": [HALF, answer(206, {**rest(131_072), "Content-Range": "bytes 131072-131076/131077"}, b"12345")],
    "packed rest": [HALF, answer(206, rest(131_072, **{"Content-Encoding": "gzip"}), PACKED[131_072:])],
    "a short rest": [HALF, answer(206, {"Content-Length": "5", "Content-Range": f"bytes 131072-131076/{len(CONTENT)}"},
                                  CONTENT[131_072:131_077])],
    "a range that nobody asked for": [answer(206, {"Content-Length": "100", "Content-Range": "bytes 0-99/100"}, CONTENT[:100])],
    "a range refused": [HALF, answer(416, {"Content-Range": "bytes */5", "Content-Length": "0"}, b"")],
    "packed": [answer(200, {"Content-Length": str(len(PACKED)), "Content-Encoding": "gzip"}, PACKED)],
    "packed and cut": [answer(200, {"Content-Length": str(len(PACKED)), "Content-Encoding": "gzip"}, PACKED[:100_000])],
    "too long a length": [answer(200, {"Content-Length": str(len(CONTENT) + 5), "ETag": '"1"'}, CONTENT)],
    "no length": [answer(200, {"ETag": '"1"'}, CONTENT)],
    "length that is none": [answer(200, {"Content-Length": "many"}, CONTENT)],
    "busy": [answer(503, {"Retry-After": "1", "Content-Length": "0"}, b""), answer(500, {"Content-Length": "0"}, b"")],
    "reset": [lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)],
    "no HTTP": [lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")],
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_right_bytes_in_the_end(server, tmp_path, name):
    """Whatever it did before, once it answers well the file is right, to the byte, and no part is mixed into it."""
    server.script["a.zip"] = list(CASES[name])
    assert get(server, tmp_path) == CONTENT
    assert [path.name for path in (tmp_path / ".fetch").iterdir()] == ["a.zip"]


@pytest.mark.parametrize(
    ("status", "headers"), [(403, {}), (404, {}), (204, {}), (304, {}), (300, {}), (302, {}), (501, {}), (200, {})]
)
def test_answers_that_are_no_file(server, tmp_path, status, headers):
    """One line at once; nothing is kept."""
    server.script["a.zip"] = [answer(status, {"Content-Length": "0"}, b"")] * ATTEMPTS
    with pytest.raises(DataError, match=r"a\.zip: (the server answers \d+|what the server sends is empty)") as error:
        get(server, tmp_path)
    assert "\n" not in str(error.value) and len(server.requests) == 1
    assert not list((tmp_path / ".fetch").iterdir())


def test_a_part_without_its_tag_starts_anew(server, tmp_path):
    """Nothing tells what file it is of."""
    (tmp_path / ".fetch").mkdir()
    for tag in (None, "", '"1"', "[1", '["x"]'):
        (tmp_path / ".fetch/a.zip.part").write_bytes(bytes(1000))
        if tag is not None:
            (tmp_path / ".fetch/a.zip.tag").write_text(tag)
        assert get(server, tmp_path) == CONTENT
        (tmp_path / ".fetch/a.zip").unlink()


def test_a_redirect_to_plain_http_is_not_followed():
    """Nobody on the way may change what https promised."""
    for target, safe in (("http://b/x", False), ("ftp://b/x", False), ("https://b/x", True), ("/x", True)):
        reply = type("Answer", (), {"url": "https://a/y", "is_redirect": True, "headers": {"Location": target}})
        if safe:
            download._stays_safe(reply)
        else:
            with pytest.raises(DataError, match=r"https://a/y: the server leads on to .*, which is not encrypted"):
                download._stays_safe(reply)


def test_redirects_are_held_and_loops_end(server, tmp_path):
    """One to the file is followed; one to itself is one line."""
    server.script["b.zip"] = [answer(302, {"Location": "/a.zip", "Content-Length": "0"}, b"")]
    assert get(server, tmp_path, f"{server.url}/b.zip") == CONTENT
    (tmp_path / ".fetch/a.zip").unlink()
    server.script["b.zip"] = [answer(302, {"Location": "/b.zip", "Content-Length": "0"}, b"")] * 40
    with pytest.raises(DataError, match=r"b\.zip: cannot be fetched \(Exceeded 30 redirects"):
        get(server, tmp_path, f"{server.url}/b.zip")
    server.script["b.zip"] = [answer(302, {"Location": "file:///etc/passwd", "Content-Length": "0"}, b"")]
    with pytest.raises(DataError, match=r"b\.zip: cannot be fetched \(No connection adapters"):
        get(server, tmp_path, f"{server.url}/b.zip")


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nPK\x03\x04"])
def test_a_server_that_stalls(tmp_path, monkeypatch, sent):
    """Before the first byte or after a few: an end, in one line that says how to go on."""
    monkeypatch.setattr(download, "TIMEOUT", 0.1)
    listener = socket.create_server(("127.0.0.1", 0))
    held = []

    def serve_silently():
        for _ in range(ATTEMPTS):
            connection, _ = listener.accept()
            connection.sendall(sent)
            held.append(connection)

    thread = threading.Thread(target=serve_silently)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/a.zip"
    with pytest.raises(
        UnreachableError, match=r"a\.zip: stopped after \d+ bytes .*timed out.*; run the same command again"
    ):
        get(None, tmp_path, url)
    thread.join()
    for connection in (*held, listener):
        connection.close()


def trickle(sent, stop):
    """A server that sends a byte now and then after what it sent at once, until it is stopped; gives its socket."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve_slowly():
        connection, _ = listener.accept()
        with connection, contextlib.suppress(ConnectionError):
            connection.recv(1 << 16)
            connection.sendall(sent)
            while not stop.wait(0.02):
                connection.sendall(b"a")

    threading.Thread(target=serve_slowly, daemon=True).start()
    return listener


HEAD = b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: %d\r\n\r\n' % len(CONTENT)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(b"HTTP/1.1 200 OK\r\nX: ", 0), (HEAD, 0), (CHUNKED, 0), (HEAD + CONTENT[: BLOCK + 99], BLOCK)],
    ids=["headers", "content", "length of a chunk", "after a block"],
)
def test_a_server_that_sends_a_byte_now_and_then(server, tmp_path, monkeypatch, sent, kept):
    """No read times out, yet it is given up after the stated time, in one line; what came is kept, and gone on from."""
    monkeypatch.setattr(download, "PATIENCE", 0.5)
    stop = threading.Event()
    with trickle(sent, stop) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/a.zip"
        said = rf"a\.zip: given up after {kept} bytes, for fewer than 65536 more came in 0.5 seconds; run the same"
        with pytest.raises(UnreachableError, match=said):
            get(None, tmp_path, url)
        stop.set()
    assert not (tmp_path / ".fetch/a.zip").exists()
    monkeypatch.undo()
    assert get(server, tmp_path) == CONTENT
    assert server.asked("a.zip") == [f"bytes={kept}-" if kept else None]


SECRET = "Tr0ub4dor"
ADDRESSES = [f"http://user:{SECRET}@127.0.0.1:9", f"http://{SECRET}@127.0.0.1:9", f"http://u:a@{SECRET}@127.0.0.1:9/x"]


@pytest.mark.parametrize("mirror", ADDRESSES)
def test_a_password_in_an_address_is_never_printed(tmp_path, monkeypatch, mirror, caplog):
    """Neither when it is dropped nor when it fails; it is sent all the same."""
    caplog.set_level("DEBUG")
    with pytest.raises(UnreachableError) as error:
        get(None, tmp_path, f"{mirror}/a.zip")
    said = str(error.value) + "".join(record.getMessage() for record in caplog.records if record.name.startswith("ash"))
    assert SECRET not in said and "http://***@127.0.0.1:9" in said


@pytest.mark.parametrize("status", [404, 503, 200])
def test_a_password_in_an_address_is_not_in_what_is_said_of_answers(server, tmp_path, status):
    """Refused, busy, or another file."""
    server.script["a.zip"] = [answer(status, {"Content-Length": "6"}, b"<html>")] * ATTEMPTS
    with pytest.raises(DataError) as error:
        get(server, tmp_path, f"{server.url}/a.zip".replace("//", f"//user:{SECRET}@"))
    assert SECRET not in str(error.value) and "http://***@127.0.0.1" in str(error.value)


@pytest.mark.parametrize(
    "mirror",
    [f"http://u:{SECRET}/@h", f"ftp://u:{SECRET}@h", f"u:{SECRET}@h", f"http://u:{SECRET} x@h", f"http://h?token={SECRET}",
     f"http://u:{SECRET}@h:port", "http://", "", "data", f"http://[{SECRET}"],
)  # fmt: skip
def test_an_address_that_is_none(mirror):
    """One line before anything is fetched."""
    with pytest.raises(ConfigError, match="^--mirror: no address of files, wanted http://HOST/FOLDER") as error:
        checked(mirror)
    assert "\n" not in str(error.value) and SECRET not in str(error.value)


def test_texts_of_libraries_are_without_secrets():
    """Name, password, and what follows a question mark; other addresses stay."""
    assert redacted("at s3://k:p@h/x and https://h/y?sig=abc no") == "at s3://***@h/x and https://h/y?*** no"
    assert redacted("https://h/a@b, mail me@b") in ("https://***@b, mail me@b", "https://h/a@b, mail me@b")


def test_on_the_command_line(tmp_path):
    """`ash acquire weights --mirror` with a password: exit code 2, and the password nowhere."""
    settle(tmp_path)
    protocol = tmp_path / "protocols/tiny.yaml"
    text = protocol.read_text()
    text = text.replace("ash/style/weights/miniature.safetensors", "data/networks/adain.safetensors")
    protocol.write_text(text)
    result = ash(tmp_path, "acquire", "weights", "--mirror", f"http://me:{SECRET}@127.0.0.1:bad", check=False)
    assert result.returncode == 2 and SECRET not in result.stdout + result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_folder_that_cannot_be_made(server, tmp_path):
    """A file lies where the folder should be: one line."""
    (tmp_path / ".fetch").write_text("in the way")
    with pytest.raises(AshError, match=r"cannot be written \((File exists|Not a directory)\)"):
        get(server, tmp_path)
