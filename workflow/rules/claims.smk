# Every claim of the paper, answered: of what the default target trains, and below results/more/ of everything.


def claimed(w):
    """The experiments that claims are about, as far as the default target trains them, or with results/more/ all."""
    named = dict.fromkeys(
        name for claim in CLAIMS.values() for name in claim.experiments()
    )
    there = SETTINGS.params.experiments if w.more else EXPERIMENTS
    return [name for name in named if name in there]


def claims_inputs(w):
    """Scores of the experiments that claims are about, and the histories of those with a hallucinator."""
    names = claimed(w)
    styled = [name for name in names if SETTINGS.experiment(name).method == "ash"]
    return {
        "scores": scores(names, TARGETS),
        "histories": run_files("models", "history.csv", styled),
    }


rule answer_claims:
    input:
        unpack(claims_inputs),
        claims=[CLAIMS_FILE] if CLAIMS_FILE else [],
        cost="results/cost.json",
        code=closure("ash.report.answers", "ash.report.claims", "ash.report.verdicts"),
    output:
        report(
            "results/{more}tables/claims.md",
            category="Claims",
            caption="../report/claims.rst",
        ),
        "results/{more}tables/claims.csv",
        "results/{more}tables/claims.table.json",
        "results/{more}tables/contrasts.csv",
    log:
        "logs/{more}tables/claims.log",
    benchmark:
        "benchmarks/{more}tables/claims.tsv"
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    params:
        settings=lambda w: fingerprint(
            {
                name: SETTINGS.experiment(name).settings.get(
                    "copies", SETTINGS.experiment(name).source
                )
                for name in claimed(w)
            },
            list(SEEDS),
            list(TARGETS),
            SETTINGS.protocol.evaluation.resamples,
            SETTINGS.params.protocol,
        ),
        out=lambda w: f"results/{w.more}tables",
        options=lambda w, input: options("--claims", input.claims)
        + (["--everything"] if w.more else []),
    shell:
        "ash claims {params.options:q} --cost {input.cost:q} --out {params.out:q} > {log:q} 2>&1"


rule forest:
    input:
        contrasts="results/{more}tables/contrasts.csv",
        code=closure("ash.report.forest"),
    output:
        report(
            "results/{more}figures/forest.png",
            category="Claims",
            caption="../report/figure.rst",
        ),
    log:
        "logs/{more}figures/forest.log",
    benchmark:
        "benchmarks/{more}figures/forest.tsv"
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    shell:
        "ash forest --contrasts {input.contrasts:q} --out {output:q} > {log:q} 2>&1"
