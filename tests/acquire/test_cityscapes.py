"""csDownload itself, against a stand-in of the publisher's site on loopback."""

import hashlib
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ash.acquire.cityscapes_login import PASSWORD, STORE, USERNAME, fetch
from ash.errors import DataError

WAITING, PART = "archives/.fetch/gtFine.zip", "archives/.fetch/csDownload/gtFine.zip"
CONTENT = bytes(range(256)) * 4000
# csDownload with its publisher's address turned to loopback; everything else is its own code.
DRIVER = """
import os, sys, requests
from cityscapesscripts.download import downloader
original = requests.Session.request
def local(self, method, url, *rest, **options):
    assert url.startswith("https://www.cityscapes-dataset.com/")
    return original(self, method, url.replace("https://www.cityscapes-dataset.com", os.environ["SITE"]), *rest, **options)
requests.Session.request = local
downloader.main()
"""


@pytest.fixture
def site():
    """Login, list of packages, MD5 sum and the file, with ranges."""
    seen = {"logins": [], "ranges": [], "md5": hashlib.md5(CONTENT).hexdigest()}

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def answer(self, content, status=200):
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            seen["logins"].append(body)
            self.answer(b"", 302 if "password=secret" in body else 200)

        def do_GET(self):
            if self.path == "/downloads/?list":
                self.answer(
                    json.dumps([{"name": "gtFine.zip", "packageID": 1, "size": "1MB", "thirdparty": "0"}]).encode()
                )
            elif self.path.startswith("/md5-sum"):
                self.answer(f"{seen['md5']}  gtFine.zip".encode())
            elif self.path.startswith("/file-handling"):
                wanted = self.headers.get("Range", "bytes=0-")
                seen["ranges"].append(wanted)
                self.answer(CONTENT[int(wanted[6:-1]) :], 206)
            else:
                self.answer(b"login page")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    seen["url"] = f"http://127.0.0.1:{server.server_port}"
    yield seen
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run(site, tmp_path):
    """Fetch gtFine.zip as this user, with the given variables."""

    def call(**variables):
        home = tmp_path / "home"
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("CITYSCAPES_", "XDG_"))}
        environment |= {"HOME": str(home), "SITE": site["url"], **variables}
        command = [sys.executable, "-c", DRIVER]
        fetch(tmp_path / "archives/gtFine.zip", environment=environment, command=command)
        return home

    return call


def test_an_account_from_the_environment(run, site, tmp_path):
    """The file comes whole, and the account is left nowhere on disk."""
    run(**{USERNAME: "me", PASSWORD: "secret"})
    assert (tmp_path / WAITING).read_bytes() == CONTENT
    assert site["logins"] == ["username=me&password=secret&submit=Login"]
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and b"secret" in p.read_bytes()]


def test_an_account_from_csdownloads_own_store(run, tmp_path):
    """What `csDownload -l` has kept."""
    store = tmp_path / "home/.local/share" / STORE
    store.parent.mkdir(parents=True)
    store.write_text(json.dumps({"username": "me", "password": "secret"}))
    run()
    assert (tmp_path / WAITING).read_bytes() == CONTENT


def test_a_part_goes_on(run, site, tmp_path):
    """csDownload asks for the rest only."""
    (tmp_path / PART).parent.mkdir(parents=True)
    (tmp_path / PART).write_bytes(CONTENT[:1000])
    run(**{USERNAME: "me", PASSWORD: "secret"})
    assert site["ranges"] == ["bytes=1000-"]
    assert (tmp_path / WAITING).read_bytes() == CONTENT


def test_no_account_is_one_line(run, site, tmp_path):
    """What to do, before anything is asked of the site."""
    with pytest.raises(DataError, match=r"no Cityscapes account; run `csDownload -l` once .* CITYSCAPES_USERNAME"):
        run()
    assert site["logins"] == []


def test_a_wrong_password_is_one_line(run):
    """csDownload's own word for it, without its traceback and without the account."""
    with pytest.raises(DataError, match=r"csDownload failed \(Exception: Bad credentials\.\)") as error:
        run(**{USERNAME: "me", PASSWORD: "wrong!"})
    assert "\n" not in str(error.value)
    assert "wrong!" not in str(error.value)


def test_a_wrong_md5_is_one_line(run, site, tmp_path):
    """The publisher's sum is checked by csDownload; what cannot be mended by going on is removed, so the next run is right."""
    site["md5"] = "0" * 32
    with pytest.raises(DataError, match=r"MD5 sum of downloaded file does not match.*; what it fetched was removed"):
        run(**{USERNAME: "me", PASSWORD: "secret"})
    assert not (tmp_path / WAITING).exists() and not (tmp_path / PART).exists()
    site["md5"] = hashlib.md5(CONTENT).hexdigest()
    run(**{USERNAME: "me", PASSWORD: "secret"})
    assert (tmp_path / WAITING).read_bytes() == CONTENT
