// The services' date ranges before and after, a row each, on one line of time with the seasons marked.

const MISMATCH = "does not match the season";
const CLOSES_MORE = "days outside the season are closed too";
const MOST_CLOCK_CHANGES = 8;
const MOST_TOLD = 4; // ranges that a row tells in words
const NOT_WRITTEN = new Set(["failed", "skipped", "not_attempted"]);
const VERBS = { updated: ["gained", "lost"], planned: ["gains", "loses"] };

sections.push(({ outcomes, timeline, counts, leftOut }) => {
  if (timeline === null) return null;
  const axis = axisOf(timeline);
  const grounds = timeline.groups.map((group) => groundOf(group, axis));
  const plain = groundOf({ seasons: [], clockChanges: [] }, axis);
  const zones = new Set(timeline.groups.map(({ timezone }) => timezone));
  const drawn = outcomes.filter((outcome) => outcome.timeline);
  const odd = drawn.filter((outcome) => outcome.timeline.mismatch !== undefined);
  const closing = drawn.filter((outcome) => outcome.timeline.closesMore);
  const rows = new Map();
  for (const outcome of new Set([...odd, ...closing, ...drawn])) {
    const ground = grounds[outcome.timeline.group] ?? plain;
    rows.set(outcome, serviceRow(outcome, axis, ground.cloneNode(true), zones.size > 1));
  }
  const told = element("p", { className: "told muted" });
  followers.push((matching) => {
    const wanted = new Set(matching);
    let count = 0;
    for (const [outcome, made] of rows) {
      made.hidden = !wanted.has(outcome);
      count += made.hidden ? 0 : 1;
    }
    told.textContent = `${number(count)} of ${counted(rows.size, "service")} shown`;
  });
  const head = element("div", { className: "axis-row" }, element("div", { className: "who" }, "Service"), labelsOf(axis));
  const list = element("ol", { className: "services" }, ...rows.values());
  const box = element("div", { className: "timeline", tabIndex: 0, role: "region", ariaLabel: "Time line of services" }, head, list);
  const elsewhere = counts.total - leftOut.failed - leftOut.others - drawn.length;
  return card(
    "Time line",
    "date ranges of every service, before and after",
    patterns(),
    seasonsTold(timeline.groups),
    clocksTold(timeline.groups),
    oddTold(odd, drawn, timeline.groups),
    closing.length ? element("p", { className: "verdict bad" }, `${counted(closing.length, "service")}: ${CLOSES_MORE}.`) : null,
    elsewhere > 0 ? element("p", { className: "muted" }, `${counted(elsewhere, "record")} without date ranges in the report: only in the table.`) : null,
    key(timeline.groups),
    told,
    box,
  );
});

function seasonsTold(groups) {
  const seasons = new Map();
  for (const { name, first_day, last_day, timezone } of groups.flatMap((group) => group.seasons)) {
    const told = `${name}: ${daysOf(first_day, last_day)}`;
    seasons.set(told, (seasons.get(told) ?? new Set()).add(timezone));
  }
  if (seasons.size === 0) return element("p", {}, "Days are days in UTC.");
  const lines = [...seasons].map(([told, zones]) => element("li", {}, element("b", {}, told), ` in ${[...zones].join(", ")}`));
  return element("ul", { className: "seasons" }, ...lines);
}

function clocksTold(groups) {
  const zones = new Map();
  for (const { timezone, clockChanges } of groups) {
    const days = clockChanges.map(({ after }) => dayOf(after.slice(0, 10)));
    const more = days.length - MOST_CLOCK_CHANGES;
    const told = days.length === 0 ? "never" : days.slice(0, MOST_CLOCK_CHANGES).join(", ") + (more > 0 ? ` and ${number(more)} more` : "");
    zones.set(told, (zones.get(told) ?? new Set()).add(timezone));
  }
  const lines = [...zones].map(([told, names]) => element("li", {}, `Clocks change in ${[...names].join(", ")}: ${told}`));
  return lines.length ? element("ul", { className: "seasons muted" }, ...lines) : null;
}

function oddTold(odd, drawn, groups) {
  if (groups.length === 0) return null;
  if (odd.length === 0) {
    const unknown = drawn.some((outcome) => outcome.timeline.gained === undefined);
    const text = unknown ? "Every change that is known matches the season." : "Every change matches the season.";
    return element("p", { className: `verdict ${unknown ? "calm" : "good"}` }, text);
  }
  const text = `${counted(odd.length, "service")} ${odd.length === 1 ? "does" : "do"} not match the season. Shown first.`;
  return element("p", { className: "verdict bad" }, text);
}

// What lies behind a row's bars: years and months, the seasons, the clock changes.
function groundOf({ seasons, clockChanges }, axis) {
  const ground = drawing("svg", { class: "track", width: "100%", height: 30, "aria-hidden": "true" });
  for (const { range } of seasons) ground.append(drawing("rect", { class: "season", ...axis.place(...range), y: 0, height: 30 }));
  for (const { moment, month } of axis.months) {
    if (axis.months.length > 60 && month !== 0) continue;
    ground.append(line(axis.at(moment), month === 0 ? "year-line" : "month-line"));
  }
  for (const { at, before, after } of clockChanges) {
    const mark = line(axis.at(at), "clock-change");
    mark.append(drawing("title", {}, `Clock change: ${dayOf(before)} becomes ${after.slice(0, 10) === before.slice(0, 10) ? after.slice(11) : dayOf(after)}`));
    ground.append(mark);
  }
  return ground;
}

function line(per_cent, name) {
  const x = `${per_cent.toFixed(3)}%`;
  return drawing("line", { class: name, x1: x, x2: x, y1: 0, y2: 30 });
}

function serviceRow({ index, id, name, outcome, message, error, timeline: row }, axis, track, showsZone) {
  const label = OUTCOMES.find((each) => each.name === outcome).label;
  bars(track, axis, row.before, "held", 5);
  bars(track, axis, row.after, "held", 19);
  bars(track, axis, row.lost, "lost", 4, 8);
  bars(track, axis, row.gained, "gained", 18, 8);
  const who = element(
    "div",
    { className: "who" },
    element("span", { className: name ? "name" : "name record", title: id ?? "" }, name ?? id ?? "(no id)"),
    element("span", { className: `pill ${outcome}` }, label),
    showsZone && row.timezones ? zonesTold(row.timezones) : null,
  );
  const made = element("li", { className: `service ${outcome}` }, who, track, wordsOf(row, outcome, error ? message || error : message));
  made.classList.toggle("not-written", NOT_WRITTEN.has(outcome));
  made.classList.toggle("odd", row.mismatch !== undefined || row.closesMore === true);
  made.dataset.index = index;
  return made;
}

function zonesTold(zones) {
  const places = zones.map((zone) => zone.split("/").at(-1).replaceAll("_", " "));
  return element("small", { title: zones.join(", ") }, `${places.join(" or ")} time`);
}

function bars(track, axis, spans, name, y, height = 6) {
  for (const [start, end] of spans ?? []) {
    const cut = axis.isCut(start, end);
    if (axis.shows(start, end)) track.append(drawing("rect", { class: name, ...axis.place(start, end), y, height }));
    if (cut.left) track.append(drawing("text", { class: "beyond", x: 1, y: y + height }, "◄"));
    if (cut.right) track.append(drawing("text", { class: "beyond", x: "100%", dx: -1, y: y + height, "text-anchor": "end" }, "►"));
  }
}

function wordsOf(row, outcome, message) {
  const [gained, lost] = VERBS[outcome] ?? ["was to gain", "was to lose"];
  const words = [change(gained, row.gained, row.gainedDays, "gain"), change(lost, row.lost, row.lostDays, "loss")].filter(Boolean);
  if (row.before === null) words.push("What it held before is not known.");
  if (row.after === null) words.push("What it was to hold is not known.");
  if (row.leftOut > 0) words.push(`Too many ranges to compare: ${number(row.leftOut)} are not drawn.`);
  if (words.length === 0) words.push("No day gained or lost.");
  if (row.mismatch !== undefined) words.push(element("strong", { className: "mismatch" }, `${MISMATCH}: ${row.mismatch}`));
  if (row.closesMore) words.push(element("strong", { className: "closes-more" }, CLOSES_MORE));
  if (message) words.push(element("span", { className: "why", title: message }, message));
  return element("p", { className: "days" }, ...words.flatMap((word) => [word, " "]));
}

function change(verb, spans, days, name) {
  if (!spans?.length) return null;
  const told = spans.slice(0, MOST_TOLD).map(([, , first, last]) => daysOf(first, last));
  const more = spans.length - told.length;
  const text = `${verb} ${counted(days, "day")}: ${told.join(", ")}${more > 0 ? ` and ${number(more)} more` : ""}`;
  return element("span", { className: name }, text);
}

// Fills that tell gained from lost days without their colours.
function patterns() {
  const stripe = drawing("path", { d: "M-1,1 l2,-2 M0,5 l5,-5 M4,6 l2,-2", class: "stripe" });
  const paper = drawing("rect", { class: "paper", width: 5, height: 5 });
  const lost = drawing("pattern", { id: "lost-days", width: 5, height: 5, patternUnits: "userSpaceOnUse" }, paper, stripe);
  return drawing("svg", { class: "patterns", width: 0, height: 0, "aria-hidden": "true" }, drawing("defs", {}, lost));
}

function key(groups) {
  const entries = [
    ["open: upper bar before, lower bar after", [["held", 3, 6], ["held", 15, 6]]],
    ["days gained", [["gained", 8, 8]]],
    ["days lost", [["lost", 8, 8]]],
    ["not written", [["gained wanted", 8, 8]]],
  ];
  if (groups.length > 0) entries.push(["season", [["season", 0, 24]]]);
  if (groups.some(({ clockChanges }) => clockChanges.length > 0)) entries.push(["clock change", null]);
  const drawn = entries.map(([text, shapes]) => {
    const picture = drawing("svg", { width: 30, height: 24, "aria-hidden": "true" });
    for (const [name, y, height] of shapes ?? []) picture.append(drawing("rect", { class: name, x: 1, y, width: 28, height }));
    if (shapes === null) picture.append(drawing("line", { class: "clock-change", x1: 15, x2: 15, y1: 0, y2: 24 }));
    return element("span", {}, picture, text);
  });
  return element("p", { className: "key-of-line" }, ...drawn);
}
