# What DVC compares and draws: the figures of all experiments in one file each.


rule metrics:
    input:
        scores=lambda w: scores(
            SETTINGS.experiments(metrics_groups(w)), (*TARGETS, "source")
        ),
        # Of the default target's file alone: the others hold what its claims are not about.
        claims=lambda w: [] if w.group else "results/tables/claims.csv",
        code=closure("ash.report.metrics"),
    output:
        metrics="results/metrics{group}.json",
        iou="results/iou{group}.csv",
    log:
        "logs/metrics{group}.log",
    benchmark:
        "benchmarks/metrics{group}.tsv"
    wildcard_constraints:
        group="(_({}))?".format("|".join(EXTRA)),
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    params:
        settings=lambda w: fingerprint(
            SETTINGS.experiments(metrics_groups(w)), list(SEEDS)
        ),
        groups=lambda w: options("--group", metrics_groups(w)),
        claims=lambda w, input: options(
            "--claims", [input.claims] if input.claims else []
        ),
    shell:
        "ash metrics {params.groups:q} {params.claims:q} --out {output.metrics:q} --iou {output.iou:q} > {log:q} 2>&1"


rule plots:
    input:
        scores=scores(REPORTED, TARGETS),
        histories=run_files("models", "history.csv", REPORTED),
        code=closure("ash.report.plots"),
    output:
        loss=expand("results/plots/loss/{name}.csv", name=REPORTED),
        iou=expand(
            "results/plots/iou/{name}_{target}.csv", name=REPORTED, target=TARGETS
        ),
    log:
        "logs/plots.log",
    benchmark:
        "benchmarks/plots.tsv"
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    params:
        settings=fingerprint(REPORTED, list(SEEDS), list(TARGETS)),
        groups=options("--group", DEFAULT),
    shell:
        "ash plots {params.groups:q} --out results/plots > {log:q} 2>&1"
