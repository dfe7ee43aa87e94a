"""What a file is, told by its first bytes.

Servers and people put other things in the place of an archive or a checkpoint: a page that asks to sign in, a pointer of
Git LFS, an error as JSON.  Whoever reads such a file as what it should be gets a message that leads nowhere.
"""

import re
import stat
from pathlib import Path

from ash.errors import StoreError, flat

HEAD = 1024  # bytes that are looked at
ZIP, RAR, PICKLE, SAFETENSORS = "a zip archive", "a RAR archive", "a pickle", "a safetensors file"
CHECKPOINT = "a PyTorch checkpoint"  # which is a zip archive, or a pickle if it is old
UNKNOWN = "of an unknown format"
PNG, JPEG = "a PNG image", "a JPEG image"
PAGE, POINTER, EMPTY, FOLDER = "a web page (HTML)", "a Git LFS pointer", "empty", "a folder"
SIGNS = (
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"PK\x07\x08", ZIP),
    (b"Rar!\x1a\x07", RAR),
    (b"\x1f\x8b", "gzip data"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\x00", "xz data"),
    (b"\x28\xb5\x2f\xfd", "Zstandard data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"\x89PNG", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "PostScript"),
    (b"\x00\x05\x16\x07", "an AppleDouble file of macOS"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
    (b"version https://git-lfs", POINTER),
)
REMEDIES = {
    PAGE: "the server asks to sign in, or the file is not there",
    POINTER: "`git lfs pull` fetches the file that it stands for",
    "gzip data": "unpack it with `gunzip`",
    "bzip2 data": "unpack it with `bunzip2`",
    "xz data": "unpack it with `unxz`",
    "Zstandard data": "unpack it with `unzstd`",
}
_PAGE = re.compile(rb"<(!doctype\s+html|html|head|body|title|script|meta|h1|p|div)\b", re.IGNORECASE)
_LENGTH = 8  # bytes of a safetensors file that hold the length of its header, which begins with a brace


def kind(head: bytes) -> str:
    """What begins with these bytes, as a noun with its article; unknown bytes are quoted."""
    if not any(head):
        return "nothing but zeros" if head else EMPTY
    named = next((name for sign, name in SIGNS if head.startswith(sign)), None)
    return named or _binary(head) or _text(head)


def _binary(head: bytes) -> str | None:
    """Formats that are told by more than a fixed beginning."""
    if head[257:262] == b"ustar":
        return "a tar archive"
    if len(head) > 2 and head[0] == 0x80 and head[1] in range(2, 6):
        return PICKLE
    brace = head[_LENGTH : _LENGTH + 1] == b"{"
    return SAFETENSORS if brace and int.from_bytes(head[:_LENGTH], "little") < 1 << 40 else None


def look(path: Path) -> str:
    """What lies at `path`, by its first bytes; StoreError if it cannot be read."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return FOLDER
        if not stat.S_ISREG(mode):  # reading a pipe would wait for ever
            return "no plain file"
        with path.open("rb") as file:
            return kind(file.read(HEAD))
    except OSError as cause:
        raise StoreError(f"{path}: cannot be read ({cause.strerror or flat(cause)}); check its permissions") from cause


def fits(found: str, wanted: str) -> bool:
    """Whether a file of the kind that was found may be what is wanted."""
    return found == wanted or (wanted == CHECKPOINT and found in (ZIP, PICKLE, SAFETENSORS))


def hint(found: str) -> str:
    """What is to be known of such a file, as the beginning of a remedy: empty, or a clause with its semicolon."""
    return f"{REMEDIES[found]}; " if found in REMEDIES else ""


def _text(head: bytes) -> str:
    """Text of a kind, or bytes that are quoted."""
    wide = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(head[:2])
    plain = head[2:].decode(wide, "replace").encode() if wide else head.removeprefix(b"\xef\xbb\xbf")
    plain = plain.lstrip()
    if plain.startswith(b"<"):
        return PAGE if _PAGE.search(plain) else "an XML document"
    if plain.startswith((b"{", b"[")):
        return "JSON text"
    try:
        text = plain.decode("utf-8")
    except UnicodeDecodeError:
        return f"{UNKNOWN} (begins {head[:8]!r})"
    return f"text (begins {text[:24]!r})"
