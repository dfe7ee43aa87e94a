# What a training step of each method costs.
MEASURED = [
    name
    for name in SETTINGS.rows(next(iter(SETTINGS.params.tables)))
    if inputs_of(name)["prepared"] == inputs_of(REPORTED[0])["prepared"]
]


rule measure_cost:
    input:
        unpack(cost_inputs),
        code=closure(
            "ash.bench.step",
            *(f"ash.methods.{SETTINGS.experiment(name).method}" for name in MEASURED),
        ),
    output:
        "results/cost.json",
    log:
        "logs/cost.log",
    benchmark:
        "benchmarks/cost.tsv"
    # All cores, so that nothing runs beside what is timed; one thread, as in training.
    threads: workflow.cores or 1
    resources:
        **resources_of("train"),
    params:
        settings=fingerprint(*[SETTINGS.experiment(name) for name in MEASURED]),
        options=train_options,
        experiments=options("--experiment", MEASURED),
    shell:
        "OMP_NUM_THREADS=1 ash-on-gpu ash bench cost {params.experiments:q} {params.options:q} --out {output:q} > {log:q} 2>&1"


rule cost:
    input:
        measured="results/cost.json",
        code=closure("ash.report.cost"),
    output:
        report("results/tables/cost.md", category="Tables", labels={"table": "cost"}),
        "results/tables/cost.csv",
        "results/tables/cost.table.json",
    log:
        "logs/tables/cost.log",
    benchmark:
        "benchmarks/tables/cost.tsv"
    localrule: True
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    shell:
        "ash cost --measured {input.measured:q} --out results/tables > {log:q} 2>&1"
