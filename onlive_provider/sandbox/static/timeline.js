// Draws each service's date ranges on a line that is as long as they are, with ticks and today.

import { copyButton } from "./copy.js";
import { byId, Changes, element, mark, zoneOf } from "./dom.js";

const MONTHS_BACK = 2;
const MONTHS = 14;
const YEARS_BACK = 3; // a range that begins earlier, or ends later, is open on that side and stretches nothing
const YEARS_AHEAD = 6;
const changes = new Changes();

export function drawTimeline({ services, now }) {
  const scale = makeScale(new Date(now), services);
  const changed = changes.since(services);
  const rows = services.map((service) => mark(drawRow(service, scale), changed.get(service.id)));
  const box = byId("timeline");
  const scroll = box.scrollTop;
  box.replaceChildren(drawTicks(scale), ...rows);
  box.scrollTop = scroll;
  const first = rows.find((row) => changed.get(row.dataset.serviceId) === 0);
  if (first) showInside(box, first);
}

// At least fourteen months from two months ago, and as much before and after as the services' ranges take.
function makeScale(now, services) {
  const month = (moment, more) => Date.UTC(moment.getUTCFullYear(), moment.getUTCMonth() + more, 1);
  const edges = services.flatMap(({ dateRanges }) => dateRanges ?? [])
    .flatMap(({ startDate, endDate }) => [new Date(startDate), new Date(endDate)])
    .filter((edge) => edge >= month(now, -12 * YEARS_BACK) && edge <= month(now, 12 * YEARS_AHEAD));
  const first = Math.min(month(now, -MONTHS_BACK), ...edges.map((edge) => month(edge, 0)));
  const last = Math.max(month(now, MONTHS - MONTHS_BACK), ...edges.map((edge) => month(edge, 1)));
  const percent = (moment) => (100 * (Math.min(Math.max(moment, first), last) - first)) / (last - first);
  const months = [];
  for (let at = first; at < last; at = month(new Date(at), 1)) months.push(new Date(at));
  const every = months.length <= 18 ? 1 : months.length <= 40 ? 3 : 12;
  return { first, last, percent, months: months.filter((each) => each.getUTCMonth() % every === 0), today: percent(now.getTime()) };
}

function drawTicks(scale) {
  const names = scale.months.filter((month) => scale.percent(month.getTime()) < 96).map((month) =>
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
      copyButton(service.id, service.name), element("b", {}, service.name), service.active ? null : element("em", {}, "off")),
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
