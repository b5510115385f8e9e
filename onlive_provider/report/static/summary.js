// The head of the page: what ran, the verdict, where the report came from, and a tile for each count.

const COUNTS_ONLY = /^\w+: [\d,]+ of [\d,]+ records failed \([^)]*\)$/; // an error that says no more than the verdict

sections.push(({ title, details, origin, error, counts }) => {
  const [verdict, tone] = judge(counts, error, origin.written !== undefined);
  const facts = [...details, ...factsOf(origin)].map(([name, ...shown]) => element("div", {}, element("dt", {}, name), element("dd", {}, ...shown)));
  const tiles = [{ name: "total", label: "Records" }, ...OUTCOMES].map(({ name, label }) => {
    const tile = element("div", { className: `tile ${name}` }, element("b", {}, number(counts[name])), element("span", {}, label));
    tile.dataset.count = counts[name];
    return tile;
  });
  return element(
    "header",
    {},
    element("h1", {}, title),
    element("p", { className: `verdict ${tone}` }, verdict),
    error && !COUNTS_ONLY.test(error) && !details.some(([, text]) => error.endsWith(text)) ? element("p", { className: "why-red" }, `The task failed: ${error}`) : null,
    facts.length ? element("dl", { className: "facts" }, ...facts) : null,
    element("div", { className: "tiles" }, ...tiles),
  );
});

// Where the report came from: when, which file, and the task instance in Airflow.
function factsOf({ written, path, file, url }) {
  const facts = [];
  if (written !== undefined) {
    const instant = new Date(written);
    const utc = `${localTime(instant, "UTC")} UTC`;
    const local = clock.zone === "UTC" ? utc : `${localTime(instant, clock.zone)} ${clock.zone}`;
    facts.push(["Written", element("time", { dateTime: written }, utc), local === utc ? "" : element("small", { className: "local" }, local)]);
  }
  if (file !== undefined) {
    const name = fileName(file);
    const folder = path === file ? "" : element("small", { className: "muted" }, ` in ${path.slice(0, -file.length)}`);
    facts.push(["Report", element("a", { href: fileLink(file) }, name), folder]);
  }
  if (url !== undefined) facts.push(["Airflow", element("a", { href: url }, "The task and its log")]);
  return facts;
}

function redWithoutFailure({ total, updated }) {
  if (total === 0) return "The task failed before any record.";
  if (updated === 0) return "The task failed, and nothing was written.";
  return `The task failed. Of ${counted(total, "record")} none failed.`;
}

function judge(counts, error, ofTask) {
  const isRed = error !== null;
  if (counts.failed > 0 || counts.not_attempted > 0) {
    const failed = `${number(counts.failed)} of ${counted(counts.total, "record")} failed`;
    const rest = counts.not_attempted > 0 ? `, ${number(counts.not_attempted)} not attempted` : "";
    return ofTask && !isRed ? [`${failed}${rest}. The task allows that and succeeded.`, "doubt"] : [`${failed}${rest}.`, "bad"];
  }
  if (isRed) return [redWithoutFailure(counts), "bad"];
  if (counts.total === 0) return ["There was nothing to do: the input had no records.", "calm"];
  if (counts.planned > 0) return [`A plan: ${number(counts.planned)} of ${counted(counts.total, "record")} would be written. Nothing was sent.`, "calm"];
  const skipped = counts.skipped > 0 ? ` ${number(counts.skipped)} skipped.` : "";
  if (counts.updated === 0) return [`Nothing had to be written for ${counted(counts.total, "record")}.${skipped}`, "good"];
  return [`No failure: ${number(counts.updated)} of ${counted(counts.total, "record")} written.${skipped}`, "good"];
}
