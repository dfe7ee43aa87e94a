# The whole paper, by `snakemake --cores all`; docs/guide/workflow.md tells what depends on what.
import snakemake.benchmark
from snakemake.utils import min_version

min_version("9.27")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/acquire.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/weights.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/protocols.smk"
include: "workflow/rules/cost.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/authors.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/metrics.smk"


rule all:
    default_target: True
    input:
        "results/report.html",
        "results/metrics.json",
        rules.plots.output[0],
        # Those that no table shows, too.
        scores(sorted({*EXPERIMENTS} - {*REPORTED}), (*TARGETS, "source")),


rule everything:
    input:
        rules.all.input,
        "results/everything.html",
        expand("results/metrics_{group}.json", group=EXTRA),


for group in GROUPS:

    rule:
        name:
            group
        input:
            expand("results/tables/{table}.md", table=SETTINGS.tables([group])),


onstart:
    if workflow.local_exec:
        # The limit of jobs in a time, which clusters want, lets each round of scheduling start a timer that starts the next,
        # and each job that ends adds one: at the end of a long run Snakemake took a tenth of a core.
        workflow.scheduler.job_rate_limiter = None
    # Seconds. Twice a second, as Snakemake has it, to read what memory a job of a gigabyte has takes more than all else here.
    snakemake.benchmark.BENCHMARK_INTERVAL_SHORT = 5.0
    remember_checksums()
    begin(PARAMS)
    announce(workflow, SETTINGS)


# A run that failed has still built something.
onsuccess:
    record_run(PARAMS)


onerror:
    record_run(PARAMS)
