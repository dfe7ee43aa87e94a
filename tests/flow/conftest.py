"""A repository that Snakemake built and DVC recorded, made once for all modules here."""

import pytest

from tests.support.repository import create


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    """A repository built by `snakemake` from nothing and committed, and what that run printed."""
    folder = tmp_path_factory.mktemp("dvc")
    repository = create(folder / "checkout", folder / "home")
    output = repository.run("snakemake", "--nocolor")
    repository.commit("built")
    return repository, output
