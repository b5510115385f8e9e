// What the failures have in common: a chip for each cause, of all failures and not only of those on the page. A chip
// that is pressed leaves only its failures in the table.

const chips = [];

sections.push(({ counts, causes: { told, others } }) => {
  if (told.length === 0) return null;
  told.forEach((cause, at) => {
    const chip = element("button", { type: "button", className: "chip", ariaPressed: "false" }, ...wordsOfCause(cause));
    chip.addEventListener("click", () => chooseCause(chosen.cause === at ? null : at));
    chips.push(chip);
  });
  const entries = chips.map((chip) => element("li", {}, chip));
  if (others > 0) entries.push(element("li", { className: "others" }, ...wordsOfCause({ message: "other causes", count: others })));
  return card("Failures by cause", `of ${counted(counts.failed, "failure")}; press one to see its records`, element("ol", { className: "causes" }, ...entries));
});

function wordsOfCause({ error, message, count, where }) {
  return [
    element("span", { className: "cause-count" }, `${number(count)} ×`),
    element(
      "span",
      { className: "failure" },
      error ? element("b", {}, error) : null,
      element("span", {}, message),
      where ? element("span", { className: "muted" }, where) : null,
    ),
  ];
}

function chooseCause(at) {
  chosen.cause = at;
  chips.forEach((chip, place) => (chip.ariaPressed = String(place === at)));
  filterAgain();
}
