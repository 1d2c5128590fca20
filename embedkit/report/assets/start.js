for (const losses of data.losses) draw(byId(losses.place), data.templates.losses, rowsOf(losses.rows));
for (const chart of data.history) draw(byId(chart.place), chart.template, rowsOf(chart.rows));
if (data.datasets.length) setUp();

// charts in a closed part have no width: a part that opens is drawn anew
for (const part of document.querySelectorAll("details.section")) {
  if (isNarrow() && part.dataset.secondary !== undefined) part.open = false;
  part.addEventListener("toggle", () => { if (part.open) window.dispatchEvent(new Event("resize")); });
}
window.addEventListener("beforeprint", () => { for (const part of document.querySelectorAll("details:not(.vega-embed details)")) part.open = true; });
