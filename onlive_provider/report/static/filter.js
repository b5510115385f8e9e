// What the reader wants to see, for all sections below: a filter for text, a box for each outcome, and a cause.

// Each takes the page's outcomes that match, and the filter itself.
const followers = [];

const chosen = { cause: null };

let filterAgain = () => {};

sections.push(({ counts, outcomes, timeline }) => {
  if (counts.total === 0) return null;
  const texts = new Map(outcomes.map((outcome) => [outcome, null]));
  const present = OUTCOMES.filter(({ name }) => counts[name] > 0);
  const search = element("input", { type: "search", placeholder: "Filter by id, field, value or error", ariaLabel: "Filter" });
  const boxes = present.map(({ name, label }) => {
    const checked = name !== "unchanged" || present.length === 1 || timeline !== null;
    const box = element("input", { type: "checkbox", name, checked });
    const text = element("label", { className: `box ${name}` }, box, label, element("small", {}, number(counts[name])));
    return { box, text };
  });
  let touched = false;

  function textOnPage(outcome) {
    if (texts.get(outcome) === null) texts.set(outcome, textOf(outcome));
    return texts.get(outcome);
  }

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (chosen.cause !== null) for (const { box } of boxes) if (box.name === "failed") box.checked = true;
    const wanted = new Set(boxes.filter(({ box }) => box.checked).map(({ box }) => box.name));
    const { cause } = chosen;
    const matching = outcomes.filter(
      (each) => (cause === null ? wanted.has(each.outcome) : each.cause === cause) && words.every((word) => textOnPage(each).includes(word)),
    );
    for (const show of followers) show(matching, { words, wanted, cause, touched });
  }

  filterAgain = () => {
    touched = true;
    filter();
  };
  search.addEventListener("input", filterAgain);
  for (const { box } of boxes) box.addEventListener("change", filterAgain);
  whenDrawn.push(filter);
  return element("div", { className: "controls" }, search, element("div", { className: "boxes" }, ...boxes.map(({ text }) => text)));
});

function textOf({ index, line, id, name, error, message, fieldErrors = [], before, after, timeline = [] }) {
  const faults = fieldErrors.flatMap(({ field, message: fault }) => [field, fault]);
  const place = line === undefined ? `index ${index}` : `line ${line}`;
  const told = timeline.filter(({ mismatch }) => mismatch !== undefined).map(({ mismatch }) => `${MISMATCH}: ${mismatch}`);
  const zones = timeline.flatMap(({ timezones = [] }) => timezones);
  return [place, id, name, error, message, ...faults, JSON.stringify(before), JSON.stringify(after), ...told, ...zones].join(" ").toLowerCase();
}
