"""Tables, figures and the page, from the files of the runs; rebuilt without torch.

runs             finds what the runs left behind
records          reads it, and what else the report is made of
paper            the paper's printed numbers, with their misprints and our notes
tables           the paper's tables with ours beside them
contrast         the difference between two experiments, seed by seed
protocol_matrix  one model under every protocol
cost             what a training step of each method costs
metrics          the figures of all experiments in one file each
plots            what `dvc plots` draws: curves and bars as CSV files
figures          the paper's Figures 3 and 4, and three of our own
page             results/report.html, one file that needs no network
table            the value behind every table: built once, shown in two ways
markdown         that value as Markdown
html             that value as HTML
"""
