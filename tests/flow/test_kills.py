"""Whole builds that are killed end as one that is not; `python -m tests.tools.kills 50` does more of it."""

import pytest

from tests.tools.kills import content, disturb

pytestmark = pytest.mark.dvc


@pytest.mark.timeout(900)
def test_builds_that_are_killed_end_as_one_that_is_not(recorded, tmp_path):
    """Three SIGKILLs of `snakemake` and all below it, the same command after each, nothing done by hand: equal files."""
    repository, _ = recorded
    account = disturb(content(repository.folder), tmp_path, kills=3, seed=0, longest=20)
    assert account.kills == 3
    assert account.wrong == []
