# Tables, figures, metrics and the report, all from the files of the runs.
FIGURES = ("figure3", "figure4", "stylised", "curves", "iou", "contrasts")
DEFAULT = SETTINGS.params.groups  # what `all` builds
REPORTED = SETTINGS.experiments(DEFAULT)
EXTRA = [group for group in GROUPS if group not in (*DEFAULT, "demo")]
PAGES = {"report": DEFAULT, "everything": (*DEFAULT, *EXTRA)}
SHOWN_CONTENT = [
    prepared(name, "val")
    for name in dict.fromkeys(e.source for e in SETTINGS.params.experiments.values())
]
MEASURED = [
    name
    for name in SETTINGS.rows(next(iter(SETTINGS.params.tables)))
    if inputs_of(name)["prepared"] == inputs_of(REPORTED[0])["prepared"]
]


rule table:
    input:
        scores=table_scores,
        paper=located("ash/report/paper.yaml"),
        code=closure("ash.report.tables"),
    output:
        report(
            "results/tables/{table}.md",
            category="Tables",
            caption="../report/table.rst",
            labels={"table": "{table}"},
        ),
        "results/tables/{table}.csv",
        "results/tables/{table}.table.json",
        "results/tables/{table}_classes.md",
        "results/tables/{table}_classes.csv",
        "results/tables/{table}_classes.table.json",
    log:
        "logs/tables/{table}.log",
    benchmark:
        "benchmarks/tables/{table}.tsv"
    conda:
        "../envs/ash.yaml"
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    params:
        settings=lambda w: fingerprint(
            SETTINGS.params.tables[w.table],
            {
                name: [e.label, e.tables[w.table]]
                for name, e in SETTINGS.params.experiments.items()
                if w.table in e.tables
            },
            list(SEEDS),
            SETTINGS.protocol.evaluation.resamples,
        ),
    shell:
        "ash table {wildcards.table} --runs results/runs --out results/tables"
        " > {log} 2>&1"


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
    conda:
        "../envs/ash.yaml"
    # All cores, so that nothing runs beside what is timed; one thread, as in training.
    threads: workflow.cores or 1
    resources:
        **resources_of("train"),
    params:
        settings=fingerprint(*[SETTINGS.experiment(name) for name in MEASURED]),
        options=train_options,
        experiments=" ".join(f"--experiment {name}" for name in MEASURED),
    shell:
        "OMP_NUM_THREADS=1 ash-on-gpu ash bench cost {params.experiments} {params.options} --out {output} > {log} 2>&1"


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
    conda:
        "../envs/ash.yaml"
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    shell:
        "ash cost --measured {input.measured} --out results/tables > {log} 2>&1"


rule metrics:
    input:
        scores=lambda w: scores(
            SETTINGS.experiments(metrics_groups(w)), (*TARGETS, "source")
        ),
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
    conda:
        "../envs/ash.yaml"
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    params:
        settings=lambda w: fingerprint(
            SETTINGS.experiments(metrics_groups(w)), list(SEEDS)
        ),
        groups=lambda w: options("--group", metrics_groups(w)),
    shell:
        "ash metrics {params.groups} --runs results/runs --out {output.metrics} --iou {output.iou} > {log} 2>&1"


rule figures:
    input:
        samples=expand(
            run_file("{target}.npz"),
            experiment=SETTINGS.params.figures["figure3"].values(),
            seed=SEEDS[0],
            target=TARGETS[0],
        ),
        histories=expand(run_file("history.csv"), experiment=REPORTED, seed=SEEDS[0]),
        scores=scores(REPORTED, TARGETS),
        code=closure("ash.report.figures"),
    output:
        report(
            expand(
                "results/figures/{name}.png",
                name=[name for name in FIGURES if name != "stylised"],
            ),
            category="Figures",
            caption="../report/figure.rst",
        ),
    log:
        "logs/figures.log",
    benchmark:
        "benchmarks/figures.tsv"
    conda:
        "../envs/ash.yaml"
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    params:
        settings=fingerprint(
            SETTINGS.params.figures,
            {
                name: list(SETTINGS.params.experiments[name].tables)
                for name in REPORTED
            },
            list(SEEDS),
        ),
    shell:
        "ash figures --runs results/runs --out results/figures > {log} 2>&1"


rule stylised_samples:
    input:
        stylizer="data/stylizer.safetensors",
        content=ancient(SHOWN_CONTENT),
        paintings=ancient(prepared(STYLE_SET, "train")),
        digests=[
            digest_of(path) for path in (*SHOWN_CONTENT, prepared(STYLE_SET, "train"))
        ],
        code=closure("ash.experiment.pictures"),
    output:
        report(
            "results/figures/stylised.png",
            category="Figures",
            caption="../report/figure.rst",
        ),
    log:
        "logs/stylised_samples.log",
    benchmark:
        "benchmarks/stylised_samples.tsv"
    conda:
        "../envs/ash.yaml"
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    params:
        alpha=next(
            (
                SETTINGS.experiment(name).method["alpha"]
                for name in EXPERIMENTS
                if "alpha" in SETTINGS.experiment(name).method
            ),
            1.0,
        ),
        contents=lambda w, input: options("--prepared", input.content),
    shell:
        "ash montage --stylizer {input.stylizer} {params.contents} --paintings {input.paintings} --alpha {params.alpha} --out {output}"
        " > {log} 2>&1"


rule report:
    input:
        tables=lambda w: expand(
            "results/tables/{table}{form}",
            table=SETTINGS.tables(PAGES[w.page]),
            form=[".csv", ".table.json", "_classes.table.json"],
        ),
        cost="results/tables/cost.table.json",
        figures=expand("results/figures/{name}.png", name=FIGURES),
        provenance=lambda w: expand(
            run_file("provenance.json"),
            experiment=SETTINGS.experiments(PAGES[w.page]),
            seed=SEEDS,
        ),
        code=closure("ash.report.page") + [located("ash/report/template.html")],
    output:
        "results/{page}.html",
    log:
        "logs/{page}.log",
    benchmark:
        "benchmarks/{page}.tsv"
    wildcard_constraints:
        page="|".join(PAGES),
    conda:
        "../envs/ash.yaml"
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    params:
        settings=fingerprint(SETTINGS),
        groups=lambda w: options("--group", PAGES[w.page]),
    shell:
        "ash report {params.groups} --runs results/runs --tables results/tables --figures results/figures --out {output}"
        " > {log} 2>&1"
