# One run: an experiment with a seed, and its scores.


rule train:
    input:
        unpack(train_inputs),
        code=lambda w: closure(
            "ash.experiment.train",
            f"ash.methods.{SETTINGS.params.experiments[w.experiment].method}",
        ),
    output:
        model=ensure(run_file("models", "model.safetensors"), non_empty=True),
        players=ensure(run_file("models", "players.safetensors"), non_empty=True),
        provenance=run_file("models", "provenance.json"),
        history=run_file("models", "history.csv"),
    log:
        "logs/{more}train/{experiment}_seed{seed}.log",
    benchmark:
        "benchmarks/{more}train/{experiment}_seed{seed}.tsv"
    priority: 5
    threads: threads_of("train")
    resources:
        **resources_of("train"),
    params:
        settings=lambda w: fingerprint(SETTINGS.experiment(w.experiment)),
        options=train_options,
        out=lambda w, output: os.path.dirname(output.model),
        # Outside of every folder that DVC tracks: it empties those before it runs a stage.
        resume="results/resume/{experiment}/seed{seed}.pt",
    shell:
        "OMP_NUM_THREADS={threads} ash-on-gpu ash train {wildcards.experiment:q} --seed {wildcards.seed:q} {params.options:q}"
        " --out {params.out:q} --resume {params.resume:q} > {log:q} 2>&1"


rule evaluate:
    input:
        unpack(lambda w: stored(evaluation_files(w))),
        model=run_file("models", "model.safetensors"),
        code=closure("ash.experiment.evaluate"),
    output:
        scores=[run_file("scores", f"{target}.json") for target in (*TARGETS, "source")],
        samples=[run_file("scores", f"{target}.npz") for target in (*TARGETS, "source")],
    log:
        "logs/{more}evaluate/{experiment}_seed{seed}.log",
    benchmark:
        "benchmarks/{more}evaluate/{experiment}_seed{seed}.tsv"
    priority: 6
    threads: threads_of("evaluate")
    resources:
        **resources_of("evaluate"),
    params:
        settings=lambda w: fingerprint(
            SETTINGS.experiment(w.experiment), SETTINGS.protocol.evaluation
        ),
        out=lambda w, output: os.path.dirname(output.scores[0]),
        options=lambda w: options(
            "--target",
            [f"{name}={path}" for name, path in evaluation_files(w).items()],
        ),
    shell:
        "OMP_NUM_THREADS={threads} ash-on-gpu ash evaluate {wildcards.experiment:q} --seed {wildcards.seed:q} --model {input.model:q}"
        " --out {params.out:q} {params.options:q} > {log:q} 2>&1"


if FURTHER:

    rule evaluate_further:
        input:
            unpack(lambda w: stored({name: prepared(name, "val") for name in FURTHER})),
            model=lambda w: run_files(
                "models", ["model.safetensors"], [w.experiment], [w.seed]
            ),
            code=closure("ash.experiment.evaluate"),
        output:
            scores=[further_file(f"{target}.json") for target in FURTHER],
            samples=[further_file(f"{target}.npz") for target in FURTHER],
        log:
            "logs/more/evaluate_further/{experiment}_seed{seed}.log",
        benchmark:
            "benchmarks/more/evaluate_further/{experiment}_seed{seed}.tsv"
        priority: 6
        threads: threads_of("evaluate")
        resources:
            **resources_of("evaluate"),
        params:
            settings=lambda w: fingerprint(
                SETTINGS.experiment(w.experiment), SETTINGS.protocol.evaluation
            ),
            out=lambda w, output: os.path.dirname(output.scores[0]),
            options=options(
                "--target", [f"{name}={prepared(name, 'val')}" for name in FURTHER]
            ),
        shell:
            "OMP_NUM_THREADS={threads} ash-on-gpu ash evaluate {wildcards.experiment:q} --seed {wildcards.seed:q} --model {input.model:q}"
            " --out {params.out:q} {params.options:q} > {log:q} 2>&1"
