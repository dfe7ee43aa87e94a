# Tables, figures, metrics and the report, all from the files of the runs.
FIGURES = (
    "figure1",
    "figure2",
    "figure3",
    "figure4",
    "stylised",
    "curves",
    "iou",
    "contrasts",
)
EXTRA = [group for group in GROUPS if group not in (*DEFAULT, "demo")]
PAGES = {"report": DEFAULT, "everything": (*DEFAULT, *EXTRA)}
MORE_OF = {"report": "", "everything": "more/"}  # whose claims it shows
SHOWN_CONTENT = [
    prepared(name, "val")
    for name in dict.fromkeys(
        SETTINGS.params.experiments[n].source for n in EXPERIMENTS
    )
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
        "ash table {wildcards.table:q} --out results/tables" " > {log:q} 2>&1"


rule figures:
    input:
        samples=run_files(
            "scores",
            f"{TARGETS[0]}.npz",
            SETTINGS.params.figures.figure3.values(),
            SEEDS[0],
        ),
        histories=run_files("models", "history.csv", REPORTED, SEEDS[0]),
        contributions=run_files("models", "history.csv", [HALLUCINATES]),
        stylisation="results/figures/stylisation.npz",
        scores=scores(REPORTED, TARGETS),
        code=closure("ash.report.figures"),
    output:
        "results/figures/figure4.csv",
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
        "ash figures --out results/figures > {log:q} 2>&1"


rule stylisation:
    input:
        unpack(stylisation_inputs),
        model=run_files("models", "model.safetensors", [HALLUCINATES], SEEDS[0]),
        players=run_files("models", "players.safetensors", [HALLUCINATES], SEEDS[0]),
        stylizer="data/networks/stylizer.safetensors",
        code=closure("ash.experiment.stylisation"),
    output:
        "results/figures/stylisation.npz",
    log:
        "logs/stylisation.log",
    benchmark:
        "benchmarks/stylisation.tsv"
    threads: threads_of("evaluate")
    resources:
        **resources_of("evaluate"),
    params:
        settings=fingerprint(HALLUCINATES, SEEDS[0], TARGETS[0]),
        experiment=HALLUCINATES,
        run=lambda w, input: os.path.dirname(input.model[0]),
    shell:
        "OMP_NUM_THREADS={threads} ash-on-gpu ash stylisation {params.experiment:q} --run {params.run:q} --stylizer {input.stylizer:q}"
        " --prepared {input.prepared:q} --paintings {input.paintings:q} --target {input.target:q} --out {output:q} > {log:q} 2>&1"


rule stylised_samples:
    input:
        stylizer="data/networks/stylizer.safetensors",
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
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    params:
        alpha=next(
            (
                SETTINGS.experiment(name).settings["alpha"]
                for name in EXPERIMENTS
                if "alpha" in SETTINGS.experiment(name).settings
            ),
            1.0,
        ),
        contents=lambda w, input: options("--prepared", input.content),
    shell:
        "ash montage --stylizer {input.stylizer:q} {params.contents:q} --paintings {input.paintings:q} --alpha {params.alpha:q} --out {output:q}"
        " > {log:q} 2>&1"


rule report:
    input:
        tables=lambda w: expand(
            "results/tables/{table}{form}",
            table=SETTINGS.tables(PAGES[w.page]),
            form=[".csv", ".table.json", "_classes.table.json"],
        ),
        cost="results/tables/cost.table.json",
        claims=lambda w: f"results/{MORE_OF[w.page]}tables/claims.table.json",
        forest=lambda w: f"results/{MORE_OF[w.page]}figures/forest.png",
        figures=expand("results/figures/{name}.png", name=FIGURES),
        provenance=lambda w: run_files(
            "models", "provenance.json", SETTINGS.experiments(PAGES[w.page])
        ),
        code=closure("ash.report.page")
        + [
            located(f"ash/report/{name}")
            for name in ("template.html", "page.css", "page.js")
        ],
    output:
        "results/{page}.html",
    log:
        "logs/{page}.log",
    benchmark:
        "benchmarks/{page}.tsv"
    wildcard_constraints:
        page="|".join(PAGES),
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    params:
        settings=fingerprint(SETTINGS),
        groups=lambda w: options("--group", PAGES[w.page]),
    shell:
        "ash report {params.groups:q} --tables results/tables --figures results/figures --claims {input.claims:q}"
        " --forest {input.forest:q} --out {output:q}"
        " > {log:q} 2>&1"
