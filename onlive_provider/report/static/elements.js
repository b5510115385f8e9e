"use strict";
// What every section uses. Text enters elements as text nodes only, so that data cannot become markup.

const OUTCOMES = [
  { name: "failed", label: "Failed" },
  { name: "not_attempted", label: "Not attempted" },
  { name: "skipped", label: "Skipped" },
  { name: "updated", label: "Updated" },
  { name: "planned", label: "Planned" },
  { name: "unchanged", label: "Unchanged" },
];

// Each section adds a function that takes the report's data and returns the element to show, or null for nothing.
const sections = [];

// What is left to do when all sections are drawn.
const whenDrawn = [];

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

function drawing(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function card(title, note, ...children) {
  const head = element("div", { className: "card-head" }, element("h2", {}, title), element("p", { className: "muted" }, note));
  return element("section", { className: "card" }, head, ...children);
}

function number(value) {
  return value.toLocaleString("en");
}

function share(part, total) {
  if (part === 0 || part === total) return part === 0 ? "0 %" : "100 %";
  const percent = (100 * part) / total;
  if (percent < 0.1) return "under 0.1 %";
  if (percent > 99.9) return "over 99.9 %";
  return `${percent.toFixed(1)} %`;
}

function counted(count, noun) {
  return count === 1 ? `1 ${noun}` : `${number(count)} ${noun}s`;
}

function sumOf(counts) {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

// "5,873 unchanged and 3 failed", in the order of OUTCOMES.
function kindsOf(counts) {
  const told = OUTCOMES.filter(({ name }) => counts[name] > 0).map(({ name, label }) => `${number(counts[name])} ${label.toLowerCase()}`);
  return told.length < 2 ? told.join("") : `${told.slice(0, -1).join(", ")} and ${told.at(-1)}`;
}

// The report's name beside this page. A page that was kept as REPORT.1.html goes with the report that was kept as REPORT.1.
function fileName(file) {
  const mine = decoded(location.pathname.split("/").at(-1));
  const kept = mine.startsWith(`${file}.`) ? mine.slice(file.length).match(/^(\.\d+)\.html$/) : null;
  return kept === null ? file : file + kept[1];
}

// A browser leaves a lone "%" of an address as it is.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function fileLink(file) {
  return `./${encodeURIComponent(fileName(file))}`;
}
