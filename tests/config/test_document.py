"""A file of settings is read in one way only, or refused in one line that says where and why."""

import os
import random
import time

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from ash.config import read_yaml
from ash.errors import AshError, ConfigError

HOSTILE = [
    ("width: 4\nblocks: {kind: small,\n  width: 8,\n  kind: small}\n", "line 4: key 'kind' stands twice, in lines 2 and 4"),
    ('targets: 1\n"targets": 2\n', "line 2: key 'targets' stands twice, in lines 1 and 2"),
    ("batch: 1\r\nbatch: 2\r\n", "line 2: key 'batch' stands twice"),
    ("off: 1\n", "line 1: key 'off' is read as a bool, not as a name"),
    ("tables: {16: x}\n", "line 1: key '16' is read as a int, not as a name"),
    ("1.5: x\n", "key '1.5' is read as a float"),
    ("~: x\n", "key '~' is read as a null"),
    ("2022-01-04: x\n", "key '2022-01-04' is read as a timestamp"),
    ("? [a, b]\n: 1\n", "key in brackets is read as a seq"),
    ('"a\\tb": 1\n', "holds a control character"),
    ("lr: -.INF\n", "line 1: -.INF is not finite"),
    ("lr: [1.0, .NaN]\n", ".NaN is not finite"),
    ("lr: 2.0e+999\n", "2.0e+999 is not finite"),
    (f"seed: {'7' * 5000}\n", "is too large for a setting"),
    ("seed: 9223372036854775808\n", "is too large for a setting"),
    ("seed: 0777\n", "0777 is no plain decimal number"),
    ("seed: 0x1F\n", "0x1F is no plain decimal number"),
    ("seed: 1:30\n", "1:30 is no plain decimal number"),
    ("rate: 1:30.5\n", "1:30.5 is no plain decimal number"),
    ("when: 2022-01-04\n", "2022-01-04 is read as a date; put it in quotes"),
    ("a: !!python/name:os.system x\n", "has the tag"),
    ("a: !!int x\n", "has the tag"),
    ("a: !mine x\n", "has the tag '!mine'"),
    ("a: !!binary aGk=\n", "has the tag"),
    ("a: 1\n---\nb: 2\n", "expected a single document"),
    ("a: =\n", "not YAML (line 1: "),
    ("a:\n\t- b\n", "not YAML (line 2: "),
    ("a: *nowhere\n", "undefined alias 'nowhere'"),
    ("a: &x {b: *x}\n", "holds itself through an alias"),
    ("a: {<<: 3}\n", "expected a mapping"),
    ("a: " + "[" * 4000 + "]" * 4000, "is nested too deeply"),
    ("a: &0 [x, x, x, x, x, x, x, x]\n" + "".join(f"k{n}: &{n + 1} [{', '.join([f'*{n}'] * 8)}]\n" for n in range(8)),
     "values where its aliases are written out"),
    ('a: "\\ud800"\n', "holds a control character"),
    ('a: "\\x1b[2J"\n', "holds a control character"),
    ('a: "\\UFFFFFFFF"\n', "not YAML"),
    ("a: \x07\n", "line 1: holds the control character 0x7"),
    ("", "holds nothing, wanted keys with values"),
    ("- a\n", "holds a list, wanted keys with values"),
    ("word\n", "holds a str, wanted keys with values"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line"), HOSTILE, ids=[repr(text[:24]) for text, _ in HOSTILE])
def test_what_could_be_read_in_two_ways_is_refused(tmp_path, text, line):
    """One line that begins with the file's name and says what stands there; reading takes no time."""
    path = tmp_path / "some.yaml"
    path.write_bytes(text.encode())
    start = time.monotonic()
    with pytest.raises(ConfigError) as error:
        read_yaml(path, "restore it")
    assert line in str(error.value)
    assert str(error.value).startswith(f"{path}: ")
    assert len(str(error.value).splitlines()) == 1
    assert len(str(error.value)) < 500 + len(str(path))
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"label: M\xfcnster\n", "is not UTF-8 (byte 0xfc in line 1); save it as UTF-8"),
        ("a: 1\n".encode("utf-16"), "is not UTF-8"),
        (b"a: 1\nb: \x00\n", "line 2: holds the control character 0x0; remove it"),
        (b"a: 1\n#" + b"x" * (1 << 20), "bytes, wanted at most 1048576"),
    ],
)
def test_bytes_that_are_no_text_are_refused(tmp_path, content, line):
    """Another encoding, NUL bytes and a file of another kind, in one line."""
    (tmp_path / "some.yaml").write_bytes(content)
    with pytest.raises(ConfigError) as error:
        read_yaml(tmp_path / "some.yaml", "restore it")
    assert line in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_what_is_no_file_is_refused(tmp_path):
    """A folder, a pipe, a device, a file below a file, a name that is too long; none of them is waited for."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("a: 1")
    for name, line in (
        (".", "is a folder"),
        ("pipe", "is no regular file"),
        ("/dev/zero", "is no regular file"),
        ("file/below", "missing; restore it"),
        ("none", "missing; restore it"),
        ("x" * 300, "cannot be read"),
    ):
        with pytest.raises(ConfigError) as error:
            read_yaml(tmp_path / name, "restore it")
        assert line in str(error.value)
        assert len(str(error.value).splitlines()) == 1


def test_what_settings_use_is_read(tmp_path):
    """Comments, a byte order mark, block texts, digits in groups, aliases and `<<`, whose keys may be stated anew."""
    text = "\ufeffa: &a {x: 1_000, y: no}\nb: {<<: *a, x: 2.5e-3}\nc: >\n  long\n  text\nd: [é, '2', null]\n"
    (tmp_path / "some.yaml").write_text(text, encoding="utf-8")
    assert read_yaml(tmp_path / "some.yaml", "") == {
        "a": {"x": 1000, "y": False}, "b": {"x": 0.0025, "y": False}, "c": "long text\n", "d": ["é", "2", None],
    }  # fmt: skip


PIECES = list("ab: -[]{}&*!?|>'\"#%@`,\n\t0=~<\\x") + [
    "<<: ",
    "&a ",
    "*a",
    "---\n",
    "!!int ",
    '"\\u',
    ".inf",
    "0x",
    "2020-01-01",
    "\r",
]


@pytest.mark.parametrize("text", [st.binary(max_size=60), st.lists(st.sampled_from(PIECES), max_size=40).map("".join)])
def test_any_bytes_end_in_content_or_in_one_line(tmp_path, text):
    """Random bytes, and random pieces of YAML's own syntax."""
    path = tmp_path / "some.yaml"

    @profile(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(text)
    def holds(content):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        try:
            assert isinstance(read_yaml(path, "restore it"), dict)
        except AshError as error:
            assert len(str(error).splitlines()) == 1

    holds()


def test_the_own_files_with_any_byte_changed_end_in_content_or_in_one_line(tmp_path):
    """Two hundred flips of the tiny protocol's bytes."""
    from tests.conftest import TINY

    whole, path = bytearray((TINY / "protocols/tiny.yaml").read_bytes()), tmp_path / "some.yaml"
    for number in range(200):
        chance = random.Random(number)
        flipped = bytearray(whole)
        flipped[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        try:
            assert isinstance(read_yaml(path, "restore it"), dict)
        except AshError as error:
            assert len(str(error).splitlines()) == 1
