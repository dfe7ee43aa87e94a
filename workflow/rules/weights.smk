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
