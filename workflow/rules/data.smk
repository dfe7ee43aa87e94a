# Raw sets, prepared files, the stylizer, cached features.
from ash.config import SPLITS

DRAWN = [name for name, dataset in DATASETS.items() if dataset.draw]

# A pair is fitted on the sources that hold images out, which judge it.
FITTED_ON = sorted(
    {
        experiment.source
        for experiment in SETTINGS.params.experiments.values()
        if DATASETS[experiment.source].validation
    }
)


rule draw_miniature:
    input:
        code=lambda w: closure(
            "ash.miniature.draw",
            "ash.preparation.manifest",
            f"ash.datasets.{w.dataset}",
        ),
    output:
        "data/{more}manifests/{dataset}.json",
    log:
        "logs/{more}draw/{dataset}.log",
    benchmark:
        "benchmarks/{more}draw/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(DRAWN) or "(?!)",
    priority: 10
    threads: threads_of("data")
    resources:
        **resources_of("data"),
    params:
        settings=lambda w: fingerprint(DATASETS[w.dataset], SETTINGS.protocol.seed),
    shell:
        "ash draw {wildcards.dataset:q} --out {output:q} --workers {threads} > {log:q} 2>&1"


rule manifest:
    input:
        acquired="data/{more}acquired/{dataset}.json",
        code=lambda w: closure("ash.preparation.manifest", f"ash.datasets.{w.dataset}"),
    output:
        "data/{more}manifests/{dataset}.json",
    log:
        "logs/{more}manifest/{dataset}.log",
    benchmark:
        "benchmarks/{more}manifest/{dataset}.tsv"
    wildcard_constraints:
        dataset="|".join(OWNED) or "(?!)",
    priority: 11
    threads: threads_of("data")
    resources:
        **resources_of("data"),
    params:
        settings=lambda w: fingerprint(
            DATASETS[w.dataset].root,
            DATASETS[w.dataset].validation,
            DATASETS[w.dataset].count,
            DATASETS[w.dataset].exclude,
        ),
    shell:
        "ash manifest {wildcards.dataset:q} --acquired {input.acquired:q} --out {output:q} > {log:q} 2>&1"


rule prepare:
    input:
        manifest="data/{more}manifests/{dataset}.json",
        code=lambda w: closure("ash.preparation.prepare", f"ash.datasets.{w.dataset}"),
    output:
        file="data/{more}prepared/{dataset}_{split}.h5",
        digest="data/{more}prepared/{dataset}_{split}.json",
    log:
        "logs/{more}prepare/{dataset}_{split}.log",
    benchmark:
        "benchmarks/{more}prepare/{dataset}_{split}.tsv"
    priority: 9
    threads: threads_of("data")
    resources:
        **resources_of("data"),
    params:
        settings=lambda w: fingerprint(DATASETS[w.dataset]),
    shell:
        "ash prepare {wildcards.dataset:q} {wildcards.split:q} --manifest {input.manifest:q} --out {output.file:q}"
        " > {log:q} 2>&1"


rule stylizer:
    input:
        weights=weights_of(SETTINGS.protocol.stylizer.weights),
        code=closure("ash.files.atomic", "ash.style.stylizer"),
    output:
        "data/networks/stylizer.safetensors",
    log:
        "logs/stylizer.log",
    benchmark:
        "benchmarks/stylizer.tsv"
    priority: 10
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    shell:
        "ash stylizer {input.weights:q} --out {output:q} > {log:q} 2>&1"


rule features:
    input:
        prepared=ancient("data/prepared/{dataset}_train.h5"),
        digests="data/prepared/{dataset}_train.json",
        stylizer="data/networks/stylizer.safetensors",
        code=closure("ash.features.cache"),
    output:
        file="data/features/{dataset}.h5",
        digest="data/features/{dataset}.json",
    log:
        "logs/features/{dataset}.log",
    benchmark:
        "benchmarks/features/{dataset}.tsv"
    priority: 8
    threads: threads_of("features")
    resources:
        **resources_of("features"),
    params:
        storage=SETTINGS.protocol.stylizer.storage,
        auto=lambda w: (
            ["--auto"]
            if SETTINGS.protocol.stylizer.cache_content == "auto"
            and w.dataset != STYLE_SET
            else []
        ),
    shell:
        "OMP_NUM_THREADS={threads} ash-on-gpu ash features --prepared {input.prepared:q} --stylizer {input.stylizer:q}"
        " --out {output.file:q} {params.auto:q} > {log:q} 2>&1"


rule rain:
    input:
        style=ancient(f"data/features/{STYLE_SET}.h5"),
        digests=f"data/features/{STYLE_SET}.json",
        stylizer="data/networks/stylizer.safetensors",
        code=closure("ash.fitting.rain"),
    output:
        "data/features/rain.safetensors",
    log:
        "logs/rain.log",
    benchmark:
        "benchmarks/rain.tsv"
    priority: 8
    threads: threads_of("features")
    resources:
        **resources_of("features"),
    params:
        settings=fingerprint(SETTINGS.protocol.rain),
    shell:
        "OMP_NUM_THREADS=1 ash-on-gpu ash rain --style {input.style:q} --stylizer {input.stylizer:q} --out {output:q} > {log:q} 2>&1"


rule refit:
    input:
        sources=ancient([prepared(name, "train") for name in FITTED_ON]),
        held_out=ancient([prepared(name, "val") for name in FITTED_ON]),
        paintings=ancient(prepared(STYLE_SET, "train")),
        digests=[
            digest_of(prepared(name, split))
            for name, split in (
                *((name, split) for name in FITTED_ON for split in SPLITS),
                (STYLE_SET, "train"),
            )
        ],
        code=closure("ash.fitting.refit"),
    output:
        weights="data/refit/stylizer.safetensors",
        record="data/refit/stylizer.json",
    log:
        "logs/refit.log",
    benchmark:
        "benchmarks/refit.tsv"
    threads: threads_of("train")
    resources:
        **resources_of("train"),
    params:
        settings=fingerprint(SETTINGS.protocol.refit),
        sources=lambda w, input: options("--source", input.sources),
        held_out=lambda w, input: options("--held-out", input.held_out),
    shell:
        "OMP_NUM_THREADS=1 ash-on-gpu ash refit-stylizer {params.sources:q}"
        " {params.held_out:q} --paintings {input.paintings:q} --out {output.weights:q}"
        " --log {output.record:q} > {log:q} 2>&1"


rule refit_stylizer:
    input:
        "data/refit/stylizer.safetensors",
