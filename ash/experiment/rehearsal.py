"""A training step without numbers: do the networks, the images and the settings of an experiment fit together?

Everything lies on PyTorch's `meta` device, whose tensors have shapes and no content.  What a step would refuse after
hours of preparation, it refuses here in a moment: a map too small for D's strides, a condition without two cells, a
player without an optimiser.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from ash import methods
from ash.config import Experiment, Settings
from ash.contract import Batch, Method, Needs
from ash.errors import ConfigError, ShapeError, brief, flat, known
from ash.methods._networks import Networks
from ash.segmentation.deeplab import DeepLab, build_segmenter
from ash.segmentation.discriminator import build_discriminator
from ash.style.hallucination import Hallucinator
from ash.style.rain import StatisticsVae
from ash.style.stylizer import NetworkSettings, Stylizer

Made = TypeVar("Made")
META = torch.device("meta")
LATE = 0.999  # of the training is over: no pre-heat any more
SHALLOW = (1, 1, 1, 1)  # more blocks in a stage change no shape


class Rehearsal:
    """Steps of experiments on networks without content, which are made once for all experiments that have them.

    `pair` is the shape of encoder and decoder.
    """

    def __init__(self, settings: Settings, pair: NetworkSettings) -> None:
        self.settings = settings
        with META:
            self.stylizer = Stylizer(pair)
        self.made: dict[Any, Any] = {}

    def faults(self) -> list[str]:
        """A line for each experiment whose first step could not be taken."""
        outcome: dict[str, str | None] = {}
        lines = []
        for name in self.settings.params.experiments:
            experiment = self.settings.experiment(name)
            key = self._shape_of(experiment)
            if key not in outcome:
                outcome[key] = self._fault(experiment)
            if outcome[key] is not None:
                lines.append(f"experiments.{name}: {outcome[key]}")
        return lines

    def _shape_of(self, experiment: Experiment) -> str:
        """What the shapes of a step depend on; weights of losses and switches of them do not."""
        plain = _plain(experiment.settings).items()
        chosen = {key: value for key, value in plain if isinstance(value, str | list | tuple | int)}
        words = {key: value for key, value in chosen.items() if not isinstance(value, bool)}
        sets = [self.settings.protocol.datasets[name] for name in (experiment.source, experiment.target) if name]
        sizes = [(dataset.image_size, dataset.label_size) for dataset in sets]
        training = (experiment.training.batch, experiment.training.label_stride, sorted(experiment.training.optimisers))
        return repr((experiment.method, sorted(words.items()), sizes, training, experiment.discriminator))

    def _fault(self, experiment: Experiment) -> str | None:
        """What hinders the first step of an experiment; None if nothing does."""
        needs = methods.check_experiment(experiment)
        try:
            with META:
                networks = self._networks(experiment, needs)
            plain = experiment.model_copy(update={"settings": _plain(experiment.settings)})
            method = methods.build(plain, networks)
            stated = experiment.training.optimisers
            for player in method.players:
                if player not in stated:
                    return f"its player {player} has no optimiser under training.optimisers; {known(player, stated)}"
            _step(method, self._batch(experiment, needs))
        except ConfigError as cause:
            return str(cause)
        except (RuntimeError, ValueError, ShapeError) as cause:
            width, height = self.settings.protocol.datasets[experiment.source].image_size
            return (
                f"method {experiment.method} cannot take a step at {width}x{height} ({brief(flat(cause), 200)}); correct "
                "image_size, label_size, label_stride, discriminator or hallucinator of the protocol"
            )
        return None

    def _networks(self, experiment: Experiment, needs: Needs) -> Networks:
        """Networks of the experiment's shapes, shallower than they are."""
        d, h, pair = experiment.discriminator, experiment.hallucinator, self.stylizer
        small = experiment.segmenter.model_copy(update={"blocks": SHALLOW})
        shape = (small, needs.heads, needs.instance_norm)
        segmenter = self._once(shape, lambda: _light(build_segmenter(*shape)))
        return Networks(
            segmenter=segmenter,
            source=experiment.source,
            initial=segmenter.frozen() if needs.initial else None,
            discriminators=tuple(build_discriminator(d) for _ in range(needs.discriminators)),
            hallucinator=Hallucinator(needs.condition, pair.channels, h.condition, h.stride)
            if needs.condition
            else None,
            stylizer=pair if needs.stylizer else None,
            rain=StatisticsVae(pair.channels) if needs.rain else None,
            anchor=torch.empty(1, pair.channels, 4, 4) if needs.anchor else None,
        )

    def _batch(self, experiment: Experiment, needs: Needs) -> Batch:
        """A batch of the experiment's sizes."""
        sets, count = self.settings.protocol.datasets, experiment.training.batch
        source, style, stride = sets[experiment.source], sets[experiment.style_set], experiment.training.label_stride
        label = torch.empty(count, *source.label_size[::-1], dtype=torch.int64, device=META)
        return Batch(
            image=_image(count, source.image_size),
            label=label[:, stride // 2 :: stride, stride // 2 :: stride],
            mirror=torch.empty(count, dtype=torch.bool, device=META),
            generator=cast(torch.Generator, None),  # the default one: no other can be made for this device
            content=self._features(count, source.image_size) if needs.stylizer else None,
            style=self._features(count * needs.paintings, style.image_size) if needs.paintings else None,
            target=_image(count, sets[experiment.target].image_size) if needs.target and experiment.target else None,
        )

    def _features(self, count: int, size: tuple[int, int]) -> Tensor:
        return self._once((count, size), lambda: self.stylizer.encode(_image(count, size)))

    def _once(self, key: Any, make: Callable[[], Made]) -> Made:
        if key not in self.made:
            self.made[key] = make()
        made: Made = self.made[key]
        return made


def _plain(chosen: dict[str, Any]) -> dict[str, Any]:
    """Settings without noise, which changes no shape and may ask for eigenvalues, and with the game in its plain form."""
    plain = {"noise": "none", "reversal": False}
    return chosen | {key: value for key, value in plain.items() if key in chosen}


class _Norm(nn.Module):
    """BatchNorm's only condition on shapes; its own operator takes most of a rehearsal's time."""

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,h,w) as it is."""
        if x.numel() == x.shape[1]:
            raise ShapeError(f"BatchNorm: one value a channel, {tuple(x.shape)}, wanted more")
        return x


def _light(network: DeepLab) -> DeepLab:
    """A network with the condition in the place of every BatchNorm."""
    for parent in [*network.modules()]:
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, _Norm())
    return network


def _image(count: int, size: tuple[int, int]) -> Tensor:
    return torch.empty(count, 3, size[1], size[0], device=META)


def _step(method: Method, batch: Batch) -> None:
    """Every update of a late step, which has all terms."""
    for player in method.players.values():
        player.train()
    for update in method.updates(batch, LATE):
        for leaf in update.also:
            leaf.grad = torch.empty_like(leaf)  # nothing goes back here, and the method reads it
