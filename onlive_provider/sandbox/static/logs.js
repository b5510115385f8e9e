// Draws the last notifications and API calls, newest first.

import { byId, element } from "./dom.js";

const NOTIFICATIONS_SHOWN = 8;
const CALLS_SHOWN = 12;
let known = null;

export function drawLogs({ notifications, calls, notificationCount, callCount }) {
  const fresh = known === null ? [0, 0] : [notificationCount - known[0], callCount - known[1]];
  known = [notificationCount, callCount];
  fill("notifications", notifications.slice(-NOTIFICATIONS_SHOWN), fresh[0], drawNotification, "No notifications yet.");
  fill("calls", calls.slice(-CALLS_SHOWN), fresh[1], drawCall, "No API calls yet. Paste the Connection and run a DAG.");
}

function fill(id, entries, fresh, draw, nothing) {
  const items = entries.reverse().map((entry, index) =>
    element("li", { className: index < fresh ? "changed" : "" }, ...draw(entry)));
  byId(id).replaceChildren(...(items.length ? items : [element("li", { className: "empty" }, nothing)]));
}

function drawNotification({ at, kind, to, fields }) {
  return [
    element("time", {}, at.slice(11, 19)),
    element("span", { className: `tag ${kind}` }, kind),
    element("span", { className: "what", title: to }, to),
    element("small", {}, fields.join(", ")),
  ];
}

function drawCall({ at, method, path, status }) {
  return [
    element("time", {}, at.slice(11, 19)),
    element("span", { className: `tag method-${method.toLowerCase()}` }, method),
    element("span", { className: "what", title: path }, shorten(path)),
    element("span", { className: `status s${String(status ?? 5)[0]}` }, String(status ?? "no answer")),
  ];
}

function shorten(path) {
  return path.replace("/api/v1/", "").replace(/([0-9a-f]{8})-[0-9a-f-]{27}/, "$1…");
}
