// The outcomes themselves, those that the filter lets through, a hundred at a time; all of them on paper.

const PAGE = 100;

sections.push(({ counts, outcomes, leftOut, causes }) => {
  if (counts.total === 0) return null;
  const byLine = outcomes.some(({ line }) => line !== undefined);
  const body = element("tbody", {});
  const told = element("p", { className: "told muted", role: "status" });
  const pager = pagerOf((to) => {
    at = to;
    draw();
    told.scrollIntoView({ block: "nearest" });
  });
  const nothing = { count: 0, rows: () => [], note: "" };
  let view = nothing;
  let at = 0;
  let turn = 0;

  function show(found) {
    view = found;
    at = 0;
    draw();
  }

  function draw() {
    turn += 1;
    const mine = turn;
    const from = at * PAGE;
    const to = Math.min(from + PAGE, view.count);
    const range = view.count > PAGE ? `${number(from + 1)} to ${number(to)} of ` : "";
    const match = view.count > 0 ? `${range}${counted(view.count, "record")} that match${view.count === 1 ? "es" : ""}.` : "";
    told.textContent = [match, view.note].filter(Boolean).join(" ");
    pager.draw(at, Math.ceil(view.count / PAGE));
    const found = view.rows(from, to);
    if (Array.isArray(found)) put(found);
    else found.then((rows) => mine === turn && put(rows), () => mine === turn && (told.textContent = "The file can no longer be read. Open it again."));
  }

  function put(rows) {
    body.replaceChildren(...rows.map((outcome) => rowOf(outcome, byLine)));
  }

  followers.push((matching, filter) => {
    turn += 1;
    if (chosenFile.report !== null) searchFile(chosenFile.report, filter, turn);
    else show({ count: matching.length, rows: (from, to) => matching.slice(from, to), note: noteOf(matching, filter), printed: filter.touched ? matching : outcomes });
  });

  async function searchFile(report, filter, mine) {
    const goesOn = (share) => {
      if (mine === turn) told.textContent = `Searching: ${Math.floor(100 * share)} %`;
      return mine === turn;
    };
    const numbers = await report.search(filter, goesOn).catch(() => null);
    if (mine !== turn) return;
    if (numbers === null) return show({ ...nothing, note: "The file can no longer be read. Open it again." });
    show({ count: numbers.length, rows: (from, to) => report.rows(numbers.slice(from, to)), note: numbers.length ? "" : "No record matches." });
  }

  // What the filter would let through, and the page does not hold.
  function noteOf(matching, { words, wanted, cause }) {
    const missing = missingOf(wanted, cause);
    const only = cause === null ? "" : "Only failures of the pressed cause are shown.";
    const onPage = outcomes.some((outcome) => (cause === null ? wanted.has(outcome.outcome) : outcome.cause === cause));
    const none = matching.length > 0 || (!onPage && sumOf(missing) > 0) ? "" : `No record${sumOf(missing) ? " of this page" : ""} matches.`;
    if (sumOf(missing) === 0) return [none, only].filter(Boolean).join(" ");
    const one = sumOf(missing) === 1;
    const which = cause === null ? `${kindsOf(missing)} ${one ? "record" : "records"}` : `${number(missing.failed)} ${one ? "failure" : "failures"} of this cause`;
    const unseen = words.length > 0 ? `${one ? "was" : "were"} not searched: ${one ? "it is" : "they are"} not on this page.` : `${one ? "is" : "are"} not on this page.`;
    return [none, only, `${which} ${unseen}`].filter(Boolean).join(" ");
  }

  function missingOf(wanted, cause) {
    if (cause === null) return Object.fromEntries(Object.entries(leftOut).filter(([name]) => wanted.has(name)));
    return { failed: causes.told[cause].count - outcomes.filter((outcome) => outcome.cause === cause).length };
  }

  addEventListener("beforeprint", () => {
    if (view.printed === undefined) return;
    put(view.printed);
    told.textContent = [`${counted(view.printed.length, "record")}.`, sumOf(leftOut) ? `Not on this page: ${kindsOf(leftOut)}.` : ""].join(" ");
  });
  addEventListener("afterprint", draw);

  const headings = [byLine ? "Line" : "Index", "Outcome", "Record", "What happened"].map((text) => element("th", { scope: "col" }, text));
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...headings)), body);
  return card("Records", "Failures first, then in the input's order.", told, table, pager.element);
});

function pagerOf(turnTo) {
  const previous = element("button", { type: "button", className: "plain" }, "Previous");
  const next = element("button", { type: "button", className: "plain" }, "Next");
  const field = element("input", { type: "number", min: 1, ariaLabel: "Page" });
  const of = element("span", { className: "muted" });
  const bar = element("nav", { className: "pager", ariaLabel: "Pages of the table" }, previous, "Page", field, of, next);
  let at = 0;
  let last = 0;
  previous.addEventListener("click", () => turnTo(at - 1));
  next.addEventListener("click", () => turnTo(at + 1));
  field.addEventListener("change", () => turnTo(Math.min(Math.max(Math.trunc(Number(field.value)) || 1, 1), last) - 1));
  const draw = (page, pages) => {
    at = page;
    last = pages;
    bar.hidden = pages < 2;
    previous.disabled = page === 0;
    next.disabled = page + 1 >= pages;
    field.value = page + 1;
    field.max = pages;
    of.textContent = `of ${number(pages)}`;
  };
  return { element: bar, draw };
}
