const data = JSON.parse(document.getElementById("data").textContent);
const state = { dataset: "", embedding: "", score: "", scale: "log", head: "", heads: new Set(), embeddings: new Set() };
const byId = id => document.getElementById(id);

/** What codes stand for, each as often as `counts` says. */
const decoded = ({values, codes, counts}) => codes.flatMap((code, i) => Array(counts ? counts[i] : 1).fill(values[code]));

/** Columns, of which repeated ones hold their values once, as rows. */
function rowsOf(columns) {
  const names = Object.keys(columns);
  const read = names.map(name => columns[name].codes ? decoded(columns[name]) : columns[name]);
  return (read[0] || []).map((_, i) => Object.fromEntries(names.map((name, at) => [name, read[at][i]])));
}
const frames = Object.fromEntries(Object.entries(data.frames).map(([name, columns]) => [name, rowsOf(columns)]));
const rowsWhere = (frame, where) => frames[frame].filter(row => Object.entries(where).every(([name, value]) => row[name] === value));
const here = () => data.datasets.find(dataset => dataset.name === state.dataset);

/** Fill a select, choose one of its options, and return that. */
function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => {
    const option = element("option", text);
    option.value = value;
    return option;
  }));
  select.value = chosen;
  return select.value;
}

function setUp() {
  state.dataset = fill(byId("dataset"), data.datasets.map(dataset => [dataset.name, dataset.name]), data.datasets[0].name);
  byId("dataset").parentElement.hidden = data.datasets.length < 2;
  for (const head of data.heads) if (head.on) state.heads.add(head.name);
  for (const id of ["dataset", "embedding", "score", "scale"]) {
    byId(id).addEventListener("change", event => { state[id] = event.target.value; id === "dataset" ? chooseDataset() : redraw(); });
  }
  byId("head")?.addEventListener("change", event => { state.head = event.target.value; drawTrial(); });
  byId("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
  });
  nameTheme();
  byId("bar").hidden = false;
  chooseDataset();
}

const isNarrow = () => matchMedia("(max-width: 700px)").matches;
const isDark = () => document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
function nameTheme() { byId("theme").textContent = isDark() ? "Light" : "Dark"; }

function chooseDataset() {
  const dataset = here();
  state.head = "";
  for (const part of document.querySelectorAll("[data-dataset]")) part.hidden = part.dataset.dataset !== dataset.name;
  state.embeddings = new Set(dataset.embeddings.filter(embedding => embedding.on).slice(0, isNarrow() ? 1 : undefined).map(({ name }) => name));
  state.embedding = fill(byId("embedding"), dataset.embeddings.map(({ name }) => [name, name]), dataset.embeddings[0].name);
  byId("embedding").parentElement.hidden = dataset.embeddings.length < 2;
  state.score = fill(byId("score"), dataset.scores.map(score => [score, data.scores[score].name]), dataset.score);
  switches(byId("embedding-switches"), dataset.embeddings.map(({ name }) => ({ name })), state.embeddings, drawCurves);
  byId("embedding-switches").hidden = dataset.embeddings.length < 2;
  const heads = data.heads.filter(head => dataset.heads.includes(head.name));
  switches(byId("head-switches"), heads, state.heads, redraw, { all: heads.map(head => head.name), "one of a family": heads.filter(head => head.on).map(head => head.name) });
  redraw();
}

/** Check boxes that put names into a set; buttons that put many at once. */
function switches(place, members, chosen, changed, groups = {}) {
  const boxes = members.map(({ name, color, dash, shape }) => {
    const label = element("label", "", "chip");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = chosen.has(name);
    box.value = name;
    box.addEventListener("change", () => { box.checked ? chosen.add(name) : chosen.delete(name); changed(); });
    label.append(box, ...(color ? [swatch(color, dash, shape)] : []), name);
    return label;
  });
  const buttons = Object.entries(groups).map(([text, names]) => {
    const button = element("button", text);
    button.type = "button";
    button.addEventListener("click", () => {
      for (const label of boxes) {
        const box = label.querySelector("input");
        box.checked = names.includes(box.value);
        box.checked ? chosen.add(box.value) : chosen.delete(box.value);
      }
      changed();
    });
    return button;
  });
  place.replaceChildren(place.querySelector("legend"), ...boxes, ...buttons);
}
