# Scores under named evaluation protocols (docs/guide/data.md), beside those that the tables show: `snakemake protocols`.
EVALUATION_PROTOCOLS = [p.name for p in PROTOCOLS.values() if p.dataset in DATASETS]


rule protocols:
    input:
        expand(
            run_file("protocols/{protocol}.json"),
            experiment=EXPERIMENTS,
            seed=SEEDS,
            protocol=EVALUATION_PROTOCOLS,
        ),


rule evaluate_as:
    input:
        model=run_file("model.safetensors"),
        manifest=lambda w: f"data/manifests/{PROTOCOLS[w.protocol].dataset}.json",
        code=lambda w: closure(
            "ash.experiment.evaluate_raw", f"ash.datasets.{PROTOCOLS[w.protocol].labels}"
        ),
    output:
        run_file("protocols/{protocol}.json"),
    log:
        "logs/evaluate_as/{experiment}_seed{seed}_{protocol}.log",
    benchmark:
        "benchmarks/evaluate_as/{experiment}_seed{seed}_{protocol}.tsv"
    wildcard_constraints:
        protocol="|".join(EVALUATION_PROTOCOLS) or "(?!)",
    conda:
        "../envs/ash.yaml"
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
        "OMP_NUM_THREADS={threads} ash-on-gpu ash evaluate-as {wildcards.protocol} {wildcards.experiment} --seed {wildcards.seed}"
        " --model {input.model} --manifest {input.manifest} --out {output} > {log} 2>&1"
