// Time as a place on a line, and days as a person writes them.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const LEAST_ROOM = 0.09; // of the line, for a year's label in a narrow window

// Gives functions that turn seconds since 1970 into per cent of the line.
function axisOf({ from, to }) {
  const inside = (moment) => Math.min(Math.max(moment, from), to);
  const at = (moment) => (100 * (inside(moment) - from)) / (to - from);
  return {
    at,
    months: monthsOf(from, to),
    place: (start, end) => ({ x: `${at(start).toFixed(3)}%`, width: `${(at(end) - at(start)).toFixed(3)}%` }),
    shows: (start, end) => start < to && end > from,
    isCut: (start, end) => ({ left: start < from, right: end > to }),
  };
}

function monthsOf(from, to) {
  const first = new Date(from * 1000);
  const months = [];
  for (let month = first.getUTCMonth(); ; month += 1) {
    const moment = Date.UTC(first.getUTCFullYear(), month, 1) / 1000;
    if (moment >= to) return months;
    months.push({ moment, year: new Date(moment * 1000).getUTCFullYear(), month: month % 12 });
  }
}

// Gives the axis's labels: every year, and as many months as there is room for, fewer in a narrow window.
function labelsOf({ at, months }) {
  const room = months.length <= 14 ? "some" : months.length <= 40 ? "many" : months.length <= 120 ? "crowd" : months.length <= 200 ? "years" : "decades";
  const labels = months.flatMap(({ moment, year, month }, position) => {
    const size = month === 0 ? "first" : month === 6 ? "half" : month % 3 === 0 ? "quarter" : "single";
    const made = [placed(element("span", { className: `month ${size}` }, MONTHS[month]), at(moment))];
    const leavesRoom = at(moment) < 97 && (month === 0 || (12 - month) / months.length > LEAST_ROOM);
    if (leavesRoom && (month === 0 || position === 0)) {
      const rank = at(moment) > 90 ? "late" : year % 5 === 0 ? "fifth" : "between";
      made.push(placed(element("b", { className: `year ${rank}` }, String(year)), at(moment)));
    }
    return made;
  });
  return element("div", { className: `axis ${room}` }, ...labels);
}

function placed(made, per_cent) {
  made.style.left = `${per_cent}%`;
  return made;
}

// "2026-06-15" or "2026-06-15T01:00", as the data has local days and times.
function dayOf(text, { year: withYear = true } = {}) {
  const [date, clock] = text.split("T");
  const [year, month, day] = date.split("-").map(Number);
  return `${day} ${MONTHS[month - 1]}${withYear ? ` ${year}` : ""}${clock ? ` ${clock}` : ""}`;
}

function daysOf(first, last) {
  if (first === last && !first.includes("T")) return dayOf(first);
  const sameYear = first.slice(0, 4) === last.slice(0, 4);
  return `${dayOf(first, { year: !sameYear })} – ${dayOf(last)}`;
}
