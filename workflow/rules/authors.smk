# The trained models of ASH's authors under every evaluation protocol (docs/guide/authors_models.md): `snakemake authors_models`.
from ash.acquire.networks import AUTHORS


rule authors_models:
    input:
        # A protocol of other data has nothing to score them on.
        expand("results/authors/{source}.md", source=AUTHORS if OUR_PROTOCOLS else ()),


rule import_authors:
    input:
        weights=lambda w: present(AUTHORS[w.source][0]),
        code=closure("ash.acquire.authors_files"),
    output:
        "data/networks/ash_{source}.safetensors",
    log:
        "logs/authors/{source}.log",
    benchmark:
        "benchmarks/authors/{source}.tsv"
    wildcard_constraints:
        source="|".join(AUTHORS),
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    params:
        settings=fingerprint(SETTINGS.protocol.segmenter),
    shell:
        "ash import-authors {wildcards.source:q} {output:q} > {log:q} 2>&1"


rule evaluate_authors:
    input:
        model="data/networks/ash_{source}.safetensors",
        manifest=lambda w: f"data/manifests/{PROTOCOLS[w.protocol].dataset}.json",
        code=lambda w: closure(
            "ash.experiment.evaluate",
            "ash.experiment.evaluate_raw",
            "ash.preparation.manifest",
            f"ash.datasets.{PROTOCOLS[w.protocol].labels}",
        ),
    output:
        "results/authors/{source}/{protocol}.json",
    log:
        "logs/authors/{source}_{protocol}.log",
    benchmark:
        "benchmarks/authors/{source}_{protocol}.tsv"
    wildcard_constraints:
        source="|".join(AUTHORS),
        protocol="|".join(OUR_PROTOCOLS) or "(?!)",
    threads: threads_of("evaluate")
    resources:
        **resources_of("evaluate"),
    params:
        settings=lambda w: fingerprint(
            DATASETS[PROTOCOLS[w.protocol].dataset].root,
            DATASETS[PROTOCOLS[w.protocol].dataset].validation,
        ),
        out=lambda w, output: os.path.dirname(output[0]),
        scored=lambda w, input: f"{w.protocol}={input.manifest}",
    shell:
        "OMP_NUM_THREADS={threads} ash-on-gpu ash evaluate-model {input.model:q} --protocol {params.scored:q}"
        " --out {params.out:q} > {log:q} 2>&1"


rule authors_table:
    input:
        scores=expand(
            "results/authors/{{source}}/{protocol}.json", protocol=OUR_PROTOCOLS
        ),
        paper=located("ash/report/paper.yaml"),
        code=closure("ash.report.authors_scores"),
    output:
        "results/authors/{source}.md",
        "results/authors/{source}.csv",
    log:
        "logs/authors/{source}_table.log",
    benchmark:
        "benchmarks/authors/{source}_table.tsv"
    wildcard_constraints:
        source="|".join(AUTHORS),
    localrule: True
    threads: threads_of("light")
    resources:
        **resources_of("light"),
    params:
        scored=lambda w, input: os.path.dirname(input.scores[0]),
        out=lambda w, output: os.path.dirname(output[0]),
        settings=fingerprint({name: bool(DATASETS[name].draw) for name in DATASETS}),
    shell:
        "ash authors-table {wildcards.source:q} --scores {params.scored:q} --out {params.out:q} > {log:q} 2>&1"
