"""What `ash check` refuses of settings that are valid YAML: names, bounds, and what no single section can see."""

import copy
import time

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from ash import config, methods
from ash.errors import AshError, ConfigError
from tests.conftest import TINY, settle

FILES = {name: yaml.safe_load((TINY / name).read_text()) for name in ("params.yaml", "protocols/tiny.yaml")}
PARAMS, PROTOCOL = FILES


def put(tree, path, value):
    """Set the value at a path of keys, each key that is missing on the way made."""
    *above, last = path.split(".")
    for key in above:
        tree = tree[int(key)] if isinstance(tree, list) else tree.setdefault(key, {})
    tree[int(last) if isinstance(tree, list) else last] = value


def write(folder, trees):
    """The two files of settings."""
    for name, tree in trees.items():
        (folder / name).write_text(yaml.safe_dump(tree, sort_keys=False))


def sound(folder):
    """All that is checked without a network: what `load` and the workflow's own start refuse."""
    settings = config.load(folder / "params.yaml")
    methods.check_settings(settings)
    return settings


EXTRA = FILES[PROTOCOL]["datasets"]["mapillary"] | {"root": "data/miniature/extra"}
WRONG = [
    # --- params.yaml
    (PARAMS, {"seeds": [3, 3]}, "seeds: 3 stands twice"),
    (PARAMS, {"seeds": []}, "seeds: found []"),
    (PARAMS, {"seeds": [True]}, "seeds: found [True]; wanted a number"),
    (PARAMS, {"seeds": [2**40]}, "seeds.0: found 1099511627776"),
    (PARAMS, {"targets": []}, "targets: found []"),
    (PARAMS, {"targets": ["mapillary", "mapillary"]}, "targets: 'mapillary' stands twice"),
    (PARAMS, {"targets": ["cityscape"]}, "did you mean 'cityscapes'?"),
    (PARAMS, {"groups": ["papers"]}, "groups: 'papers' is unknown; known: paper; did you mean 'paper'?"),
    (PARAMS, {"tables": {}}, "tables: found {}"),
    (PARAMS, {"tables.table1.targets": ["source", "source"]}, "tables.table1.targets: 'source' stands twice"),
    (PARAMS, {"tables.table1.reference": "clam"}, "tables.table1.reference: 'clam' is unknown"),
    (PARAMS, {"tables.table1.title": "two\nlines"}, "tables.table1.title: found 'two\\nlines'"),
    (PARAMS, {"tables.table1.title": "right\u202eleft"}, "tables.table1.title: found"),
    (PARAMS, {"tables.table1.group": "train"}, "'train' is a rule of the workflow; rename the group"),
    (PARAMS, {"tables.table1_classes": FILES[PARAMS]["tables"]["table1"] | {"reference": "ash"},
              "experiments.ash.tables.table1_classes": None}, "would be written into files of another table"),
    (PARAMS, {"tables.table9": FILES[PARAMS]["tables"]["table1"]}, "tables.table9.reference: 'clan' is unknown; known: none"),
    (PARAMS, {"experiments.ash.label": ""}, "experiments.ash.label: found ''"),
    (PARAMS, {"experiments.own": {"recipe": "source_only", "source": "cityscapes", "training": {"images": "all"}}},
              "experiments.own: training.images: all, but the images of split val of cityscapes are its own"),
    (PARAMS, {"experiments.ash.sorce": "gta5"}, "sorce: unknown key"),
    (PARAMS, {"experiments.x; touch X": FILES[PARAMS]["experiments"]["ash"]}, "experiments.x; touch X"),
    (PARAMS, {"experiments." + "long" * 30: FILES[PARAMS]["experiments"]["ash"]}, "at most 64 characters"),
    (PARAMS, {"experiments.ash.tables.table1": "ahs", "tables.table1.x": 1}, "tables.table1.x: unknown key"),
    (PARAMS, {"methods.ahs": {}}, "methods.ahs: is not a file in ash/methods; known: "),
    (PARAMS, {"methods.ash.lamda_c": 0.1}, "methods.ash.lamda_c: unknown key; known: "),
    (PARAMS, {"methods.clan.lambda_local": {"synthia": 1.0}}, "lambda_local has no value for source 'gta5', has synthia"),
    (PARAMS, {"methods.clan.epsilon": ".inf"}, "epsilon: found '.inf'"),
    (PARAMS, {"figures": {"figure3": {"ASH": "ash"}}}, "figures.figure4: missing; state it"),
    (PARAMS, {"figures.figure3": {}}, "figures.figure3: found {}"),
    (PARAMS, {"figures.figure5": {"ASH": "ash"}}, "figures.figure5: unknown key; check its spelling"),
    (PARAMS, {"figures.figure4": {"CLAN": "clan"}}, "figures.figure4: experiment 'clan' has no hallucinator to show"),
    (PARAMS, {"figures.figure4": {"A": "ash", "B": "synthia_ash"}}, "figures.figure4: found"),
    (PARAMS, {"protocol": "../tiny"}, "protocol: found '../tiny'"),
    (PARAMS, {"protocol": "tinny"}, "tinny.yaml: missing; name another protocol; known: tiny; did you mean 'tiny'?"),
    # --- the protocol
    (PROTOCOL, {"datasets.gta5.draw": {"trian": 9}}, "datasets.gta5.draw.trian"),
    (PROTOCOL, {"datasets.gta5.draw": {}}, "datasets.gta5.draw: found {}"),
    (PROTOCOL, {"datasets.gta5.validation": 9}, "datasets.gta5: validation 9 leaves none of draw's 9 images"),
    (PROTOCOL, {"datasets.gta5.validation": 0}, "gta5 has no images of split val; draw some"),
    (PROTOCOL, {"datasets.painters.draw": {"val": 3}}, "style_set: painters has no images of split train"),
    (PROTOCOL, {"datasets.mapillary.draw": {"train": 3}}, "targets: mapillary has no images of split val"),
    (PROTOCOL, {"datasets.gta5.draw_size": None}, "one of draw and draw_size is stated without the other"),
    (PROTOCOL, {"datasets.gta5.root": ""}, "datasets.gta5.root: found ''"),
    (PROTOCOL, {"datasets.gta5.root": "--out=x"}, "datasets.gta5.root: found '--out=x'; wanted a path"),
    (PROTOCOL, {"datasets.gta5.root": "a\nb"}, "datasets.gta5.root: found 'a\\nb'; wanted a path"),
    (PROTOCOL, {"datasets.gta5.root": "data/miniature/synthia"}, "another set is drawn into data/miniature/synthia"),
    (PROTOCOL, {"datasets.source": FILES[PROTOCOL]["datasets"]["gta5"]}, "'source' means something else"),
    (PROTOCOL, {"datasets.weights": FILES[PROTOCOL]["datasets"]["gta5"]}, "'weights' means something else"),
    (PROTOCOL, {"datasets.x$(touch X)": FILES[PROTOCOL]["datasets"]["gta5"]}, "datasets.x$(touch X)"),
    (PROTOCOL, {"datasets.gta5.image_size": [10**9, 32]}, "datasets.gta5.image_size.0: found 1000000000"),
    (PROTOCOL, {"stylizer.weights": "{seed}.safetensors"}, "stylizer.weights: found '{seed}.safetensors'; wanted a path"),
    (PROTOCOL, {"segmenter.weights": "-w.pth"}, "segmenter.weights: found '-w.pth'; wanted a path"),
    (PROTOCOL, {"segmenter.width": -8}, "segmenter.width: found -8"),
    (PROTOCOL, {"segmenter.blocks": [1, 0, 1, 1]}, "segmenter.blocks.1: found 0"),
    (PROTOCOL, {"segmenter.blocks": [1, -1, 1, 1]}, "segmenter.blocks.1: found -1"),
    (PROTOCOL, {"segmenter.rates": [6, 6]}, "segmenter.rates: found [6, 6]; wanted rising values"),
    (PROTOCOL, {"segmenter.rates": [-1, 2]}, "segmenter.rates.0: found -1"),
    (PROTOCOL, {"hallucinator.condition": [0, 4]}, "hallucinator.condition.0: found 0"),
    (PROTOCOL, {"training.iterations": True}, "training.iterations: found True; wanted a number"),
    (PROTOCOL, {"training.iterations": 10**12}, "training.iterations: found 1000000000000"),
    (PROTOCOL, {"training.power": "inf"}, "training.power: found 'inf'"),
    (PROTOCOL, {"training.label_stride": 33}, "training.label_stride 33 exceeds the 32 pixels of its labels"),
    (PROTOCOL, {"training.optimisers.segmenter.lr": 3000.0}, "training.optimisers.segmenter.lr: found 3000.0"),
    (PROTOCOL, {"training.optimisers.segmenter.momentum": 1.5}, "momentum: found 1.5"),
    (PROTOCOL, {"training.optimisers.segmenter.lerning_rate": 1}, "lerning_rate: unknown key"),
    (PROTOCOL, {"held_out": "kitti"}, "held_out: 'kitti' is not a data set of protocols/tiny.yaml"),
    (PROTOCOL, {"held_out": "mapillary"}, "targets: 'mapillary' is held out, so no model learns from it"),
    (PROTOCOL, {"held_out": "synthia"}, "experiments.synthia_ash.source: 'synthia' is held out"),
    (PROTOCOL, {"held_out": "painters"}, "style_set: 'painters' is held out"),
    (PROTOCOL, {"held_out": "extra", "further_targets": ["extra"], "datasets.extra": EXTRA},
               "further_targets: 'extra' is held out"),
    (PROTOCOL, {"further_targets": ["mapillary"]}, "further_targets: 'mapillary' is one of `targets`"),
    (PROTOCOL, {"further_targets": ["extra"], "datasets.extra": EXTRA | {"draw": {"train": 2}}},
               "targets: extra has no images"),
    (PROTOCOL, {"training.regime": "weak"}, "training.regime: found 'weak'"),
    (PROTOCOL, {"training.ordr": 1}, "training.ordr: unknown key; check its spelling; did you mean 'order'?"),
    (PROTOCOL, {"evaluation.resamples": 10**12}, "evaluation.resamples: found 1000000000000"),
    (PROTOCOL, {"methods": {"clann": {}}}, "methods.clann: is not a file in ash/methods"),
    (PROTOCOL, {"resources": {"train": {"threads": 0, "mem_mb": 1, "runtime": 1, "gpu": 0}}}, "resources.train.threads"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "edits", "line"), WRONG, ids=[line[:60] for _, _, line in WRONG])
def test_wrong_settings_have_a_line(tmp_path, file, edits, line):
    """The line names the key and what stands there; a library's words and the whole tree do not follow."""
    folder, trees = settle(tmp_path), copy.deepcopy(FILES)
    for path, value in edits.items():
        put(trees[file], path, value)
    write(folder, trees)
    with pytest.raises(ConfigError) as error:
        sound(folder)
    assert [text for text in str(error.value).splitlines() if line in text], str(error.value)
    assert max(map(len, str(error.value).splitlines())) < 900


def far(folder, **table):
    """Settings with a held-out set and a further target, and a table of another group."""
    trees = copy.deepcopy(FILES)
    for name in ("third", "dark"):
        trees[PROTOCOL]["datasets"][name] = EXTRA | {"root": f"data/miniature/{name}"}
    trees[PROTOCOL] |= {"held_out": "third", "further_targets": ["dark"]}
    trees[PARAMS]["tables"]["far"] = trees[PARAMS]["tables"]["table1"] | {"group": "far"} | table
    trees[PARAMS]["experiments"]["clan"]["tables"]["far"] = None
    write(settle(folder), trees)
    return folder


def test_only_tables_that_ask_show_further_targets(tmp_path):
    """The held-out set first, then the protocol's further targets; the default target's tables stay as they were."""
    settings = sound(far(tmp_path, further=True))
    assert settings.further == ("third", "dark")
    assert settings.targets == ("cityscapes", "mapillary")
    assert settings.params.tables["far"].targets == ("cityscapes", "mapillary", "third", "dark")
    assert settings.params.tables["table1"].targets == ("cityscapes", "mapillary")


def test_a_table_may_name_one_further_target(tmp_path):
    """As a target like others."""
    settings = sound(far(tmp_path, targets=["cityscapes", "dark"]))
    assert settings.params.tables["far"].targets == ("cityscapes", "dark")


@pytest.mark.parametrize("table", [{"further": True}, {"targets": ["dark"]}])
def test_the_default_target_scores_no_further_set(tmp_path, table):
    """A table that it builds and that shows one is refused, so that the default run does not grow unseen."""
    with pytest.raises(ConfigError, match="tables.far: shows further targets, which the default target does not score"):
        sound(far(tmp_path, group="paper", **table))


def test_the_plain_regime_leaves_no_trace(tmp_path):
    """What is written of an experiment, and so the digest of a run, is what it was before there was a choice."""
    settings = sound(far(tmp_path))
    assert "regime" not in settings.experiment("ash").training.model_dump()
    strong = settings.experiment("ash").training.model_copy(update={"regime": "strong"})
    assert strong.model_dump()["regime"] == "strong"


def test_two_experiments_whose_plots_have_one_name(tmp_path):
    """`ash` on `x_cityscapes` would be drawn over `ash_x` on `cityscapes`."""
    folder, trees = settle(tmp_path), copy.deepcopy(FILES)
    trees[PARAMS]["experiments"]["ash_x"] = trees[PARAMS]["experiments"]["ash"] | {"tables": {}}
    trees[PROTOCOL]["datasets"]["x_cityscapes"] = trees[PROTOCOL]["datasets"]["cityscapes"] | {"root": "data/x"}
    trees[PARAMS]["targets"] = ["cityscapes", "x_cityscapes"]
    trees[PARAMS]["tables"]["table1"]["targets"] = ["cityscapes"]
    write(folder, trees)
    with pytest.raises(ConfigError, match="its plot ash_x_cityscapes has the name of another's"):
        sound(folder)


def test_odd_texts_are_texts(tmp_path):
    """Bars, markup and letters of any script are for the writers of pages to escape."""
    folder, trees = settle(tmp_path), copy.deepcopy(FILES)
    for label in ("a | b", "<b>bold</b>", "Größe 尺寸", "2022-01-04", "no"):
        put(trees[PARAMS], "experiments.ash.label", label)
        write(folder, trees)
        assert sound(folder).params.experiments["ash"].label == label


def test_another_protocol_of_an_option_is_a_name(tmp_path):
    """`--protocol` leads to no file outside of protocols/, and a wrong one lists those there are."""
    folder = settle(tmp_path)
    (folder / "outside.yaml").write_text((folder / "protocols/tiny.yaml").read_text())
    for name in ("../outside", "tiny\n", "", "/etc/passwd", "x" * 100):
        with pytest.raises(ConfigError, match="wanted a name of a-z, 0-9 and _; known: tiny"):
            config.load(folder / "params.yaml", name)


def test_an_unknown_group_has_no_tables(tmp_path):
    """Of tables and of experiments; the closest one is named."""
    settings = config.load(settle(tmp_path) / "params.yaml")
    for ask in (settings.tables, settings.experiments):
        with pytest.raises(
            ConfigError, match="group 'papre' has no table in params.yaml; known: paper; did you mean 'paper'"
        ):
            ask(["paper", "papre"])


# --- any change at all


def paths(tree, above=()):
    """Every path of keys into a tree of mappings and lists."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*above, key)
        yield from paths(value, (*above, key))


PLACES = [(name, path) for name, tree in FILES.items() for path in paths(tree)]
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.dates()
    | st.sampled_from(["ash", "gta5", "source", "", "-x", "../x", 0, -1, 10**30, 1e308, float("inf"), "1e999", "nan", "yes"])
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.integers(), inner, max_size=3),
)
changes = st.lists(
    st.tuples(st.sampled_from(PLACES), st.sampled_from(["delete", "replace", "rename"]), values), min_size=1, max_size=3
)


def apply(trees, changed):
    """Make the changes whose place is still there."""
    for (name, path), how, value in changed:
        tree = trees[name]
        try:
            for key in path[:-1]:
                tree = tree[key]
            old = tree[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue
        if how == "replace":
            tree[path[-1]] = value
        elif isinstance(tree, dict):
            del tree[path[-1]]
            if how == "rename":
                tree[str(value)] = old


def test_any_change_of_settings_ends_in_settings_or_in_lines(tmp_path):
    """Values deleted, renamed and replaced anywhere in both files: AshError or sound settings, at once."""
    folder = settle(tmp_path)
    slowest = 0.0

    @profile(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(changes)
    def holds(changed):
        nonlocal slowest
        trees = copy.deepcopy(FILES)
        apply(trees, changed)
        write(folder, trees)
        start = time.monotonic()
        try:
            sound(folder)
        except AshError as error:
            assert all(line.isprintable() for line in str(error).splitlines()), repr(str(error))
        slowest = max(slowest, time.monotonic() - start)

    holds()
    assert slowest < 10
