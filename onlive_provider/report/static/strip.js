// The outcomes along the input, so that failures that belong together stand together.

const FEW = 60; // columns that are wide enough for a gap between them
const STRIP_HEIGHT = 64;
const LEAST = 8; // pixels: one failure among thousands must show

sections.push(({ counts, strip }) => {
  if (counts.total === 0) return null;
  const { length, last, stretches } = strip;
  const picture = drawing("svg", {
    class: "strip",
    width: "100%",
    height: STRIP_HEIGHT,
    viewBox: `0 0 ${stretches.length} ${STRIP_HEIGHT}`,
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": "Outcomes in the input's order",
  });
  stretches.forEach((stretch, at) => picture.append(column(stretch, at, strip)));
  const scale = element("div", { className: "scale" }, element("span", {}, "index 0"), element("span", {}, `index ${number(last)}`));
  const note = length === 1 ? "a column for each record" : `a column for every ${counted(length, "record")}`;
  return card("Outcomes in the input's order", note, picture, scale, legend(counts));
});

function column(stretch, at, { length, last, names, stretches }) {
  const width = stretches.length <= FEW ? 0.94 : 1;
  const total = stretch.reduce((sum, count) => sum + count, 0);
  const present = OUTCOMES.map(({ name, label }) => ({ name, label, count: stretch[names.indexOf(name)] })).filter(({ count }) => count > 0);
  const spare = STRIP_HEIGHT - LEAST * present.length;
  const first = at * length;
  const where = length === 1 ? `index ${number(first)}` : `index ${number(first)} to ${number(Math.min(first + length - 1, last))}`;
  const told = present.map(({ label, count }) => `${label.toLowerCase()} ${number(count)}`).join(", ");
  const group = drawing("g", {}, drawing("title", {}, `${where}: ${told}`));
  let y = 0;
  for (const { name, count } of present) {
    const height = LEAST + (spare * count) / total;
    group.append(drawing("rect", { x: at, y, width, height, class: name }));
    y += height;
  }
  return group;
}

function legend(counts) {
  const keys = OUTCOMES.filter(({ name }) => counts[name] > 0);
  return element("p", { className: "legend" }, ...keys.map(({ name, label }) => element("span", { className: `key ${name}` }, label)));
}
