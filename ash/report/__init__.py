"""Tables, figures and the page, from the files of the runs; rebuilt without torch.

runs      finds what the runs left behind
records   reads it, and what else the report is made of
paper     the paper's printed numbers, with their misprints and our notes
tables    the paper's tables with ours beside them
means     which classes a mean goes over where sets do not share them all
sampling  what an interval over images draws by itself: an image, or a block of a video's frames
contrast  the difference between two experiments, seed by seed
claims    what the paper and this project claim, as data: workflow/resources/claims.yaml
verdicts  what was measured for a claim, and whether it holds
answers   the table of claims, and every contrast of a claim on every target
forest    the plot of these contrasts
in_words  the claims in plain words, for pages
authors_scores  what the authors' trained models score, beside what the paper prints
protocol_matrix  one model under every protocol
cost      what a training step of each method costs
selected  which of several trials each rule of selection takes
metrics   the figures of all experiments in one file each
plots     what `dvc plots` draws: curves and bars as CSV files
figures   all figures: the paper's Figure 3, and three of our own
strips    the paper's Figures 1 and 2
contributions  the paper's Figure 4, and its CSV
drawing   what all figures share
page      results/report.html, one file that needs no network
table     the value behind every table: built once, shown in two ways
markdown  that value as Markdown
html      that value as HTML
"""
