# The whole paper: data, features, training, scores, tables, figures, report.
# `snakemake --cores all` builds everything; docs/workflow.md tells what depends on what.
from snakemake.utils import min_version

min_version("9.27")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        "results/report.html",
        "results/metrics.json",


rule demo:
    input:
        "results/tables/demo.md",


rule controls:
    input:
        expand("results/tables/{table}.md", table=tables_of("controls")),


rule refit_stylizer:
    input:
        "data/refit/stylizer.safetensors",
