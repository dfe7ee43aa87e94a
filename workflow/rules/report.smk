# Tables, figures, metrics and the report, all from the files of the runs.
FIGURES = ("figure3", "figure4", "stylised", "curves", "iou", "contrasts")
REPORTED = [
    name for name, table in SETTINGS.params.tables.items() if table.group != "demo"
]


rule table:
    input:
        scores=table_scores,
        published=located("workflow/resources/published.yaml"),
        code=closure("ash.report.tables"),
    output:
        report(
            "results/tables/{table}.md",
            category="Tables",
            caption="../report/table.rst",
            labels={"table": "{table}"},
        ),
        "results/tables/{table}.csv",
        "results/tables/{table}_classes.md",
        "results/tables/{table}_classes.csv",
    log:
        "logs/tables/{table}.log",
    benchmark:
        "benchmarks/tables/{table}.tsv"
    conda:
        "../envs/ash.yaml"
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
        "ash table {wildcards.table} --runs results/runs --published {input.published} --out results/tables"
        " > {log} 2>&1"


rule metrics:
    input:
        scores=scores(EXPERIMENTS, (*TARGETS, "source")),
        code=closure("ash.report.tables"),
    output:
        "results/metrics.json",
    log:
        "logs/metrics.log",
    benchmark:
        "benchmarks/metrics.tsv"
    conda:
        "../envs/ash.yaml"
    params:
        settings=fingerprint(EXPERIMENTS, list(SEEDS)),
    shell:
        "ash metrics --runs results/runs --out {output} > {log} 2>&1"


rule figures:
    input:
        samples=expand(
            run_file("{target}.npz"),
            experiment=SETTINGS.params.figures["figure3"].values(),
            seed=SEEDS[0],
            target=TARGETS[0],
        ),
        histories=expand(run_file("history.csv"), experiment=EXPERIMENTS, seed=SEEDS[0]),
        scores=scores(EXPERIMENTS, TARGETS),
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
    params:
        settings=fingerprint(
            SETTINGS.params.figures,
            {name: list(e.tables) for name, e in SETTINGS.params.experiments.items()},
            list(SEEDS),
        ),
    shell:
        "ash figures --runs results/runs --out results/figures > {log} 2>&1"


rule stylised_samples:
    input:
        stylizer="data/stylizer.safetensors",
        content=[
            prepared(name, "val")
            for name in dict.fromkeys(
                e.source for e in SETTINGS.params.experiments.values()
            )
        ],
        paintings=prepared(STYLE_SET, "train"),
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
    params:
        alpha=next(
            (
                SETTINGS.experiment(name).method["alpha"]
                for name in EXPERIMENTS
                if NEEDS[name]
            ),
            1.0,
        ),
        contents=lambda w, input: " ".join(
            f"--prepared {path}" for path in input.content
        ),
    shell:
        "ash montage --stylizer {input.stylizer} {params.contents} --paintings {input.paintings} --alpha {params.alpha} --out {output}"
        " > {log} 2>&1"


rule report:
    input:
        tables=expand("results/tables/{table}.csv", table=REPORTED),
        metrics="results/metrics.json",
        figures=expand("results/figures/{name}.png", name=FIGURES),
        provenance=expand(
            run_file("provenance.json"), experiment=EXPERIMENTS, seed=SEEDS
        ),
        code=closure("ash.report.page") + [located("ash/report/template.html")],
    output:
        "results/report.html",
    log:
        "logs/report.log",
    benchmark:
        "benchmarks/report.tsv"
    conda:
        "../envs/ash.yaml"
    params:
        settings=fingerprint(SETTINGS),
    shell:
        "ash report --runs results/runs --tables results/tables --figures results/figures --out {output}"
        " > {log} 2>&1"
