// What the reader wants to see, for all sections below: a filter for text and a box for each outcome.

const followers = [];

sections.push(({ counts, outcomes, timeline }) => {
  if (counts.total === 0) return null;
  const texts = new Map(outcomes.map((outcome) => [outcome, textOf(outcome)]));
  const present = OUTCOMES.filter(({ name }) => counts[name] > 0);
  const search = element("input", { type: "search", placeholder: "Filter by id, field, value or error", ariaLabel: "Filter" });
  const boxes = present.map(({ name, label }) => {
    const checked = name !== "unchanged" || present.length === 1 || timeline !== null;
    const box = element("input", { type: "checkbox", name, checked });
    const text = element("label", { className: `box ${name}` }, box, label, element("small", {}, number(counts[name])));
    return { box, text };
  });

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = new Set(boxes.filter(({ box }) => box.checked).map(({ box }) => box.name));
    const matching = outcomes.filter((each) => wanted.has(each.outcome) && words.every((word) => texts.get(each).includes(word)));
    for (const show of followers) show(matching);
  }

  search.addEventListener("input", filter);
  for (const { box } of boxes) box.addEventListener("change", filter);
  whenDrawn.push(filter);
  return element("div", { className: "controls" }, search, element("div", { className: "boxes" }, ...boxes.map(({ text }) => text)));
});

function textOf({ index, line, id, error, message, fieldErrors = [], before, after, timeline = [] }) {
  const faults = fieldErrors.flatMap(({ field, message: fault }) => [field, fault]);
  const place = line === undefined ? `index ${index}` : `line ${line}`;
  const told = timeline.filter(({ mismatch }) => mismatch !== undefined).map(({ mismatch }) => `${MISMATCH}: ${mismatch}`);
  const zones = timeline.flatMap(({ timezones = [] }) => timezones);
  return [place, id, error, message, ...faults, JSON.stringify(before), JSON.stringify(after), ...told, ...zones].join(" ").toLowerCase();
}
