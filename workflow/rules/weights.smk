# Published weights in data/weights (docs/guide/weights.md), fetched or brought by the user, as the steps read them.
from ash.acquire.networks import ADAIN, FITTED_PAIR, IMPORTED_PAIR, needed


rule acquire_weights:
    input:
        code=closure("ash.acquire.weights"),
    output:
        ACQUIRED_WEIGHTS,
    log:
        "logs/acquire/weights.log",
    benchmark:
        "benchmarks/acquire/weights.tsv"
    # As for sets: the machine that runs Snakemake reaches the network.
    localrule: True
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
        gpu=0,
    params:
        files=[path.as_posix() for path in needed(SETTINGS.protocol)],
    shell:
        "ash acquire weights --out {output:q} > {log:q} 2>&1"


rule initial_weights:
    input:
        weights=brought(SETTINGS.protocol.segmenter.weights),
        code=closure("ash.weights.checkpoints"),
    output:
        "data/networks/segmenter.safetensors",
    log:
        "logs/initial_weights.log",
    benchmark:
        "benchmarks/initial_weights.tsv"
    priority: 10
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    params:
        source=SETTINGS.protocol.segmenter.weights,
    shell:
        "ash import-checkpoint {params.source:q} {output:q} --backbone > {log:q} 2>&1"


rule import_stylizer:
    input:
        weights=brought(*ADAIN),
        code=closure("ash.fitting.files"),
    output:
        IMPORTED_PAIR,
    log:
        "logs/import_stylizer.log",
    benchmark:
        "benchmarks/import_stylizer.tsv"
    priority: 10
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    params:
        source=ADAIN,
    shell:
        "ash import-stylizer {params.source:q} {output:q} > {log:q} 2>&1"


DECODER = SETTINGS.protocol.decoder


rule fit_decoder:
    input:
        encoder=brought(DECODER.encoder if DECODER else None),
        contents=[
            ancient(prepared(name, "train"))
            for name in (DECODER.contents if DECODER else ())
        ],
        paintings=ancient(prepared(STYLE_SET, "train")),
        digests=[
            digest_of(prepared(name, "train"))
            for name in (*(DECODER.contents if DECODER else ()), STYLE_SET)
        ],
        code=closure("ash.fitting.decoder"),
    output:
        weights=FITTED_PAIR,
        record="data/networks/fitted_adain.json",
    log:
        "logs/fit_decoder.log",
    benchmark:
        "benchmarks/fit_decoder.tsv"
    threads: threads_of("train")
    resources:
        **resources_of("train"),
    params:
        settings=fingerprint(DECODER) if DECODER else "none",
        contents=lambda w, input: options("--content", input.contents),
    shell:
        "OMP_NUM_THREADS={threads} ash-on-gpu ash fit-decoder {params.contents:q} --paintings {input.paintings:q}"
        " --out {output.weights:q} --log {output.record:q} > {log:q} 2>&1"
