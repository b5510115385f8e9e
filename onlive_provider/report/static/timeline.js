// When services are open before and after, a row each, on one line of time with the seasons marked.

const MISMATCH = "does not match the season";
const NO_DAYS = "named no day before";
const MOST_CLOCK_CHANGES = 8;
const MOST_TOLD = 4; // ranges that a row tells in words
const NOT_WRITTEN = new Set(["failed", "skipped", "not_attempted"]);
const VERBS = { updated: ["gained", "lost"], planned: ["gains", "loses"] };
const MODES = {
  add: "Add: the season is opened, and what was open stays open.",
  remove: "Remove: the season is closed, and what is open outside it stays open.",
  replace: "Replace: the season is open, and everything else is closed. Services that lose most are shown first.",
};
const TARGETS = {
  dateRanges: { note: "date ranges of every service, before and after", field: "date ranges", open: "open" },
  restrictionDates: { note: "days that the active calendars of every service include, before and after", field: "days of calendars", open: "included" },
};

sections.push(({ outcomes, timeline, counts, leftOut, error }) => {
  if (timeline === null) return null;
  const { groups, mode } = timeline;
  const target = TARGETS[timeline.target];
  const axis = axisOf(timeline);
  const grounds = groups.map((group) => groundOf(group, axis));
  const plain = groundOf({ seasons: [], clockChanges: [] }, axis);
  const zones = new Set(groups.map(({ timezone }) => timezone));
  const drawn = outcomes.filter((outcome) => outcome.timeline);
  const odd = drawn.filter(isOdd);
  const rows = new Map();
  for (const outcome of new Set([...odd, ...(mode === "replace" ? byDaysLost(drawn) : drawn)])) {
    rows.set(outcome, serviceRow(outcome, axis, (group) => (grounds[group] ?? plain).cloneNode(true), { showsZone: zones.size > 1, target }));
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
  const elsewhere = counts.total - sumOf(leftOut) - drawn.length;
  return card(
    "Time line",
    target.note,
    patterns(),
    seasonsTold(timeline),
    target === TARGETS.dateRanges ? clocksTold(groups) : null,
    mode === null ? null : element("p", { className: "mode" }, MODES[mode]),
    sumsTold(drawn, mode),
    oddTold(odd, drawn, groups, { isRed: error !== null, missing: sumOf(leftOut) }),
    unnamedTold(drawn, target),
    sumOf(leftOut) > 0 ? element("p", { className: "muted" }, `Not drawn, because they are not on this page: ${kindsOf(leftOut)}.`) : null,
    elsewhere > 0 ? element("p", { className: "muted" }, `${counted(elsewhere, "record")} without ${target.field} in the report: only in the table.`) : null,
    key(timeline, target, drawn),
    told,
    box,
  );
});

function isOdd({ timeline }) {
  return timeline.some(({ mismatch }) => mismatch !== undefined);
}

function daysOfRows({ timeline }, name) {
  return timeline.reduce((sum, row) => sum + (row[name] ?? 0), 0);
}

function byDaysLost(outcomes) {
  const failed = ({ outcome }) => (outcome === "failed" ? 1 : 0);
  return [...outcomes].sort((one, other) => failed(other) - failed(one) || daysOfRows(other, "lostDays") - daysOfRows(one, "lostDays"));
}

// What the run does in all, of the services that are written or would be. Only a loss that the mode means is "as asked".
function sumsTold(drawn, mode) {
  const written = drawn.filter(({ outcome }) => outcome in VERBS);
  const planned = written.some(({ outcome }) => outcome === "planned");
  const asked = (outcome) => mode !== null && mode !== "add" && !isOdd(outcome);
  const told = [
    sumTold(written, "gainedDays", "gain", planned ? "to gain" : "gained", ""),
    sumTold(written.filter(asked), "lostDays", "loss", planned ? "to lose" : "lost", `, as ${mode} asks`),
    sumTold(written.filter((outcome) => !asked(outcome)), "lostDays", "loss", planned ? "to lose" : "lost", mode === null ? "" : " whose change does not match"),
  ].filter((sum) => sum !== null);
  if (told.length === 0) return element("p", { className: "sums" }, "No day is gained or lost.");
  const several = written.some(({ timeline }) => timeline.length > 1);
  return element("p", { className: "sums" }, ...told, several ? element("span", {}, "Calendars that differ count for themselves.") : null);
}

function sumTold(outcomes, name, className, verb, why) {
  const changed = outcomes.filter((outcome) => daysOfRows(outcome, name) > 0);
  const days = changed.reduce((sum, outcome) => sum + daysOfRows(outcome, name), 0);
  return days ? element("span", { className }, `${counted(days, "day")} ${verb} at ${counted(changed.length, "service")}${why}`) : null;
}

function unnamedTold(drawn, target) {
  const count = drawn.filter(({ timeline }) => timeline.some((row) => namesNoDay(row, target))).length;
  if (count === 0) return null;
  const text = "The API reference does not say whether such a calendar is open on every day or on none; if on every day, the season limits it.";
  return element("p", { className: "verdict doubt" }, `${counted(count, "service")} ${NO_DAYS}. ${text}`);
}

function namesNoDay({ before, gained }, target) {
  return target === TARGETS.restrictionDates && before?.length === 0 && gained?.length > 0;
}

function seasonsTold({ groups, target }) {
  const seasons = new Map();
  for (const { name, first_day, last_day, timezone } of groups.flatMap((group) => group.seasons)) {
    const told = `${name}: ${daysOf(first_day, last_day)}`;
    seasons.set(told, (seasons.get(told) ?? new Set()).add(timezone));
  }
  if (seasons.size === 0) return element("p", {}, "Days are days in UTC.");
  const where = (zones) => (target === "restrictionDates" ? ", local days wherever the service lies" : ` in ${[...zones].join(", ")}`);
  const lines = [...seasons].map(([told, zones]) => element("li", {}, element("b", {}, told), where(zones)));
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

// Whether the changes fit the season. Only if all of them stand is that good news.
function oddTold(odd, drawn, groups, { isRed, missing }) {
  if (groups.length === 0) return null;
  if (odd.length > 0) {
    const text = `${counted(odd.length, "service")} ${odd.length === 1 ? "does" : "do"} not match the season. Shown first.`;
    return element("p", { className: "verdict bad" }, text);
  }
  const undone = drawn.filter(({ outcome }) => NOT_WRITTEN.has(outcome)).length;
  if (undone > 0 || isRed) {
    const written = drawn.some(({ outcome }) => outcome === "updated") ? "What was written matches the season" : "No change stands";
    const rest = undone > 0 ? `; ${counted(undone, "service")} ${undone === 1 ? "was" : "were"} not changed as asked.` : ", and the task failed.";
    return element("p", { className: "verdict doubt" }, `${written}${rest}`);
  }
  const unknown = drawn.some(({ timeline }) => timeline.some(({ gained }) => gained === undefined));
  const which = [unknown ? " that is known" : "", missing > 0 ? " on this page" : ""].join("");
  return element("p", { className: `verdict ${which ? "calm" : "good"}` }, `Every change${which} matches the season.`);
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

function serviceRow({ index, id, name, outcome, message, error, timeline }, axis, groundFor, { showsZone, target }) {
  const label = OUTCOMES.find((each) => each.name === outcome).label;
  const zones = [...new Set(timeline.flatMap(({ timezones = [] }) => timezones))];
  const who = element(
    "div",
    { className: "who" },
    element("span", { className: name ? "name" : "name record", title: id ?? "" }, name ?? id ?? "(no id)"),
    element("span", { className: `pill ${outcome}` }, label),
    showsZone && zones.length ? zonesTold(zones) : null,
  );
  const why = (error ? message || error : (message ?? "")).replace(name ? `${name}: ` : "", "");
  const lines = timeline.flatMap((row, at) => [
    row.calendars ? element("p", { className: "calendars" }, calendarsTold(row.calendars)) : null,
    trackOf(row, axis, groundFor(row.group)),
    wordsOf(row, outcome, at === timeline.length - 1 ? why : null, target),
  ]);
  const made = element("li", { className: `service ${outcome}` }, who, element("div", { className: "lines" }, ...lines.filter((line) => line !== null)));
  made.classList.toggle("not-written", NOT_WRITTEN.has(outcome));
  made.classList.toggle("odd", isOdd({ timeline }));
  made.dataset.index = index;
  return made;
}

function calendarsTold(ids) {
  const more = ids.length - MOST_TOLD;
  return `${ids.length === 1 ? "calendar" : "calendars"} ${ids.slice(0, MOST_TOLD).join(", ")}${more > 0 ? ` and ${number(more)} more` : ""}`;
}

function trackOf(row, axis, track) {
  bars(track, axis, row.before, "held", 5);
  bars(track, axis, row.after, "held", 19);
  bars(track, axis, row.lost, "lost", 4, 8);
  bars(track, axis, row.gained, "gained", 18, 8);
  bars(track, axis, row.closedBefore, "closed", 3, 10);
  bars(track, axis, row.closedAfter, "closed", 17, 10);
  return track;
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

function wordsOf(row, outcome, message, target) {
  const [gained, lost] = VERBS[outcome] ?? ["was to gain", "was to lose"];
  const words = [change(gained, row.gained, row.gainedDays, "gain"), change(lost, row.lost, row.lostDays, "loss")].filter(Boolean);
  if (row.before === null) words.push("What it held before is not known.");
  if (row.after === null) words.push("What it was to hold is not known.");
  if (row.leftOut > 0) words.push(`Too many ranges to compare: ${number(row.leftOut)} are not drawn.`);
  if (words.length === 0) words.push("No day gained or lost.");
  if (namesNoDay(row, target)) words.push(element("span", { className: "doubt" }, NO_DAYS));
  if (row.closedAfter) words.push(element("span", { className: "shut" }, `closed within: ${someDays(row.closedAfter)}`));
  if (row.mismatch !== undefined) words.push(element("strong", { className: "mismatch" }, `${MISMATCH}: ${row.mismatch}`));
  if (message) words.push(element("span", { className: "why", title: message }, message));
  return element("p", { className: "days" }, ...words.flatMap((word) => [word, " "]));
}

function change(verb, spans, days, name) {
  if (!spans?.length) return null;
  return element("span", { className: name }, element("b", {}, `${verb} ${counted(days, "day")}`), `: ${someDays(spans)}`);
}

function someDays(spans) {
  const told = spans.slice(0, MOST_TOLD).map(([, , first, last]) => daysOf(first, last));
  const more = spans.length - told.length;
  return `${told.join(", ")}${more > 0 ? ` and ${number(more)} more` : ""}`;
}

// Fills that tell gained from lost days without their colours.
function patterns() {
  const stripe = drawing("path", { d: "M-1,1 l2,-2 M0,5 l5,-5 M4,6 l2,-2", class: "stripe" });
  const paper = drawing("rect", { class: "paper", width: 5, height: 5 });
  const lost = drawing("pattern", { id: "lost-days", width: 5, height: 5, patternUnits: "userSpaceOnUse" }, paper, stripe);
  return drawing("svg", { class: "patterns", width: 0, height: 0, "aria-hidden": "true" }, drawing("defs", {}, lost));
}

function key({ groups }, { open }, services) {
  const entries = [
    [`${open}: upper bar before, lower bar after`, [["held", 3, 6], ["held", 15, 6]]],
    ["days gained", [["gained", 8, 8]]],
    ["days lost", [["lost", 8, 8]]],
    ["not written", [["gained wanted", 8, 8]]],
  ];
  const isShut = services.some(({ timeline }) => timeline.some(({ closedBefore, closedAfter }) => closedBefore ?? closedAfter));
  if (isShut) entries.push(["closed within (exclude)", [["held", 9, 6], ["closed", 7, 10, 12, 5]]]);
  if (groups.length > 0) entries.push(["season", [["season", 0, 24]]]);
  if (groups.some(({ clockChanges }) => clockChanges.length > 0)) entries.push(["clock change", null]);
  const drawn = entries.map(([text, shapes]) => {
    const picture = drawing("svg", { width: 30, height: 24, "aria-hidden": "true" });
    for (const [name, y, height, x = 1, width = 28] of shapes ?? []) picture.append(drawing("rect", { class: name, x, y, width, height }));
    if (shapes === null) picture.append(drawing("line", { class: "clock-change", x1: 15, x2: 15, y1: 0, y2: 24 }));
    return element("span", {}, picture, text);
  });
  return element("p", { className: "key-of-line" }, ...drawn);
}
