# One run: an experiment with a seed, and its scores.


rule train:
    input:
        unpack(train_inputs),
        code=lambda w: closure(
            "ash.experiment.train",
            f"ash.methods.{SETTINGS.params.experiments[w.experiment].method}",
        ),
    output:
        model=ensure(run_file("model.safetensors"), non_empty=True),
        provenance=run_file("provenance.json"),
        history=run_file("history.csv"),
    log:
        "logs/train/{experiment}_seed{seed}.log",
    benchmark:
        "benchmarks/train/{experiment}_seed{seed}.tsv"
    priority: 5
    conda:
        "../envs/ash.yaml"
    threads: threads_of("train")
    resources:
        **resources_of("train"),
    params:
        settings=lambda w: fingerprint(SETTINGS.experiment(w.experiment)),
        options=train_options,
        run=lambda w, output: os.path.dirname(output.model),
    shell:
        "OMP_NUM_THREADS={threads} ash-on-gpu ash train {wildcards.experiment} --seed {wildcards.seed} {params.options}"
        " --out {params.run} > {log} 2>&1"


rule evaluate:
    input:
        unpack(lambda w: stored(evaluation_files(w))),
        model=run_file("model.safetensors"),
        code=closure("ash.experiment.evaluate"),
    output:
        scores=[run_file(f"{target}.json") for target in (*TARGETS, "source")],
        samples=[run_file(f"{target}.npz") for target in (*TARGETS, "source")],
    log:
        "logs/evaluate/{experiment}_seed{seed}.log",
    benchmark:
        "benchmarks/evaluate/{experiment}_seed{seed}.tsv"
    priority: 6
    conda:
        "../envs/ash.yaml"
    threads: threads_of("evaluate")
    resources:
        **resources_of("evaluate"),
    params:
        settings=lambda w: fingerprint(
            SETTINGS.experiment(w.experiment), SETTINGS.protocol.evaluation
        ),
        run=lambda w, output: os.path.dirname(output.scores[0]),
        options=lambda w: " ".join(
            f"--target {name}={path}" for name, path in evaluation_files(w).items()
        ),
    shell:
        "OMP_NUM_THREADS={threads} ash-on-gpu ash evaluate {wildcards.experiment} --seed {wildcards.seed} --run {params.run}"
        " {params.options} > {log} 2>&1"
