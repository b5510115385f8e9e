// One outcome as a row of the table: where it stands in the input, what came of it, and why.

const HEADINGS = {
  failed: "Was to be written:",
  not_attempted: "Was to be written:",
  skipped: "Does not stand:",
  planned: "Would be written:",
  unchanged: "Was there already:",
};

function rowOf(outcome, byLine) {
  const label = OUTCOMES.find(({ name }) => name === outcome.outcome).label;
  const place = byLine ? (outcome.line ?? "–") : outcome.index;
  const placed = element("td", { className: "place" }, typeof place === "number" ? number(place) : place);
  placed.dataset.name = byLine ? "line" : "index";
  const made = element(
    "tr",
    {},
    placed,
    element("td", { className: "what" }, element("span", { className: `pill ${outcome.outcome}` }, label)),
    element("td", { className: "record" }, outcome.id ?? "(no id)"),
    element("td", {}, element("div", { className: "story" }, failure(outcome), changes(outcome))),
  );
  made.dataset.index = outcome.index;
  return made;
}

function failure(outcome) {
  const { error, message, attempts, retryable } = outcome;
  if (!error && !message) return null;
  const { reason, faults } = reasonOf(outcome);
  const items = faults.map(({ field, message: fault }) => element("li", {}, field ? element("code", {}, field) : null, field ? " " : null, fault));
  const notes = [attempts > 1 ? counted(attempts, "attempt") : "", error && retryable ? "may succeed when run again" : ""].filter(Boolean);
  return element(
    "div",
    { className: error ? "failure" : "reason" },
    error ? element("b", {}, error) : null,
    reason ? element("p", {}, reason) : null,
    reason ? localTimes(reason, zoneOfRow(outcome)) : null,
    items.length ? element("ul", {}, ...items) : null,
    notes.length ? element("p", { className: "muted" }, notes.join(" · ")) : null,
  );
}

// What is wrong with a field stands in the message as well: it is told once, in the list.
function reasonOf({ message = "", fieldErrors = [] }) {
  const told = ({ field, message: fault }) => (field ? `${field}: ${fault}` : fault);
  const lines = message.split("\n").filter((line) => {
    const item = line.match(/^\s*- (.*?)(?:… \([\d,]+ characters\))?$/)?.[1];
    return !item || !fieldErrors.some((fault) => told(fault).startsWith(item));
  });
  const reason = lines.join("\n").trim();
  return { reason, faults: fieldErrors.filter((fault) => !reason.includes(told(fault))) };
}

function changes(outcome) {
  const { before = {}, after = {} } = outcome;
  const names = Object.keys(after);
  if (names.length === 0) return null;
  const zone = zoneOfRow(outcome);
  const lines = names.map((name) => {
    const shown = outcome.outcome === "unchanged" ? [value(after[name], "is", zone)] : changeOf(before, after, name, zone);
    return element("div", { className: "change" }, element("dt", {}, name), element("dd", {}, ...shown));
  });
  const heading = outcome.outcome in HEADINGS ? element("p", { className: "muted" }, HEADINGS[outcome.outcome]) : null;
  return element("div", {}, heading, element("dl", { className: "changes" }, ...lines));
}

function changeOf(before, after, name, zone) {
  const was = Object.hasOwn(before, name) ? value(before[name], "was", zone) : element("i", { className: "was" }, "not known");
  return [was, element("span", { className: "arrow" }, "→"), value(after[name], "is", zone)];
}

function value(given, className, zone) {
  if (given === null || given === "") return element("i", { className }, given === null ? "empty (null)" : "empty text");
  const items = Array.isArray(given) && given.length ? given : [given];
  const lines = items.map((item) => {
    const text = typeof given === "string" ? item : JSON.stringify(item);
    return element("span", { className: "item" }, text, localTimes(text, zone));
  });
  return element("span", { className }, ...lines);
}
