"""The matrix as a table and as CSV, from made-up scores."""

from ash.labels import CLASSES
from ash.report.protocol_matrix import matrix_rows, matrix_table


def cell(miou, images=5, absent=("train",)):
    """The scores of a cell whose mean over 19 classes is `miou`, and over 16 a tenth more."""
    iou = {name: None if name in absent else 0.5 for name in CLASSES}
    means = {"19": miou, "16": None if miou is None else miou + 0.1, "13": None}
    return {"miou": means, "iou": iou, "images": images, "pixel_accuracy": 0.9}


RESULT = {
    "model": "x.safetensors",
    "families": {
        "clan": {"cityscapes": "c1", "bdd100k": "b1", "mapillary": "m1"},
        "rein": {"cityscapes": "c2", "bdd100k": "b1", "mapillary": "m2"},
    },
    "stated": {"clan": ["cityscapes"], "rein": ["bdd100k", "cityscapes", "mapillary"]},
    "cells": {"c1": cell(0.4), "c2": cell(0.45), "b1": cell(0.3, 7), "m1": cell(0.2), "m2": cell(None)},
}


def test_each_cell_and_the_mean_of_three():
    """Per cent to one decimal, an asterisk where the family does not score the set, no mean where one is undefined."""
    table = matrix_table(RESULT, 19, ["acdc: data/raw/acdc is not there"])
    assert [column.header for column in table.columns] == ["protocols", "cityscapes", "bdd100k", "mapillary", "C/B/M"]
    assert table.rows == (("clan", "40.0", "30.0*", "20.0*", "30.0"), ("rein", "45.0", "30.0", "-", "-"))
    assert "bdd100k: 7 images, 18 classes" in table.notes[0]
    assert table.notes[-1] == "not scored: acdc: data/raw/acdc is not there"


def test_over_sixteen_classes():
    """The mean of the same subset, and how many of its classes the labels hold."""
    table = matrix_table(RESULT, 16)
    assert table.rows[0] == ("clan", "50.0", "40.0*", "30.0*", "40.0")
    assert "16 classes; cityscapes: 5 images, 16 classes" in table.notes[0]


def test_rows_of_csv():
    """A line for each cell and one for the mean, to four decimals, undefined ones empty."""
    lines = matrix_rows(RESULT, 19).splitlines()
    assert lines[0] == "family,set,protocol,stated,images,classes,miou"
    assert lines[1] == "clan,cityscapes,c1,True,5,18,40.0000"
    assert lines[4] == "clan,C/B/M,,False,,,30.0000"
    assert lines[7:] == ["rein,mapillary,m2,True,5,18,", "rein,C/B/M,,True,,,"]
