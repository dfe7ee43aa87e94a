"""What the pages, docstrings, comments and messages name is there: paths, links, modules, names, settings, module lists."""

import ast
import importlib
import pkgutil
import re
from pathlib import Path

import pytest
import yaml

from ash.config import DatasetSettings
from ash.documentation.pages import ARROW, PLACES
from tests.conftest import ROOT
from tests.support.prose import (
    FENCED,
    FILLED,
    LINK,
    PLACEHOLDER,
    code_prose,
    everything,
    files,
    markdown,
    told,
    words_of_code,
)
from tests.support.stated import all_keys, key_exists, top_keys, value_suits

KEPT = ("ash", "tests", "docs", "workflow", "protocols", "profiles", "pins")
FOREIGN = {
    "csDownload": "a program of cityscapesscripts",
    "_ori": "a suffix in the released code",
    "multi": "a variant in MaxSquare's released code",
    "CLASS": "stands for the name of a class",
}
DROP_IN = ("ash.methods", "ash.datasets")  # whoever adds a file there has nothing to list


def is_there(path: str) -> bool:
    """Is the file in the repository, and the test in it, if `::` names one; a placeholder stands for any name."""
    path, _, test = re.sub(r"(\.\w+):(\d+|[a-z].*)$", r"\1", path).partition("::")
    if (ROOT / f"{path}.py").exists():
        return True  # a module without its suffix
    there = [ROOT / path] if (ROOT / path).exists() else list(ROOT.glob(PLACEHOLDER.sub("*", path)))
    return any(not test or f"def {test}(" in one.read_text("utf-8") for one in there)


def test_paths_exist():
    """Every path of the repository that prose names is there; test_commands.py looks at those that the workflow makes."""
    named = [(piece, path) for piece in everything() for path in piece.paths(KEPT) if not path.startswith(FILLED)]
    assert len(named) > 150
    wrong = [piece.at(path) for piece, path in named if not is_there(path)]
    assert not wrong, told(wrong)


def test_files_without_a_folder_exist():
    """`deeplab.py`, `train.smk`, `fidelity.md` between backticks: some folder of the repository holds a file of that name."""
    names = {path.name for folder in (*KEPT, ".") for path in (ROOT / folder).glob("**/*" if folder != "." else "*")}
    named = [(p, s) for p in everything() for s in p.spans if re.fullmatch(r"\w+\.(py|smk|md|toml|yaml|lock)", s)]
    own = ("params.variants.yaml", "params.three.yaml", "dvc.lock")  # of a page's making, and of DVC's
    wrong = [piece.at(name) for piece, name in named if name not in (*names, *own)]
    assert not wrong, told(wrong)


def slugs(path: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.*?) *$", FENCED.sub("", path.read_text("utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere():
    """Every relative link of a page names a file, and its anchor a heading there."""
    links = [(piece, link) for piece in markdown() for link in LINK.findall(piece.text) if "://" not in link]
    assert len(links) > 50
    wrong = []
    for piece, link in links:
        path, _, anchor = link.partition("#")
        target = piece.path.parent / path if path else piece.path
        if not target.exists() or (anchor and anchor not in slugs(target)):
            wrong.append(piece.at(link))
    assert not wrong, told(wrong)


def resolves(name: str) -> bool:
    """Is a dotted name a module, or an attribute or a field of what a module holds."""
    parts = name.split(".")
    for k in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:k]))
        except ModuleNotFoundError:
            continue
        return _has(found, parts[k:])
    return False


def _has(found: object, parts: list[str]) -> bool:
    if not parts:
        return True
    if not hasattr(found, parts[0]):
        return len(parts) == 1 and parts[0] in getattr(found, "__annotations__", {})
    return _has(getattr(found, parts[0]), parts[1:])


def test_dotted_names_resolve():
    """A name such as ash.style.adain in a page, a docstring, a comment or a message is a module or something in it."""
    dotted = re.compile(r"(?<![\w./@-])((?:ash|workflow|tests)(?:\.[A-Za-z_]\w*)+)\b(?!\()")
    named = {
        (name, piece.at(name))
        for piece in everything()
        for name in dotted.findall(FENCED.sub("", LINK.sub("", piece.text)))
        if not re.search(r"\.(md|pth|py|yaml|safetensors|png)$", name)
    }
    assert len(named) > 30
    wrong = sorted(where for name, where in named if not resolves(name))
    assert not wrong, told(wrong)


def test_functions_behind_arrows_resolve():
    """A module's docstring that ends a line of its equations with `-> losses.adversarial` names what is there."""
    wrong, seen = [], 0
    for path in files("ash"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        lines = [line for line in text.splitlines() if line.startswith("    ") or "  ->" in line]
        named = [name for line in lines if (end := re.search(ARROW.pattern + "$", line)) for name in end[1].split(", ")]
        seen += len(named)
        homes = ("", f"{module}.", *(f"{place}." for place in PLACES))
        wrong += [f"{path.relative_to(ROOT)}: {name}" for name in named if not any(resolves(h + name) for h in homes)]
    assert seen > 30
    assert not wrong, told(wrong)


def test_names_between_backticks_are_names_in_code():
    """A bare or dotted name consists of words that code or settings use; for the package, tests do not count."""
    own, all_of_it = words_of_code("ash", "workflow"), words_of_code("ash", "workflow", "tests")
    wrong = []
    for piece in [*markdown(), *code_prose()]:
        known = own if str(piece).startswith(("ash/", "workflow/")) else all_of_it
        for span in piece.spans:
            digest = re.fullmatch(r"[0-9a-f]{7,8}", span)  # of settings, or a commit
            bare = re.fullmatch(r"[A-Za-z_]\w*(\.\w+)*(\(\))?", span) and not digest and not (ROOT / span).exists()
            if bare and not re.search(r"\.(yaml|md|zip|rar|txt|pth)$", span):
                missing = set(re.findall(r"\w+", PLACEHOLDER.sub("", span))) - known - {""}
                wrong += [piece.at(span) for word in missing if word.rstrip("_") not in {*known, *FOREIGN}]
    assert not wrong, told(wrong)


def test_names_are_where_pages_say():
    """`adain` in `ash/style/adain.py`: the module has that name, or the settings file that key."""
    place = re.compile(
        r"`([A-Za-z_][\w.]*)` in\s+`((?:ash|workflow|tests|protocols)/[\w/]+\.(?:py|yaml)|params\.yaml)`"
    )
    wrong, seen = [], 0
    for piece in everything():
        for name, path in place.findall(piece.text):
            seen += 1
            module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            key = re.search(rf"\b{name}:", (ROOT / path).read_text("utf-8"))
            there = resolves(f"{module}.{name}") if path.endswith(".py") else key
            wrong += [] if there else [piece.at(f"`{name}`")]
    assert seen > 10
    assert not wrong, told(wrong)


def test_examples_of_settings_would_be_read():
    """YAML in a page: a data set is whole, and what stands in an experiment is a key of one, or of some method."""
    for piece in markdown():
        for text in re.findall(r"^```yaml\n(.*?)^```", piece.text, re.M | re.S):
            read = yaml.safe_load(text)
            for entry in read.get("datasets", {}).values():
                DatasetSettings.model_validate(entry)
            bare = {
                key: entry for key, entry in read.items() if key not in top_keys()
            }  # experiments without their section
            for name, entry in (read.get("experiments", {}) | bare).items():
                assert set(entry) <= all_keys(), f"{piece}: {name}"


def test_settings_exist():
    """A key with a value between backticks is a setting that may have it; a section and a key are in a settings file."""
    wrong, seen = [], 0
    for piece in everything():
        for span in piece.spans:
            stated = re.fullmatch(r"([a-z_]+(?:\.[a-z_\d]+)*): (\S+|[\[{].*[\]}])", span)
            dotted = re.fullmatch(r"([a-z_]+)(?:\.[a-z_\d]+)+", span)
            if stated:
                seen += 1
                wrong += [] if value_suits(stated[1], stated[2]) else [piece.at(span)]
            elif dotted and not span.endswith(".pth") and dotted[1] in top_keys() and not resolves(f"ash.{span}"):
                seen += 1
                wrong += [] if key_exists(span) else [piece.at(span)]
    assert seen > 80
    assert not wrong, told(wrong)


PACKAGES = [".".join(path.relative_to(ROOT).parts[:-1]) for path in files("ash") if path.name == "__init__.py"]


@pytest.mark.parametrize("package", [name for name in PACKAGES if not name.startswith(DROP_IN)])
def test_a_package_lists_its_modules(package):
    """The docstring has a line `name   sentence` for each module and package in it, and for no other."""
    found = importlib.import_module(package)
    there = {module.name for module in pkgutil.iter_modules(found.__path__) if module.name != "__main__"}
    listed = re.findall(r"^(?: {4})?(\w+) {2,}\S", found.__doc__ or "", re.M)
    assert sorted(listed) == sorted(there)
