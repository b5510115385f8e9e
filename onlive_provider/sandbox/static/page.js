// Keeps the page like the sandbox: asks every second what changed and draws it.

import { keepingFocus } from "./copy.js";
import { byId } from "./dom.js";
import { drawLogs } from "./logs.js";
import { drawTimeline } from "./timeline.js";
import { drawWeek, startWeek } from "./week.js";

const EVERY = 1000;
let version = "";

async function refresh() {
  try {
    const answer = await fetch(`/sandbox/state?known=${encodeURIComponent(version)}`, { cache: "no-store" });
    if (answer.status === 200) draw(await answer.json());
    showLink("live");
  } catch {
    showLink("lost");
  }
  setTimeout(refresh, EVERY);
}

function draw(state) {
  version = String(state.version);
  byId("organization").textContent = state.organization.name;
  byId("service-count").textContent = state.services.length;
  byId("appointment-count").textContent = state.appointments.length;
  byId("notification-count").textContent = state.notificationCount;
  byId("call-count").textContent = state.callCount;
  byId("now").textContent = `${state.now.slice(0, 16).replace("T", " ")} UTC`;
  keepingFocus(() => {
    drawTimeline(state);
    drawWeek(state);
  });
  drawLogs(state);
}

function showLink(name) {
  byId("link").textContent = name === "live" ? "live" : "sandbox stopped";
  byId("link").dataset.link = name;
}

startWeek();
refresh();
