// The head of the page: what ran, the verdict in one sentence, and a tile for each count.

sections.push(({ title, details, counts }) => {
  const [verdict, tone] = judge(counts);
  const facts = details.map(([name, text]) => element("div", {}, element("dt", {}, name), element("dd", {}, text)));
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
    facts.length ? element("dl", { className: "facts" }, ...facts) : null,
    element("div", { className: "tiles" }, ...tiles),
  );
});

function judge(counts) {
  if (counts.total === 0) return ["There was nothing to do: the input had no records.", "calm"];
  if (counts.failed > 0 || counts.not_attempted > 0) {
    const failed = `${number(counts.failed)} of ${counted(counts.total, "record")} failed`;
    const rest = counts.not_attempted > 0 ? `, ${number(counts.not_attempted)} not attempted` : "";
    return [`${failed}${rest}.`, "bad"];
  }
  if (counts.planned > 0) return [`A plan: ${number(counts.planned)} of ${counted(counts.total, "record")} would be written. Nothing was sent.`, "calm"];
  const skipped = counts.skipped > 0 ? ` ${number(counts.skipped)} skipped.` : "";
  if (counts.updated === 0) return [`Nothing had to be written for ${counted(counts.total, "record")}.${skipped}`, "good"];
  return [`No failure: ${number(counts.updated)} of ${counted(counts.total, "record")} written.${skipped}`, "good"];
}
