// What the failures have in common: an entry for each cause, of all failures and not only of those in the table.

sections.push(({ counts, causes: { told, others } }) => {
  if (told.length === 0) return null;
  const entries = told.map(({ error, message, count, where }) =>
    entryOf(count, error ? element("b", {}, error) : null, element("p", {}, message), element("p", { className: "muted" }, where)),
  );
  if (others > 0) entries.push(entryOf(others, element("p", {}, "other causes")));
  return card("Failures by cause", `of ${counted(counts.failed, "failure")}`, element("ol", { className: "causes" }, ...entries));
});

function entryOf(count, ...text) {
  return element("li", {}, element("span", { className: "cause-count" }, `${number(count)} ×`), element("div", { className: "failure" }, ...text));
}
