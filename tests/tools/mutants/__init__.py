"""How many small faults the tests notice: `make mutants`.

draw      mutmut's operators on the rooms of the mathematics, and a seeded sample of what they give
attempt   one mutant in a copy of the project against the tests of its room, in a forked process
page      docs/measured/mutants.md
"""
