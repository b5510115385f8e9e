// How many records came to which outcome, a bar each.

sections.push(({ counts }) => {
  if (counts.total === 0) return null;
  const rows = OUTCOMES.filter(({ name }) => counts[name] > 0).map(({ name, label }) => {
    const width = Math.max((100 * counts[name]) / counts.total, 0.5);
    const bar = drawing("rect", { x: 0, y: 0, width: `${width}%`, height: 14, rx: 3, class: name });
    const picture = drawing("svg", { width: "100%", height: 14, "aria-hidden": "true" }, bar);
    return element(
      "li",
      {},
      element("span", { className: "bar-name" }, label),
      element("div", { className: "bar" }, picture),
      element("span", { className: "bar-count" }, number(counts[name])),
      element("span", { className: "bar-share" }, share(counts[name], counts.total)),
    );
  });
  return card("Outcomes", `of ${counted(counts.total, "record")}`, element("ol", { className: "bars" }, ...rows));
});
