// Draws each service's date ranges over fourteen months, with month ticks and today.

import { byId, Changes, element, mark, zoneOf } from "./dom.js";

const MONTHS_BACK = 2;
const MONTHS = 14;
const changes = new Changes();

export function drawTimeline({ services, now }) {
  const scale = makeScale(new Date(now));
  const changed = changes.since(services);
  const rows = services.map((service) => mark(drawRow(service, scale), changed.get(service.id)));
  const box = byId("timeline");
  const scroll = box.scrollTop;
  box.replaceChildren(drawTicks(scale), ...rows);
  box.scrollTop = scroll;
  const first = rows.find((row) => changed.get(row.dataset.serviceId) === 0);
  if (first) showInside(box, first);
}

function makeScale(now) {
  const first = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - MONTHS_BACK, 1);
  const last = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - MONTHS_BACK + MONTHS, 1);
  const percent = (moment) => (100 * (Math.min(Math.max(moment, first), last) - first)) / (last - first);
  const months = Array.from({ length: MONTHS }, (_, index) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - MONTHS_BACK + index, 1)));
  return { first, last, percent, months, today: percent(now.getTime()) };
}

function drawTicks(scale) {
  const names = scale.months.map((month) =>
    element("span", {
      className: month.getUTCMonth() === 0 ? "tick year" : "tick",
      style: { left: `${scale.percent(month.getTime())}%` },
    }, month.getUTCMonth() === 0
      ? String(month.getUTCFullYear())
      : month.toLocaleString("en", { month: "short", timeZone: "UTC" })));
  return element("div", { className: "row ticks" },
    element("div", { className: "name" }), element("div", { className: "track" }, ...names));
}

function drawRow(service, scale) {
  const lines = scale.months.map((month) =>
    element("i", { className: "line", style: { left: `${scale.percent(month.getTime())}%` } }));
  const ranges = service.dateRanges ?? [];
  const bars = ranges.length ? ranges.map((range) => drawBar(range, service, scale)) : [drawAlways()];
  const today = element("i", { className: "now", style: { left: `${scale.today}%` } });
  return element("div", {
    className: service.active ? "row" : "row inactive",
    dataset: { serviceId: service.id, updatedAt: service.updatedAt },
  },
    element("div", { className: "name", title: `${service.name}, ${service.duration} min, ${zoneOf(service)}` },
      element("b", {}, service.name), service.active ? null : element("em", {}, "off")),
    element("div", { className: "track" }, ...lines, ...bars.filter(Boolean), today));
}

function drawBar(range, service, scale) {
  const start = Date.parse(range.startDate);
  const end = Date.parse(range.endDate);
  if (end <= scale.first || start >= scale.last) return null;
  const left = scale.percent(start);
  const day = (moment) => moment.toLocaleDateString("en-GB", {
    day: "numeric", month: "short", year: "numeric", timeZone: zoneOf(service),
  });
  return element("span", {
    className: "bar",
    title: `${day(new Date(start))} – ${day(new Date(end))}`,
    dataset: { start: range.startDate, end: range.endDate },
    style: { left: `${left}%`, width: `${scale.percent(end) - left}%` },
  });
}

function drawAlways() {
  return element("span", { className: "bar always", title: "no date ranges: always open", style: { left: "0", width: "100%" } });
}

function showInside(box, row) {
  const top = row.offsetTop;
  if (top < box.scrollTop + 40 || top > box.scrollTop + box.clientHeight - 40) box.scrollTop = top - box.clientHeight / 2;
}
