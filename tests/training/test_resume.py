"""The resume file: a checksum of its bytes, and what it is bound to."""

import subprocess
import sys

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ash.errors import AshError, CheckpointError, ResourceError, StoreError
from ash.training.alone import alone
from ash.training.code import PACKAGE, code_digest
from ash.training.loop import train
from ash.training.resume import restore, save
from tests.support.limits import largest_file
from tests.support.toy import Game, feed, training

INPUTS = {"prepared": "p", "code": "c"}
many = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(path) -> dict[str, torch.nn.Module]:
    """A resume file after three steps, and the players that it holds."""
    game = Game()
    save(path, "d", 3, game.players, {}, {"rows": []}, INPUTS)
    return game.players


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Bytes of a sound file, and its players."""
    path = tmp_path_factory.mktemp("sound") / "resume.pt"
    players = written(path)
    return path.read_bytes(), players


def damage(sound, folder, data) -> None:
    """Fails unless damaged bytes give the same state, or one line without PyTorch's advice."""
    (folder / "resume.pt").write_bytes(data)
    game = Game(seed=5)
    try:
        step, _ = restore(folder / "resume.pt", "d", game.players, {}, INPUTS)
    except AshError as error:
        assert "\n" not in str(error)
        assert "weights_only" not in str(error)
        return
    assert step == 3
    for name, player in sound[1].items():
        for one, other in zip(player.parameters(), game.players[name].parameters(), strict=True):
            assert torch.equal(one, other)


@many
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_never_another_result(sound, tmp_path, place, bit):
    """In weights, in the archive's own records, or in the checksum."""
    data = bytearray(sound[0])
    data[int(place * len(data))] ^= 1 << bit
    damage(sound, tmp_path, bytes(data))


@many
@given(data=st.binary(max_size=200), place=st.floats(0, 1))
def test_random_bytes_and_truncations_are_one_line(sound, tmp_path, data, place):
    """Cut anywhere, with whatever bytes behind the cut."""
    damage(sound, tmp_path, sound[0][: int(place * len(sound[0]))] + data)


def test_a_pickle_is_refused_without_advice(tmp_path):
    """A file that only unsafe loading could read: PyTorch advises to do so, and we do not repeat it."""
    torch.save({"digest": subprocess.CompletedProcess}, tmp_path / "resume.pt")
    with pytest.raises(CheckpointError, match="delete it to start anew") as error:
        restore(tmp_path / "resume.pt", "d", {}, {}, {})
    assert "weights_only" not in str(error.value)


@pytest.mark.parametrize("changed", [{"prepared": "q"}, {"style": "s"}, {"code": "e"}])
def test_a_training_does_not_go_on_with_other_inputs(tmp_path, changed):
    """Data made anew, features given for the first time, code edited: the line names what is another."""
    written(tmp_path / "resume.pt")
    with pytest.raises(CheckpointError, match=f"written by a training with another {next(iter(changed))}; delete it"):
        restore(tmp_path / "resume.pt", "d", Game().players, {}, INPUTS | changed)


def test_the_loop_binds_the_file_to_its_inputs(tmp_path):
    """What the loop saves it restores with the same inputs only."""
    train(Game(), feed(), training(), resume=tmp_path / "r.pt", digest="d", inputs=INPUTS)
    train(Game(), feed(), training(), resume=tmp_path / "r.pt", digest="d", inputs=INPUTS)
    with pytest.raises(CheckpointError, match="another code, prepared"):
        train(Game(), feed(), training(), resume=tmp_path / "r.pt", digest="d")


@pytest.mark.parametrize("room", [0, 100, 2000, 4000])
def test_a_full_disk_is_one_line(tmp_path, room):
    """PyTorch's assertion does not get through, and the file of an earlier step stays."""
    players = written(tmp_path / "resume.pt")
    before = (tmp_path / "resume.pt").read_bytes()
    with largest_file(room), pytest.raises(StoreError, match=r"resume\.pt: cannot be written .File too large."):
        save(tmp_path / "resume.pt", "d", 4, players, {}, {"rows": [0] * 1000}, INPUTS)
    assert [path.name for path in tmp_path.iterdir()] == ["resume.pt"]
    assert (tmp_path / "resume.pt").read_bytes() == before


def test_the_code_of_a_training_has_one_digest():
    """The same at every call; another with a further file."""
    assert code_digest(()) == code_digest(()) != code_digest(("methods/clan.py",))
    assert (PACKAGE / "methods/clan.py").exists()


HELD = """
import sys
from pathlib import Path
from ash.training.alone import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_second_training_in_a_folder_is_refused_while_the_first_lives(tmp_path):
    """One line names the folder; when the first is killed, the next goes on; nothing is left at the end."""
    lock = tmp_path / "run/.lock"
    command = [sys.executable, "-c", HELD, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(ResourceError, match="run: another training writes here"), alone(lock):
            pass
        first.kill()
    with alone(lock):
        assert lock.exists()
    assert list(lock.parent.iterdir()) == []


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    """A file in its place."""
    (tmp_path / "run").write_text("")
    with pytest.raises(StoreError, match="a file lies where a folder should be"), alone(tmp_path / "run/.lock"):
        pass
