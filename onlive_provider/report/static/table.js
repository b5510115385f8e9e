// The outcomes themselves, those that the filter lets through, a hundred at a time.

const PAGE = 100;

sections.push(({ counts, outcomes, leftOut }) => {
  if (counts.total === 0) return null;
  const byLine = outcomes.some(({ line }) => line !== undefined);
  const body = element("tbody", {});
  const told = element("p", { className: "told muted" });
  const more = element("button", { type: "button", className: "more" });
  let matching = [];

  function show() {
    const from = body.childElementCount;
    body.append(...matching.slice(from, from + PAGE).map((outcome) => row(outcome, byLine)));
    const shown = body.childElementCount;
    told.textContent = matching.length ? `${number(shown)} of ${number(matching.length)} that match` : "No record matches.";
    more.textContent = `Show ${number(Math.min(PAGE, matching.length - shown))} more`;
    more.hidden = shown === matching.length;
  }

  followers.push((wanted) => {
    matching = wanted;
    body.replaceChildren();
    show();
  });
  more.addEventListener("click", show);

  const headings = [byLine ? "Line" : "Index", "Outcome", "Record", "What happened"].map((text) => element("th", { scope: "col" }, text));
  return card(
    "Records",
    leftOutNote(leftOut) || "Failures first, then in the input's order.",
    told,
    element("table", {}, element("thead", {}, element("tr", {}, ...headings)), body),
    more,
  );
});

function leftOutNote({ failed, others }) {
  if (failed + others === 0) return "";
  const parts = [failed ? counted(failed, "failure") : "", others ? counted(others, "other record") : ""];
  return `Failures first, then in the input's order. This table leaves out ${parts.filter(Boolean).join(" and ")}; the .jsonl report beside this page has all.`;
}

function row(outcome, byLine) {
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

function failure({ error, message, fieldErrors = [], attempts, retryable }) {
  if (!error && !message) return null;
  const faults = fieldErrors.map(({ field, message: fault }) => element("li", {}, field ? element("code", {}, field) : null, field ? " " : null, fault));
  const notes = [attempts > 1 ? counted(attempts, "attempt") : "", error && retryable ? "may succeed when run again" : ""].filter(Boolean);
  return element(
    "div",
    { className: error ? "failure" : "reason" },
    error ? element("b", {}, error) : null,
    message ? element("p", {}, message) : null,
    faults.length ? element("ul", {}, ...faults) : null,
    notes.length ? element("p", { className: "muted" }, notes.join(" · ")) : null,
  );
}

function changes({ outcome, before = {}, after = {} }) {
  const names = Object.keys(after);
  if (names.length === 0) return null;
  const written = outcome === "updated" || outcome === "planned";
  const lines = names.map((name) => {
    const was = Object.hasOwn(before, name) ? value(before[name], "was") : element("i", { className: "was" }, "not known");
    return element("div", { className: "change" }, element("dt", {}, name), element("dd", {}, was, element("span", { className: "arrow" }, "→"), value(after[name], "is")));
  });
  const heading = written ? null : element("p", { className: "muted" }, "Was to be written:");
  return element("div", {}, heading, element("dl", { className: "changes" }, ...lines));
}

function value(given, className) {
  if (given === null || given === "") return element("i", { className }, given === null ? "empty (null)" : "empty text");
  if (typeof given === "string") return element("span", { className }, given);
  const lines = Array.isArray(given) && given.length ? given.map((item) => JSON.stringify(item)) : [JSON.stringify(given)];
  return element("span", { className }, lines.join("\n"));
}
