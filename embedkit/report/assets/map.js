/** Test images in the plane of the chosen embedding. */
function drawMap() {
  if (!byId("map-charts")) return;
  const map = data.maps.find(({ dataset, embeddings }) => dataset === state.dataset && embeddings.includes(state.embedding));
  byId("map").hidden = !data.maps.some(({ dataset }) => dataset === state.dataset);
  const [place] = places(byId("map-charts"), [""]);
  byId("map-classes").replaceChildren();
  if (!map) {
    byId("map-note").textContent = `The store does not hold the vectors of ${state.embedding}.`;
    return;
  }
  const images = data.images[state.dataset];
  const rows = images.ids.map((image, i) => ({ image, number: i, x: map.x[i], y: map.y[i], wrong: images.wrong[i], ...(images.names ? { class: images.names[images.truth[i]] } : { target: images.truth[i] }) }));
  draw(place, map.template, rows, () => {}, (handler, event, item, value) => hover(event, value && rows[images.numbers.get(value.image)], images));
  for (const [i, name] of (images.names || []).entries()) {
    const [color, shape] = images.marks[i];
    const line = element("li");
    line.append(swatch(color, "", shape), name);
    byId("map-classes").append(line);
  }
  byId("map-note").textContent = `${images.ids.length} of ${images.of} test images by the first two principal components of ${state.embedding}, which hold ${map.share}% of the variance.`
    + (images.sprite ? " Point at one to see it." : ` ${images.why}`);
}

/** Show what is under the pointer, or nothing. */
function hover(event, row, images) {
  const box = byId("hover");
  box.hidden = !row;
  if (!row) return;
  box.replaceChildren();
  if (images.sprite) {
    const { uri, side, columns } = images.sprite, zoom = 96 / side;
    const thumb = element("div", "", side <= 24 ? "thumb tiny" : "thumb");
    thumb.style.backgroundImage = `url(${uri})`;
    thumb.style.backgroundSize = `${columns * 96}px auto`;
    thumb.style.backgroundPosition = `${-(row.number % columns) * side * zoom}px ${-Math.floor(row.number / columns) * side * zoom}px`;
    box.append(thumb);
  }
  box.append(element("div", row.image), element("div", row.class ?? `target ${row.target}`));
  if (row.wrong !== null) box.append(element("div", row.class === undefined ? `off by ${row.wrong} on average` : `wrong in ${Math.round(100 * row.wrong)}% of trials`));
  const x = Math.min(event.clientX + 14, innerWidth - box.offsetWidth - 8);
  box.style.left = `${Math.max(8, x)}px`;
  box.style.top = `${Math.max(8, Math.min(event.clientY + 14, innerHeight - box.offsetHeight - 8))}px`;
}
for (const images of Object.values(data.images)) images.numbers = new Map(images.ids.map((image, i) => [image, i]));
