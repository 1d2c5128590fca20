const config = {
  background: "transparent", font: "system-ui, sans-serif", view: { stroke: null },
  axis: { labelColor: "currentColor", titleColor: "currentColor", domainColor: "currentColor", tickColor: "currentColor", gridColor: "currentColor",
    labelFontSize: 11, titleFontSize: 12, titleFontWeight: "normal", gridOpacity: 0.13, domainOpacity: 0.5, tickOpacity: 0.5 },
  legend: { labelColor: "currentColor", titleColor: "currentColor" }, text: { color: "currentColor" }, rule: { color: "currentColor" },
};
const drawn = new Map();

/** Every encoding of a specification, its layers' too. */
function channels(spec) {
  return [spec, ...(spec.layer || [])].flatMap(view => Object.entries(view.encoding || {}));
}

/** Draw rows into a place by a template; `change(name, channel)` may alter each encoding. */
function draw(place, template, rows, change = () => {}, tooltip = { disableDefaultStyle: true }) {
  const spec = structuredClone(template);
  for (const [name, channel] of channels(spec)) change(name, channel);
  spec.datasets = { ...spec.datasets, rows };
  const before = drawn.get(place);
  if (before) before.then(result => result.finalize());
  const actions = { export: true, source: false, compiled: false, editor: false };
  const result = vegaEmbed(place, spec, { config, renderer: "svg", actions, tooltip, downloadFileName: place.id || "figure" });
  drawn.set(place, result);
  return result;
}

/** Places for charts with titles inside a grid; those of before are thrown away. */
function places(grid, titles) {
  for (const place of grid.querySelectorAll(".chart")) {
    if (drawn.has(place)) drawn.get(place).then(result => result.finalize());
    drawn.delete(place);
  }
  grid.replaceChildren(...titles.map((title, i) => {
    const cell = document.createElement("div");
    if (title) cell.append(element("h4", title));
    const place = element("div", "", "chart");
    place.id = grid.id + "-" + (i + 1);
    cell.append(place);
    return cell;
  }));
  return [...grid.querySelectorAll(".chart")];
}

function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** A line and marker as they are in charts. */
function swatch(color, dash, shape) {
  const paths = {
    circle: "M11 2.5a3.5 3.5 0 1 1 0 7a3.5 3.5 0 1 1 0-7z", square: "M8 3h6v6h-6z", "triangle-up": "M11 2l4 7h-8z", diamond: "M11 1.5l3.5 4.5-3.5 4.5-3.5-4.5z",
    cross: "M9.7 2h2.6v2.7h2.7v2.6h-2.7v2.7h-2.6v-2.7h-2.7v-2.6h2.7z", "triangle-down": "M11 10l4-7h-8z",
  };
  const holder = element("span");
  const line = dash ? `<path d="M0 6h22" stroke="${color}" stroke-width="2" stroke-dasharray="${dash}"/>` : "";
  holder.innerHTML = `<svg width="22" height="12" aria-hidden="true">${line}<path d="${paths[shape]}" fill="${color}"/></svg>`;
  return holder.firstChild;
}
