// The rows that the page leaves out, from the report itself: a file that the reader chooses, read in this browser.

const PIECE = 1 << 22; // bytes that are read at once
const NOT_JSON = /(?<=[:,[])(?:NaN|-?Infinity)(?=[,\]}])/g; // Python writes these; they are told as text

const chosenFile = { report: null };

sections.push(({ counts, leftOut, origin }) => {
  const missing = sumOf(leftOut);
  if (missing === 0) return null;
  const name = origin.file ? fileName(origin.file) : "the .jsonl report beside this page";
  const chooser = element("input", { type: "file", id: "report-file" });
  const label = element("label", { className: "choose", htmlFor: "report-file" }, `Show all rows: open ${name}`);
  const back = element("button", { type: "button", className: "plain", hidden: true }, "Show the rows of this page again");
  const told = element("p", { className: "told", role: "status" });
  const zone = element("div", { className: "drop" }, chooser, label, element("span", { className: "muted" }, "or drop the file here; it stays in this browser"), back);
  let turn = 0;

  async function open(file) {
    turn += 1;
    const mine = turn;
    const report = new ReportInFile(file);
    try {
      await report.read((share) => {
        if (mine === turn) told.textContent = `Reading ${file.name}: ${Math.floor(100 * share)} %`;
        return mine === turn;
      });
      report.refuseAnother(counts);
    } catch (error) {
      if (mine === turn) told.textContent = `${file.name} is not the report of this page: ${error.message}`;
      return;
    }
    if (mine === turn) show(report, `Showing all ${counted(counts.total, "record")} of ${file.name}.`);
  }

  function show(report, words) {
    chosenFile.report = report;
    told.textContent = words;
    back.hidden = report === null;
    for (const chip of chips) chip.disabled = report !== null;
    chooseCause(null);
  }

  chooser.addEventListener("change", () => chooser.files.length && open(chooser.files[0]));
  back.addEventListener("click", () => {
    turn += 1;
    chooser.value = "";
    show(null, "");
    chooser.focus();
  });
  takeDrops(zone, open);
  const where = origin.file ? [" All are in ", element("a", { href: fileLink(origin.file) }, name), " beside this page."] : [" All are in the .jsonl report beside this page."];
  const text = `This page holds ${number(counts.total - missing)} of ${counted(counts.total, "record")}. Not on it: ${kindsOf(leftOut)}.`;
  return card("All rows", "counts, causes and charts above are of all records", element("p", {}, text, ...where), zone, told);
});

// A file may be dropped anywhere: a browser would otherwise leave the page for it.
function takeDrops(zone, open) {
  const over = (isOver) => (event) => {
    event.preventDefault();
    zone.classList.toggle("over", isOver);
  };
  addEventListener("dragover", over(true));
  addEventListener("dragleave", over(false));
  addEventListener("drop", (event) => {
    over(false)(event);
    if (event.dataTransfer.files.length > 0) open(event.dataTransfer.files[0]);
  });
}

// A report's file. Of each row only its place in the file and its outcome are kept, so that a million rows fit.
class ReportInFile {
  constructor(file) {
    this.file = file;
    this.starts = []; // a row's first byte; at the end, the byte after the last row
    this.kinds = []; // a row's outcome, as a place in OUTCOMES
  }

  async read(goesOn) {
    const decoder = new TextDecoder();
    const kinds = new Map(OUTCOMES.map(({ name }, at) => [name, at]));
    let rest = new Uint8Array(0);
    let start = 0;
    let lines = 0;
    const take = (bytes) => {
      lines += 1;
      const data = parsed(decoder.decode(bytes));
      if (!(lines === 1 && data !== null && typeof data === "object" && "plan" in data)) {
        const kind = kinds.get(data?.outcome);
        if (kind === undefined) throw new Error(`its line ${number(lines)} is not an outcome`);
        this.starts.push(start);
        this.kinds.push(kind);
      }
      start += bytes.length + 1;
    };
    for (let at = 0; at < this.file.size; at += PIECE) {
      const piece = new Uint8Array(await this.file.slice(at, at + PIECE).arrayBuffer());
      const bytes = joined(rest, piece);
      let from = 0;
      for (let end = bytes.indexOf(10, rest.length); end !== -1; end = bytes.indexOf(10, from)) {
        take(bytes.subarray(from, end));
        from = end + 1;
      }
      rest = bytes.slice(from);
      if (!goesOn(Math.min(1, (at + PIECE) / this.file.size))) return;
    }
    if (rest.length > 0) take(rest);
    this.starts.push(start);
  }

  // The counts tell one report from another.
  refuseAnother(counts) {
    const found = OUTCOMES.map(() => 0);
    for (const kind of this.kinds) found[kind] += 1;
    const other = OUTCOMES.findIndex(({ name }, at) => found[at] !== counts[name]);
    if (other === -1) return;
    const { name, label } = OUTCOMES[other];
    throw new Error(`it has ${number(found[other])} ${label.toLowerCase()}, and this page tells of ${number(counts[name])}`);
  }

  // The numbers of the rows that match, failures first.
  async search({ words, wanted }, goesOn) {
    const isWanted = OUTCOMES.map(({ name }) => wanted.has(name));
    const failures = [];
    const others = [];
    const keep = (row) => (this.kinds[row] === 0 ? failures : others).push(row);
    const count = this.kinds.length;
    if (words.length === 0) {
      for (let row = 0; row < count; row += 1) if (isWanted[this.kinds[row]]) keep(row);
      return [failures, others].flat();
    }
    for (let row = 0; row < count; ) {
      let end = row + 1;
      while (end < count && this.starts[end + 1] - this.starts[row] <= PIECE) end += 1;
      const lines = (await this.file.slice(this.starts[row], this.starts[end]).text()).split("\n");
      for (let at = row; at < end; at += 1) {
        if (!isWanted[this.kinds[at]]) continue;
        const text = textOf(parsed(lines[at - row]));
        if (words.every((word) => text.includes(word))) keep(at);
      }
      row = end;
      if (!goesOn(row / count)) return [];
    }
    return [failures, others].flat();
  }

  rows(numbers) {
    return Promise.all(numbers.map(async (row) => parsed(await this.file.slice(this.starts[row], this.starts[row + 1]).text())));
  }
}

function joined(one, other) {
  const made = new Uint8Array(one.length + other.length);
  made.set(one);
  made.set(other, one.length);
  return made;
}

function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    try {
      return JSON.parse(line.replace(NOT_JSON, '"$&"'));
    } catch {
      return null;
    }
  }
}
