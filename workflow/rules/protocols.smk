# Scores under named evaluation protocols (docs/guide/data.md), beside those that the tables show: `snakemake protocols`.
# `snakemake matrix` scores runs under every protocol that the field names.
EVALUATION_PROTOCOLS = [
    p.name
    for p in PROTOCOLS.values()
    if p.dataset in DATASETS and p.dataset not in FURTHER
]
OUR_PROTOCOLS = [name for name in OURS if name in EVALUATION_PROTOCOLS]
MATRIX_SETS = [name for name in SETS if name in DATASETS and name not in FURTHER]


rule protocols:
    input:
        run_files(
            "protocols",
            [f"{protocol}.json" for protocol in OUR_PROTOCOLS],
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


rule matrix:
    input:
        run_files("matrix", ["matrix.json"], EXPERIMENTS if MATRIX_SETS else []),


rule score_matrix:
    input:
        model=run_file("models", "model.safetensors"),
        manifests=expand("data/manifests/{name}.json", name=MATRIX_SETS),
        code=closure(
            "ash.experiment.evaluate_all",
            "ash.preparation.manifest",
            "ash.report.markdown",
            "ash.report.protocol_matrix",
            *(f"ash.datasets.{name}" for name in MATRIX_SETS),
        ),
    output:
        run_file("matrix", "matrix.json"),
        run_file("matrix", "matrix.csv"),
        run_file("matrix", "matrix.md"),
    log:
        "logs/{more}matrix/{experiment}_seed{seed}.log",
    benchmark:
        "benchmarks/{more}matrix/{experiment}_seed{seed}.tsv"
    threads: threads_of("evaluate")
    resources:
        **resources_of("evaluate"),
    params:
        settings=lambda w: fingerprint(
            {
                name: [DATASETS[name].root, DATASETS[name].validation]
                for name in MATRIX_SETS
            },
        ),
        out=lambda w, output: os.path.dirname(output[0]),
        classes=lambda w: classes_of(SETTINGS.params.experiments[w.experiment].source),
        manifests=options(
            "--manifest",
            [f"{name}=data/manifests/{name}.json" for name in MATRIX_SETS],
        ),
    shell:
        "OMP_NUM_THREADS={threads} ash-on-gpu ash matrix {input.model:q} {params.manifests:q} --classes {params.classes:q}"
        " --out {params.out:q} > {log:q} 2>&1"
