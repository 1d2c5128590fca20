const shownHeads = rows => rows.filter(row => state.heads.has(row.head));

function redraw() {
  drawCurves();
  drawDifferences();
  drawCosts();
  chooseTrial();
  drawMap();
}

/** A score that is a mean over images, so that differences have intervals: the chosen one, or the one of the tables. */
function pairedScore() {
  return rowsWhere("differences", { dataset: state.dataset, score: state.score }).length ? state.score : here().score;
}

function drawCurves() {
  const { budgets, embeddings } = here();
  const shown = embeddings.map(({ name }) => name).filter(name => state.embeddings.has(name));
  const all = shownHeads(rowsWhere("curves", { dataset: state.dataset, score: state.score })).filter(row => state.embeddings.has(row.embedding));
  const score = data.scores[state.score];
  const ticks = JSON.stringify(Object.fromEntries(budgets.map(({ labels, name }) => [labels, name]))) + "[datum.value]";
  const domain = [Math.min(...all.map(row => row.low)), Math.max(...all.map(row => row.high))];
  const change = (name, channel) => {
    if (name === "x") {
      channel.axis = { ...channel.axis, values: budgets.map(({ labels }) => labels), labelExpr: ticks };
      channel.scale.type = state.scale;
      channel.title = here().budgetTitle;
    } else if (name === "y") {
      channel.title = score.title;
      if (all.length) channel.scale.domain = domain;
    }
  };
  places(byId("curve-charts"), shown).forEach((place, i) => draw(place, data.templates.curves, all.filter(row => row.embedding === shown[i]), change));
  const draws = all.length && all[0].covers !== data.coversImages;
  byId("curve-note").textContent = `Bands are 95% intervals over ${all.length ? all[0].covers : data.coversImages}${draws ? ", so they say nothing of new test images" : ""}.`;
}

function drawDifferences() {
  if (!byId("difference-charts")) return;
  const score = pairedScore();
  const rows = shownHeads(rowsWhere("differences", { dataset: state.dataset, embedding: state.embedding, score }));
  const budgets = here().budgets.map(({ name }) => name).filter(name => rows.some(row => row.budget === name));
  const heads = data.heads.map(({ name }) => name);
  const change = (name, channel) => {
    if (name === "y") channel.sort = heads;
  };
  const titles = budgets.map(name => name === "all" ? "all labels" : isNaN(name) ? name : `${name} ${here().budgetTitle.startsWith("labels per") ? "per class" : "labels"}`);
  const template = { ...data.templates.differences, height: 30 + 19 * new Set(rows.map(row => row.head)).size };
  places(byId("difference-charts"), titles).forEach((place, i) => draw(place, template, rows.filter(row => row.budget === budgets[i]), change));
  const against = rows.length ? rows[0].reference : "";
  byId("difference-note").textContent = rows.length
    ? `${data.scores[score].name}; right of zero: better than ${against} on the same draws and images (${state.embedding}). Lines are 95% intervals of each difference alone; full points exclude zero.`
    : "No fully connected head to hold others against, or all others are switched off.";
}

function drawCosts() {
  if (!byId("cost-charts")) return;
  const all = rowsWhere("costs", { dataset: state.dataset, embedding: state.embedding, score: state.score }).filter(row => row.on_front || state.heads.has(row.head));
  const measures = Object.keys(data.costs).filter(measure => all.some(row => row.measure === measure));
  const titles = measures.map(measure => data.costs[measure].split(",")[0]);
  places(byId("cost-charts"), titles).forEach((place, i) => draw(place, data.templates.costs, all.filter(row => row.measure === measures[i]), (name, channel) => {
    if (name === "x") channel.title = data.costs[measures[i]];
    if (name === "y") channel.title = data.scores[state.score].title;
  }));
}

function chooseTrial() {
  if (!byId("head")) return;
  const trials = data.trials.filter(trial => trial.dataset === state.dataset && trial.embedding === state.embedding);
  byId("trial").hidden = !trials.length;
  if (!trials.length) return;
  const score = here().score, last = here().budgets.at(-1).name;
  const scored = new Map(rowsWhere("curves", { dataset: state.dataset, embedding: state.embedding, score, budget: last }).map(row => [row.head, row.estimate]));
  const worth = ({ head, reliability }) => (scored.get(head) ?? 0) + (reliability ? 1000 : 0);
  const kept = trials.find(({ head }) => head === state.head) || trials.reduce((a, b) => worth(a) >= worth(b) ? a : b);
  state.head = fill(byId("head"), trials.map(({ head }) => [head, head]), kept.head);
  drawTrial();
}

function drawTrial() {
  const trial = data.trials.find(({ dataset, embedding, head }) => dataset === state.dataset && embedding === state.embedding && head === state.head);
  const classes = here().classes;
  const counts = trial.confusion.map(([truth, predicted, images, share]) => ({ truth: classes[truth], predicted: classes[predicted], images, share }));
  const present = classes.filter(name => counts.some(row => row.truth === name || row.predicted === name));
  const [confusion, reliability] = places(byId("trial-charts"), ["Confusion, % of each true class", trial.reliability ? "Reliability" : `Reliability: ${state.head} gives no probabilities`]);
  const template = structuredClone(data.templates.confusion);
  template.height = Math.max(180, 24 * present.length);
  if (present.length > data.writtenMax) template.layer.pop();
  draw(confusion, template, counts, (name, channel) => { if (name === "x" || name === "y") channel.sort = present; });
  if (trial.reliability) draw(reliability, data.templates.reliability, rowsOf(trial.reliability));
  const fewer = present.length < classes.length ? ` The ${present.length} of ${classes.length} classes that are mistaken most.` : "";
  byId("trial-note").textContent = `${state.head} on ${state.embedding} at ${here().budgets.at(-1).words}, all repeats together.${fewer}`;
}
