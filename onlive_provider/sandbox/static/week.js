// Draws a week of appointments, one column a day, at the local time of each service.

import { copyButton } from "./copy.js";
import { byId, Changes, element, mark, zoneOf } from "./dom.js";

const STATES = ["pending", "confirmed", "cancelled"];
const DAY = 24 * 60 * 60 * 1000;
const changes = new Changes();
let state = null;
let weeksAhead = 0;

export function startWeek() {
  const turn = (weeks) => () => {
    weeksAhead = weeks === 0 ? 0 : weeksAhead + weeks;
    if (state) draw(new Map());
  };
  byId("previous").addEventListener("click", turn(-1));
  byId("this-week").addEventListener("click", turn(0));
  byId("next").addEventListener("click", turn(1));
}

export function drawWeek(latest) {
  state = latest;
  draw(changes.since(latest.appointments));
}

function draw(changed) {
  const services = new Map(state.services.map((service) => [service.id, service]));
  const today = state.now.slice(0, 10);
  const days = weekOf(today, weeksAhead);
  const columns = new Map(days.map((day) => [day, []]));
  for (const appointment of state.appointments) {
    const service = services.get(appointment.serviceId);
    const local = localTime(appointment.start, zoneOf(service));
    columns.get(local.day)?.push({ appointment, service, time: local.time });
  }
  byId("week").replaceChildren(...days.map((day) => drawDay(day, columns.get(day), day === today, changed)));
  const label = (day) => format(day, { day: "numeric", month: "short" });
  byId("week-label").textContent = `${label(days[0])} – ${label(days[6])} ${days[6].slice(0, 4)}`;
  drawLegend([...columns.values()].flat());
}

function weekOf(today, ahead) {
  const noon = Date.parse(`${today}T12:00:00Z`);
  const monday = noon - ((new Date(noon).getUTCDay() + 6) % 7) * DAY + ahead * 7 * DAY;
  return Array.from({ length: 7 }, (_, index) => new Date(monday + index * DAY).toISOString().slice(0, 10));
}

function localTime(instant, timeZone) {
  const text = new Date(instant).toLocaleString("sv-SE", { timeZone });
  return { day: text.slice(0, 10), time: text.slice(11, 16) };
}

function format(day, options) {
  return new Date(`${day}T12:00:00Z`).toLocaleDateString("en-GB", { ...options, timeZone: "UTC" });
}

function drawDay(day, entries, isToday, changed) {
  entries.sort((a, b) => a.time.localeCompare(b.time));
  const cards = entries.map((entry) => mark(drawCard(entry), changed.get(entry.appointment.id)));
  return element("section", { className: isToday ? "day is-today" : "day", dataset: { day } },
    element("h3", {},
      element("span", {}, format(day, { weekday: "short" })),
      element("b", {}, format(day, { day: "numeric" })),
      element("small", {}, entries.length ? String(entries.length) : "")),
    ...(cards.length ? cards : [element("p", { className: "empty" }, "free")]));
}

function drawCard({ appointment, service, time }) {
  const guests = appointment.guests ?? [];
  return element("article", {
    className: `slot ${kindOf(appointment.state)}`,
    title: `${appointment.title ?? "no title"}\n${service?.name ?? ""}\n${time} ${zoneOf(service)}\n` +
      `${appointment.state ?? "no state"}, ${guests.length} guest(s)`,
    dataset: {
      appointmentId: appointment.id, state: appointment.state ?? "", updatedAt: appointment.updatedAt,
    },
  },
    element("time", { dateTime: appointment.start }, time),
    element("span", { className: "where" }, service?.extraFields?.city ?? ""),
    element("p", {}, appointment.title ?? "(no title)"),
    copyButton(appointment.id, appointment.title ?? "the appointment"),
    appointment.agentComment ? element("q", {}, appointment.agentComment) : null);
}

function kindOf(appointmentState) {
  return STATES.includes(appointmentState) ? appointmentState : "other";
}

function drawLegend(entries) {
  const counts = new Map([...STATES, "other"].map((name) => [name, 0]));
  for (const { appointment } of entries) counts.set(kindOf(appointment.state), counts.get(kindOf(appointment.state)) + 1);
  byId("legend").replaceChildren(...[...counts].filter(([name, count]) => count || name !== "other").map(([name, count]) =>
    element("span", { className: `key-state ${name}` }, `${name} ${count}`)));
}
