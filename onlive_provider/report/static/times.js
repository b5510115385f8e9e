// Times of the report, which are in UTC, as a clock shows them: in the season's zone, the author's, or the reader's.

const INSTANT = /\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)/g;
const MOST_INSTANTS = 4; // of one value, told beside it

const clock = { zone: "UTC" };

function setClock({ origin, timeline }) {
  const zones = new Set((timeline?.groups ?? []).map(({ timezone }) => timezone));
  const known = timeline?.target === "dateRanges" && zones.size === 1 ? [...zones][0] : origin.timezone;
  clock.zone = [known, readersZone()].find((zone) => zone && formatOf(zone) !== null) ?? "UTC";
}

function readersZone() {
  return new Intl.DateTimeFormat("en").resolvedOptions().timeZone;
}

const formats = new Map();

function formatOf(timeZone) {
  if (!formats.has(timeZone)) {
    try {
      const options = { timeZone, hourCycle: "h23", year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" };
      formats.set(timeZone, new Intl.DateTimeFormat("en", options));
    } catch {
      formats.set(timeZone, null); // A zone that this browser does not know.
    }
  }
  return formats.get(timeZone);
}

// "15 Jun 2027 00:00"
function localTime(instant, zone) {
  const parts = Object.fromEntries(formatOf(zone).formatToParts(instant).map(({ type, value: text }) => [type, text]));
  const seconds = parts.second === "00" ? "" : `:${parts.second}`;
  return `${parts.day} ${parts.month} ${parts.year} ${parts.hour}:${parts.minute}${seconds}`;
}

// The local times of a text's instants, or null if it has none.
function localTimes(text, zone) {
  if (zone === "UTC" || !text.includes("T")) return null;
  const instants = (text.match(INSTANT) ?? []).map((each) => new Date(each)).filter((each) => !Number.isNaN(each.getTime()));
  if (instants.length === 0) return null;
  const told = instants.slice(0, MOST_INSTANTS).map((each) => localTime(each, zone));
  const more = instants.length > MOST_INSTANTS ? ", ..." : "";
  return element("small", { className: "local" }, `${told.join(told.length === 2 ? " – " : ", ")}${more}, ${zone}`);
}

function zoneOfRow({ timeline = [] }) {
  const zones = new Set(timeline.flatMap(({ timezones = [] }) => timezones));
  const only = zones.size === 1 ? [...zones][0] : clock.zone;
  return formatOf(only) === null ? clock.zone : only;
}
