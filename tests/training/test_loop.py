"""The loop: who learns, exact resume, non-finite losses, history."""

import csv
import io

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from ash.contract import Update
from ash.errors import CheckpointError, NonFiniteError
from ash.training import loop
from ash.training.history import History
from ash.training.loop import train
from tests.support.toy import Game, feed, training


def weights(game: Game) -> list[torch.Tensor]:
    """All weights and buffers of all players."""
    return [value.clone() for player in game.players.values() for value in player.state_dict().values()]


def equal(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
    """Bit for bit."""
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


class Stop(Exception):
    """Raised by a test in the place of a kill."""


def stop_after(step: int):
    """A progress function that raises once `step` steps are done."""

    def progress(done: int, total: int) -> None:
        if done == step:
            raise Stop

    return progress


def test_same_seed_same_bytes(tmp_path):
    """Two runs of the same settings end with equal weights and equal history, and not with the initial weights."""
    games = [Game(), Game()]
    start = weights(games[0])
    histories = [
        train(game, feed(), training(), resume=tmp_path / f"{i}.pt", digest="d").csv() for i, game in enumerate(games)
    ]
    assert equal(weights(games[0]), weights(games[1]))
    assert not equal(weights(games[0]), start)
    assert histories[0] == histories[1]


@pytest.mark.parametrize("step", [1, 3, 4, 8, 9])
def test_resume_is_exact(tmp_path, step):
    """Stopped after any step and started anew, a run ends bit-equal in weights, BatchNorm statistics and history."""
    whole, cut, rest = Game(), Game(), Game(seed=9)
    expected = train(whole, feed(), training(), resume=tmp_path / "whole.pt", digest="d").csv()
    with pytest.raises(Stop):
        train(cut, feed(), training(), resume=tmp_path / "cut.pt", digest="d", progress=stop_after(step))
    if not (tmp_path / "cut.pt").exists():
        rest = Game()  # nothing was saved yet: the run starts from its own initial weights
    history = train(rest, feed(), training(), resume=tmp_path / "cut.pt", digest="d")
    assert equal(weights(rest), weights(whole))
    assert history.csv() == expected


def test_a_resume_file_of_other_settings_is_refused(tmp_path):
    """A digest that differs stops with one line that names the file and both digests."""
    path = tmp_path / "resume.pt"
    train(Game(), feed(), training(), resume=path, digest="a" * 64)
    with pytest.raises(CheckpointError, match=r"resume\.pt: written under settings aaaa.*wanted bbbb") as error:
        train(Game(), feed(), training(), resume=path, digest="b" * 64)
    assert "\n" not in str(error.value)


def test_a_damaged_resume_file_is_refused(tmp_path):
    """Half a resume file stops with one line that says what to do."""
    path = tmp_path / "resume.pt"
    train(Game(), feed(), training(), resume=path, digest="d")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CheckpointError, match="delete it to start anew"):
        train(Game(), feed(), training(), resume=path, digest="d")


@pytest.mark.parametrize("order", ["simultaneous", "sequential"])
def test_a_nan_stops_and_names_the_term(tmp_path, order):
    """The error names the player, the term and the step, and the resume file is of a step before it."""
    with pytest.raises(NonFiniteError, match=r"step 4: segmenter\.segmentation = nan; lower"):
        train(Game(poison=4), feed(), training(order=order), resume=tmp_path / "r.pt", digest="d")
    kept = torch.load(tmp_path / "r.pt")
    assert kept["step"] == 3
    assert all(values.isfinite().all() for player in kept["players"].values() for values in player.values())


def test_a_nan_that_nobody_has_read_is_not_saved(tmp_path, monkeypatch):
    """As on a GPU, where numbers are fetched every `log_every` steps: a save in between fetches them first."""
    monkeypatch.setattr(History, "add", lambda self, terms: self.unread.append(terms))
    with pytest.raises(NonFiniteError, match=r"step 1: segmenter\.segmentation = nan; lower"):
        train(Game(poison=1), feed(), training(log_every=9), resume=tmp_path / "r.pt", digest="d")
    assert not (tmp_path / "r.pt").exists()


def test_reading_later_changes_no_row(tmp_path, monkeypatch):
    """The history of a run whose numbers are fetched when a row ends or a state is saved, byte for byte."""
    at_once = train(Game(), feed(), training(), resume=tmp_path / "a.pt", digest="d").csv()
    monkeypatch.setattr(History, "add", lambda self, terms: self.unread.append(terms))
    assert train(Game(), feed(), training(), resume=tmp_path / "b.pt", digest="d").csv() == at_once


class OnePlayer(Game):
    """Yields a loss for the segmenter that also depends on the discriminator's weights."""

    def updates(self, batch, progress):
        """Only the segmenter's update."""
        yield Update(
            "segmenter", {"fooling": self.players["discriminator"](self.players["segmenter"](batch.image)).sum()}
        )


def test_a_loss_moves_its_player_alone(tmp_path):
    """The discriminator does not move on the segmenter's loss, although the loss depends on it."""
    game = OnePlayer()
    judge = [p.clone() for p in game.players["discriminator"].parameters()]
    body = [p.clone() for p in game.players["segmenter"].parameters()]
    train(game, feed(), training(), resume=tmp_path / "r.pt", digest="d")
    assert equal(judge, [p.detach() for p in game.players["discriminator"].parameters()])
    assert not equal(body, [p.detach() for p in game.players["segmenter"].parameters()])


class Shared(Game):
    """Two updates on one graph, in one step or with the forward pass computed twice."""

    def __init__(self, twice):
        super().__init__()
        self.twice = twice

    def updates(self, batch, progress):
        """The segmenter's update keeps the graph for the discriminator's."""
        segmenter, judge = self.players["segmenter"], self.players["discriminator"]
        for module in segmenter.modules():
            module.train(False)  # so that a second forward pass changes no BatchNorm statistics
        logits = segmenter(batch.image)
        yield Update("segmenter", {"a": judge(logits).mean()}, keep_graph=not self.twice)
        yield Update("discriminator", {"b": -judge(segmenter(batch.image) if self.twice else logits).square().mean()})


def test_keeping_the_graph_changes_nothing(tmp_path):
    """Two updates that share a forward pass equal two that each compute it."""
    shared, apart = Shared(twice=False), Shared(twice=True)
    for name, game in (("shared", shared), ("apart", apart)):
        train(game, feed(), training(), resume=tmp_path / name, digest="d")
    assert equal(weights(shared), weights(apart))


def test_every_step_has_its_rate(tmp_path):
    """Ten steps with two of warm-up from 0: each optimiser steps at its base rate times 0, 1/2, (1 - i/10)^0.9."""
    rates: dict[type, list[list[float]]] = {}

    def note(optimiser, *_):
        rates.setdefault(type(optimiser), []).append([group["lr"] for group in optimiser.param_groups])

    hook = register_optimizer_step_pre_hook(note)
    try:
        train(Game(), feed(), training(), resume=tmp_path / "r.pt", digest="d")
    finally:
        hook.remove()
    shares = [0.0, 0.5, *((1 - i / 10) ** 0.9 for i in range(2, 10))]
    assert set(rates) == {torch.optim.AdamW, torch.optim.SGD}
    for found in rates.values():
        assert [rate for (rate,) in found] == pytest.approx([0.01 * share for share in shares])


def test_history_holds_means(tmp_path):
    """A row is the mean of its steps; rows end every log_every steps and at the end."""
    game = Game()
    one = train(Game(), feed(), training(log_every=1), resume=tmp_path / "1.pt", digest="d")
    four = train(game, feed(), training(log_every=4), resume=tmp_path / "4.pt", digest="d")
    assert [row["step"] for row in four.rows] == [4, 8, 10]
    name = "segmenter.segmentation"
    assert four.rows[0][name] == pytest.approx(sum(row[name] for row in one.rows[:4]) / 4)
    assert four.rows[2][name] == pytest.approx(sum(row[name] for row in one.rows[8:]) / 2)
    table = list(csv.DictReader(io.StringIO(four.csv())))
    assert list(table[0]) == ["step", name, "segmenter.fooling", "discriminator.judging", "rate", "mirrored"]


class Watching(Game):
    """Notes both players' weights before each update and after the last; with `then_step` the segmenter steps in between."""

    def __init__(self, then_step=False):
        super().__init__()
        self.then_step, self.notes = then_step, []

    def updates(self, batch, progress):
        """The game's updates, the segmenter's perhaps with a step of its own, then a second one of the segmenter."""
        for update in super().updates(batch, progress):
            self.note()
            first = update.player == "segmenter"
            yield Update(update.player, update.terms, then_step=self.then_step and first)
        self.note()
        yield Update("segmenter", {"more": self.players["segmenter"](batch.image).square().mean()})
        self.note()

    def note(self):
        """Keep a copy."""
        self.notes.append(
            {name: [p.detach().clone() for p in player.parameters()] for name, player in self.players.items()}
        )


def moves(tmp_path, order: str, then_step: bool = False) -> list[set[str]]:
    """Who moved during each of the three updates of one step, and after the last."""
    game = Watching(then_step)
    train(game, feed(), training(iterations=1, warmup=0.0, order=order), resume=tmp_path / "r.pt", digest="d")
    game.note()
    pairs = zip(game.notes, game.notes[1:], strict=False)
    return [{name for name in game.players if not equal(before[name], after[name])} for before, after in pairs]


def test_simultaneous_players_wait_for_the_last_update(tmp_path):
    """No weight moves between two updates of a batch; then every player moves."""
    assert moves(tmp_path, "simultaneous") == [set(), set(), set(), {"segmenter", "discriminator"}]


def test_sequential_players_step_after_their_own_update(tmp_path):
    """The next update is computed with the player before it already moved."""
    assert moves(tmp_path, "sequential") == [{"segmenter"}, {"discriminator"}, {"segmenter"}, set()]


def test_an_update_may_ask_for_its_step(tmp_path):
    """`then_step` moves its player at once and leaves the others waiting, and the player steps again for its second."""
    assert moves(tmp_path, "simultaneous", then_step=True) == [
        {"segmenter"},
        set(),
        set(),
        {"segmenter", "discriminator"},
    ]


def test_two_updates_of_a_player_are_one_step(tmp_path):
    """Without `then_step` a player's gradients of one batch add up: as if its terms had been one update's."""

    class Apart(Game):
        together = False

        def updates(self, batch, progress):
            segmenter = self.players["segmenter"].eval()
            terms = {"a": segmenter(batch.image).mean(), "b": segmenter(batch.image).square().mean()}
            if self.together:
                yield Update("segmenter", terms)
            else:
                for name, term in terms.items():
                    yield Update("segmenter", {name: term})

    apart, together = Apart(), Apart()
    together.together = True
    for name, game in (("apart", apart), ("together", together)):
        train(game, feed(), training(iterations=3), resume=tmp_path / name, digest="d")
    for first, second in zip(weights(apart), weights(together), strict=True):
        torch.testing.assert_close(first, second)


def test_the_state_is_saved_every_so_often_and_at_the_end(tmp_path, monkeypatch):
    """Ten steps with `checkpoint_every: 3`: after 3, 6, 9 and 10, and at no other."""
    saved, original = [], loop.save
    monkeypatch.setattr(loop, "save", lambda *given: saved.append(given[2]) or original(*given))
    train(Game(), feed(), training(checkpoint_every=3), resume=tmp_path / "resume.pt", digest="d")
    assert saved == [3, 6, 9, 10]


def test_diagnostics_are_taken_of_one_batch(tmp_path):
    """At every log line the same one, which is none of the steps'."""
    game, seen = Game(), []
    game.diagnostics = lambda shown: seen.append(shown) or {"figure": 1.0}
    train(game, feed(), training(log_every=3), resume=tmp_path / "r.pt", digest="d")
    assert len(seen) == 4  # 3, 6, 9 and the last
    assert all(shown is seen[0] for shown in seen)
    assert len(seen[0].image) == 1 and torch.equal(seen[0].image, feed().shown().image)
