"""Tell DVC what a run of Snakemake built, and never what is stale or was changed by hand."""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ash.files.atomic import read_json
from workflow.bridge.jobs import plan
from workflow.bridge.recording import note_recorded
from workflow.bridge.records import bundle_of, read_record, record_of
from workflow.bridge.repository import WithoutGitError, complain, opened_alone
from workflow.bridge.stages import Stage, assigned, bundle, check, covers, make_folders, read_stages, write_settings

Status = dict[str, list[dict[str, dict[str, str]] | str]]


def record() -> list[str]:
    """Commit to DVC every stage that Snakemake has built since and calls up to date; give a report, a line each.

    A changed file counts as built if Snakemake's record of it changed as well: then Snakemake made it.  A file that
    changed without its record was changed by hand; it and what depends on it are left alone, so that `dvc status` goes
    on naming them.  ConfigError if dvc.yaml and the Snakefile do not agree, StoreError if DVC cannot write; where there is no
    git repository the report says so.
    """
    try:
        stages = read_stages()
    except WithoutGitError as cause:  # no fault of the run, and told once
        note_recorded()
        return [f"nothing recorded in dvc.lock: {cause}"]
    jobs = plan()
    stale = _with_followers({n for n, mine in assigned(jobs, stages).items() if any(job.stale for job in mine)}, stages)
    make_folders(out for stage in stages if stage.name not in stale for out in stage.outs)
    bundle({stage.name: stage.outs for stage in stages if any(map(os.path.exists, stage.outs))})
    check(jobs, stages)
    tidy(stages)
    write_settings(jobs, stages)
    with opened_alone() as repo:
        report = _record(repo, stages, stale)
    note_recorded()
    return report


def _with_followers(stale: set[str], stages: list[Stage]) -> set[str]:
    """The stale stages, and all that depend on their outputs.

    A run that builds a part leaves folders that lack files; what was made from such a folder is recorded once it is whole.
    """
    missing = [out for stage in stages if stage.name in stale for out in stage.outs]
    more = {s.name for s in stages if any(covers(missing, dep) or _overlap(dep, missing) for dep in s.deps)}
    return stale if more <= stale else _with_followers(stale | more, stages)


def _record(repo: Any, stages: list[Stage], stale: set[str]) -> list[str]:
    status: Status = repo.status()
    by_hand = sorted(path for stage in stages if stage.name in status for path in _by_hand(repo, stage))
    waiting = [name for name in status if name in stale]
    spoiled = {name for name in status if any(_overlap(path, by_hand) for path in _changed(status[name]))}
    built = [name for name in status if name not in stale and name not in spoiled]
    _commit(repo, built)
    report = [f"recorded in dvc.lock: {len(built)} stage(s)"]
    if waiting:
        report.append(f"not recorded, because stale or made from what is: {_list(waiting)}; `snakemake` builds them")
    if by_hand:
        report.append(
            f"not recorded, because changed by hand: {_list(by_hand)}; `dvc repro` makes them again, "
            "`dvc checkout --force FILE` restores them"
        )
    return report


def _commit(repo: Any, names: list[str]) -> None:
    """`dvc commit --force` of many stages at once: dvc.lock is read and written once, not once for each."""
    if not names:
        return
    with repo.scm_context():
        stages = [stage for stage in repo.index.stages if stage.name in names]
        for stage in stages:
            stage.save()
            stage.commit()
        complain()
        stages[0].dvcfile.dump_stages(stages, update_pipeline=False)


def _changed(changes: Iterable[dict[str, dict[str, str]] | str]) -> Iterator[str]:
    """The files and folders of a stage's status that are there and differ from dvc.lock."""
    for change in changes:
        if isinstance(change, dict):
            for files in change.values():
                yield from (path for path, state in files.items() if state in ("modified", "new"))


def _overlap(path: str, files: list[str]) -> bool:
    return any(covers([path], file) for file in files)


def _by_hand(repo: Any, stage: Stage) -> Iterator[str]:
    """Files of a stage that differ from dvc.lock although Snakemake's record of them does not."""
    from dvc_data.hashfile.hash import hash_file

    before = recorded(repo, stage.name)
    bundle_hash = before.pop(str(bundle_of(stage.name)), None)
    records = _cached(repo, bundle_hash)
    for path, md5 in before.items():
        if os.path.isfile(path) and path in records and _current(path) == records[path]:
            _, found = hash_file(path, repo.fs, "md5", state=repo.state)
            if found.value != md5:
                yield path


def recorded(repo: Any, name: str) -> dict[str, str]:
    """Each output of a stage in dvc.lock and its hash, those in folders too where the cache holds their list."""
    found: dict[str, str] = {}
    for out in next(stage for stage in repo.index.stages if stage.name == name).outs:
        value = out.hash_info.value if out.hash_info else None
        if value is None:
            continue
        listed = _cached(repo, value) if out.hash_info.isdir else []
        found |= {f"{out.def_path}/{item['relpath']}": item["md5"] for item in listed} or {out.def_path: value}
    return found


def _cached(repo: Any, md5: str | None) -> Any:
    """The JSON of that hash in the local cache; empty if it is not there."""
    path = Path(repo.cache.local.oid_to_path(md5)) if md5 else None
    return read_json(path, object) if path and path.exists() else {}


def _current(output: str) -> Any:
    path = record_of(output)
    return read_record(path) if path.exists() else None


def tidy(stages: list[Stage]) -> None:
    """Move results of experiments that params.yaml no longer has to results/more/.

    Stages depend on the whole of results/models and results/scores, so that what is left there would count.
    """
    kept = {Path(out) for stage in stages for out in stage.outs}
    for folder in ("models", "scores"):
        for path in sorted(Path("results", folder).glob("*")):
            if path not in kept:
                aside = Path("results/more", folder, path.name)
                aside.parent.mkdir(parents=True, exist_ok=True)
                if aside.exists():
                    shutil.rmtree(aside)
                path.rename(aside)


def _list(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
