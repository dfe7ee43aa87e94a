# Raw sets of the user's own: a rule each, so that one set can be asked for by name (`snakemake acquire_gta5`).
OWNED = [name for name, dataset in DATASETS.items() if not dataset.draw]


for owned in OWNED:

    rule:
        name:
            f"acquire_{owned}"
        input:
            code=closure("ash.acquire.steps", f"ash.datasets.{owned}"),
        output:
            f"data/{aside(owned)}acquired/{owned}.json",
        log:
            f"logs/acquire/{owned}.log",
        benchmark:
            f"benchmarks/acquire/{owned}.tsv"
        # What is missing is told before an hour of training, a target's files too.
        priority: 12
        # Nodes of a cluster seldom reach the network; the machine that runs Snakemake does.
        localrule: True
        threads: 1
        resources:
            mem_mb=2000,
            runtime=1440,
            gpu=0,
        params:
            settings=fingerprint(DATASETS[owned].root, DATASETS[owned].count),
            set=owned,
        shell:
            "ash acquire {params.set:q} --out {output:q} > {log:q} 2>&1"
