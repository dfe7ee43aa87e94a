# One run: an experiment with a seed, and its scores.


def train_inputs(w):
    """The prepared source and, for recipes that stylise, the pair and its features."""
    experiment = SETTINGS.experiment(w.experiment)
    files = {"prepared": prepared(experiment.source, "train")}
    if "style" in NEEDS[w.experiment]:
        files["stylizer"] = "data/stylizer.safetensors"
        files["style"] = f"data/features/{STYLE_SET}.h5"
        if experiment.stylizer.cache_content:
            files["content"] = f"data/features/{experiment.source}.h5"
    return files


def train_options(w, input):
    """The same files as options of `ash train`."""
    return " ".join(
        f"--{name} {path}" for name, path in input.items() if name != "code"
    )


rule train:
    input:
        unpack(train_inputs),
        code=lambda w: closure(
            "ash.experiment.run",
            f"ash.methods.{SETTINGS.params.experiments[w.experiment].recipe}",
        ),
    output:
        model=ensure(RUN + "/model.safetensors", non_empty=True),
        provenance=RUN + "/provenance.json",
        history=RUN + "/history.csv",
    log:
        "logs/train/{experiment}_seed{seed}.log",
    benchmark:
        "benchmarks/train/{experiment}_seed{seed}.tsv"
    priority: 5
    conda:
        "../envs/ash.yaml"
    threads: 1
    params:
        settings=lambda w: fingerprint(SETTINGS.experiment(w.experiment)),
        options=train_options,
        run=RUN,
    shell:
        "OMP_NUM_THREADS={threads} {ASH} train {wildcards.experiment} --seed {wildcards.seed} {params.options}"
        " --out {params.run} --params {PARAMS} > {log} 2>&1"


def evaluation_files(w):
    """The prepared target files, the source's held-out images among them, by name."""
    source = SETTINGS.params.experiments[w.experiment].source
    return {target: prepared(target, "val") for target in TARGETS} | {
        "source": prepared(source, "val")
    }


rule evaluate:
    input:
        unpack(evaluation_files),
        model=RUN + "/model.safetensors",
        code=closure("ash.experiment.score"),
    output:
        scores=[f"{RUN}/{target}.json" for target in (*TARGETS, "source")],
        samples=[f"{RUN}/{target}.npz" for target in (*TARGETS, "source")],
    log:
        "logs/evaluate/{experiment}_seed{seed}.log",
    benchmark:
        "benchmarks/evaluate/{experiment}_seed{seed}.tsv"
    priority: 6
    conda:
        "../envs/ash.yaml"
    threads: 1
    params:
        settings=lambda w: fingerprint(
            SETTINGS.experiment(w.experiment), SETTINGS.protocol.evaluation
        ),
        run=RUN,
        options=lambda w: " ".join(
            f"--target {name}={path}" for name, path in evaluation_files(w).items()
        ),
    shell:
        "OMP_NUM_THREADS={threads} {ASH} evaluate {wildcards.experiment} --seed {wildcards.seed} --run {params.run}"
        " {params.options} --params {PARAMS} > {log} 2>&1"
