// What the page can do beyond being read: tables are sorted by their headers, and those whose rows have a verdict are filtered.
"use strict";

const ABSENT = /^[-\u2013\u2014]?$/; // an empty cell, or a dash
const NEXT = { none: "ascending", ascending: "descending", descending: "none" };

// The number that a cell begins with; NaN if there is none.
function numberOf(text) {
  return parseFloat(text.replace("\u2212", "-").replace(/^\+/, ""));
}

// How two cells of a column compare: as numbers if the column holds nothing else, as text otherwise.
function comparison(texts) {
  const numbers = texts.every((text) => ABSENT.test(text) || !Number.isNaN(numberOf(text)));
  return numbers ? (a, b) => numberOf(a) - numberOf(b) : (a, b) => a.localeCompare(b, "en", { numeric: true });
}

// Put the rows in the order of a column; rows without a value come last, and "none" is the order of the page.
function sort(body, rows, column, order) {
  const cell = (row) => row.cells[column].textContent.trim();
  const compare = comparison(rows.map(cell));
  const sign = order === "descending" ? -1 : 1;
  const ordered = (a, b) => {
    const [left, right] = [cell(a), cell(b)];
    const absent = ABSENT.test(left) - ABSENT.test(right);
    return absent || (ABSENT.test(left) ? 0 : sign * compare(left, right));
  };
  body.append(...(order === "none" ? rows : rows.toSorted(ordered)));
}

function makeSortable(table) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    header.ariaSort = "none";
    button.addEventListener("click", () => {
      const order = NEXT[header.ariaSort];
      headers.forEach((other) => (other.ariaSort = "none"));
      header.ariaSort = order;
      sort(body, rows, column, order);
    });
  });
}

// A row of choices above the table: all of its rows, or those of one verdict.
function makeFilterable(table, number) {
  const rows = [...table.querySelectorAll("tr[data-verdict]")];
  const verdicts = [...new Set(rows.map((row) => row.dataset.verdict))];
  const field = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.append("Verdict");
  field.append(legend);
  for (const verdict of ["", ...verdicts]) {
    const shown = rows.filter((row) => !verdict || row.dataset.verdict === verdict);
    const label = document.createElement("label");
    const choice = document.createElement("input");
    Object.assign(choice, { type: "radio", name: `verdict-${number}`, value: verdict, checked: !verdict });
    choice.addEventListener("change", () => rows.forEach((row) => (row.hidden = !shown.includes(row))));
    label.append(choice, ` ${verdict || "all"} (${shown.length})`);
    field.append(label);
  }
  (table.closest(".scroll") ?? table).before(field);
}

[...document.querySelectorAll("table")].filter((table) => table.tHead && table.tBodies.length).forEach(makeSortable);
[...document.querySelectorAll("table:has(tr[data-verdict])")].forEach(makeFilterable);
