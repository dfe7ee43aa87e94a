# Published weights, brought by the user into data/weights (docs/weights.md), as the steps read them.
ADAIN = ("data/weights/vgg_normalised.pth", "data/weights/decoder.pth")


rule initial_weights:
    input:
        weights=present(SETTINGS.protocol.segmenter.weights),
        code=closure("ash.experiment.checkpoints"),
    output:
        "data/segmenter.safetensors",
    log:
        "logs/initial_weights.log",
    benchmark:
        "benchmarks/initial_weights.tsv"
    priority: 10
    conda:
        "../envs/ash.yaml"
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    params:
        source=SETTINGS.protocol.segmenter.weights,
    shell:
        "ash import-checkpoint {params.source} {output} --backbone > {log} 2>&1"


rule import_stylizer:
    input:
        weights=present(*ADAIN),
        code=closure("ash.experiment.stylizer"),
    output:
        "data/imported/adain.safetensors",
    log:
        "logs/import_stylizer.log",
    benchmark:
        "benchmarks/import_stylizer.tsv"
    priority: 10
    conda:
        "../envs/ash.yaml"
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    params:
        source=ADAIN,
    shell:
        "ash import-stylizer {params.source} {output} > {log} 2>&1"


DECODER = SETTINGS.protocol.decoder


rule fit_decoder:
    input:
        encoder=present(DECODER.encoder if DECODER else None),
        contents=[
            ancient(prepared(name, "train"))
            for name in (DECODER.contents if DECODER else ())
        ],
        paintings=ancient(prepared(STYLE_SET, "train")),
        digests=[
            digest_of(prepared(name, "train"))
            for name in (*(DECODER.contents if DECODER else ()), STYLE_SET)
        ],
        code=closure("ash.experiment.decoder"),
    output:
        weights="data/decoder/stylizer.safetensors",
        record="data/decoder/stylizer.json",
    log:
        "logs/fit_decoder.log",
    benchmark:
        "benchmarks/fit_decoder.tsv"
    conda:
        "../envs/ash.yaml"
    threads: threads_of("train")
    resources:
        **resources_of("train"),
    params:
        settings=fingerprint(DECODER) if DECODER else "none",
        contents=lambda w, input: options("--content", input.contents),
    shell:
        "OMP_NUM_THREADS={threads} ash-on-gpu ash fit-decoder {params.contents} --paintings {input.paintings}"
        " --out {output.weights} --log {output.record} > {log} 2>&1"
