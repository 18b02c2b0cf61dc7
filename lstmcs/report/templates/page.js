"use strict";
// A table can be sorted and taken as CSV, a picture as SVG. Without this script they read as they are.
const figures = document.querySelectorAll("figure.table, figure.picture");

// A click on a column's head sorts its table; a second click turns the order round.
for (const table of document.querySelectorAll("figure.table table")) {
  const body = table.tBodies[0];
  if (!table.tHead || !body || body.rows.length < 2) continue;
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const number = !head.classList.contains("text");
    const value = (row) => {
      const text = row.cells[column] ? row.cells[column].textContent.trim() : "";
      return number ? parseFloat(text.replace("−", "-")) : text;
    };
    const missing = (x) => x === "" || x === "–" || Number.isNaN(x); // last, whichever way round
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      const rows = [...body.rows].map((row) => [value(row), row]);
      rows.sort(([a], [b]) => {
        if (missing(a) || missing(b)) return missing(a) - missing(b);
        return sign * (number ? a - b : a.localeCompare(b, "en", { numeric: true }));
      });
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      body.append(...rows.map(([, row]) => row));
    });
  });
}

// As it stands: sorted as the reader has sorted it, a formula as its id.
function csv(table) {
  const text = (cell) => {
    const copy = cell.cloneNode(true);
    for (const formula of copy.querySelectorAll(".formula")) formula.remove();
    return `"${copy.textContent.trim().replace(/"/g, '""')}"`;
  };
  return [...table.rows].map((row) => [...row.cells].map(text).join(",")).join("\r\n") + "\r\n";
}

// The panels of a picture below each other, as one drawing.
function svg(panels) {
  const sizes = panels.map((panel) => panel.viewBox.baseVal);
  const whole = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  let height = 0;
  panels.forEach((panel, at) => {
    const part = panel.cloneNode(true);
    part.setAttribute("width", sizes[at].width);
    part.setAttribute("height", sizes[at].height);
    part.setAttribute("y", height);
    height += sizes[at].height;
    whole.append(part);
  });
  whole.setAttribute("viewBox", `0 0 ${Math.max(...sizes.map((size) => size.width))} ${height}`);
  return new XMLSerializer().serializeToString(whole);
}

for (const figure of figures) {
  const caption = figure.querySelector("figcaption"), table = figure.querySelector("table");
  const panels = [...figure.querySelectorAll("svg")];
  if (!caption || !(table || panels.length)) continue;
  const name = `${document.title} ${caption.textContent}`.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 80).replace(/^-+|-+$/g, "");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "take";
  button.textContent = table ? "CSV" : "SVG";
  button.setAttribute("aria-label", `${table ? "This table as a CSV file" : "This picture as an SVG file"}: ${caption.textContent}`);
  button.addEventListener("click", () => {
    const content = table ? ["\ufeff" + csv(table), "text/csv"] : [svg(panels), "image/svg+xml"];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content[0]], { type: content[1] }));
    link.download = `${name}.${button.textContent.toLowerCase()}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  caption.append(" ", button);
}
