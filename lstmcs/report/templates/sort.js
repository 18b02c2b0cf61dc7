"use strict";
// A click on a column's head sorts its table; a second click turns the order round. Without this script a table reads as it is.
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
