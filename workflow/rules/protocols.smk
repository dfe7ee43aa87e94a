# Scores under named evaluation protocols (docs/guide/data.md), beside those that the tables show: `snakemake protocols`.
EVALUATION_PROTOCOLS = [p.name for p in PROTOCOLS.values() if p.dataset in DATASETS]


rule protocols:
    input:
        run_files(
            "protocols",
            [f"{protocol}.json" for protocol in EVALUATION_PROTOCOLS],
            EXPERIMENTS,
        ),


rule evaluate_as:
    input:
        model=run_file("models", "model.safetensors"),
        manifest=lambda w: f"data/manifests/{PROTOCOLS[w.protocol].dataset}.json",
        code=lambda w: closure(
            "ash.experiment.evaluate_raw",
            "ash.preparation.manifest",
            f"ash.datasets.{PROTOCOLS[w.protocol].labels}",
        ),
    output:
        run_file("protocols", "{protocol}.json"),
    log:
        "logs/{more}evaluate_as/{experiment}_seed{seed}_{protocol}.log",
    benchmark:
        "benchmarks/{more}evaluate_as/{experiment}_seed{seed}_{protocol}.tsv"
    wildcard_constraints:
        protocol="|".join(EVALUATION_PROTOCOLS) or "(?!)",
    threads: threads_of("evaluate")
    resources:
        **resources_of("evaluate"),
    params:
        settings=lambda w: fingerprint(
            SETTINGS.experiment(w.experiment),
            DATASETS[PROTOCOLS[w.protocol].dataset].root,
            DATASETS[PROTOCOLS[w.protocol].dataset].validation,
        ),
    shell:
        "OMP_NUM_THREADS={threads} ash-on-gpu ash evaluate-as {wildcards.protocol:q} {wildcards.experiment:q} --seed {wildcards.seed:q}"
        " --model {input.model:q} --manifest {input.manifest:q} --out {output:q} > {log:q} 2>&1"
