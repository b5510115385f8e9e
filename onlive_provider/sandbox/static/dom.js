// Builds elements; text only ever enters as text nodes, so that data cannot become markup.

export function element(tag, { dataset = {}, style = {}, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  Object.assign(made.dataset, dataset);
  Object.assign(made.style, style);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function byId(id) {
  return document.getElementById(id);
}

const MARKED = 8000;

// Remembers each record's updatedAt, to tell which ones changed a moment ago and how many milliseconds ago that was.
export class Changes {
  constructor() {
    this.seen = null;
    this.changedAt = new Map();
  }

  since(records) {
    const now = performance.now();
    for (const { id, updatedAt } of records) {
      if (this.seen !== null && this.seen.get(id) !== updatedAt) this.changedAt.set(id, now);
    }
    this.seen = new Map(records.map(({ id, updatedAt }) => [id, updatedAt]));
    for (const [id, moment] of this.changedAt) if (now - moment > MARKED) this.changedAt.delete(id);
    return new Map([...this.changedAt].map(([id, moment]) => [id, now - moment]));
  }
}

// A mark that goes on fading where it was before the record was drawn anew.
export function mark(made, millisecondsAgo) {
  if (millisecondsAgo === undefined) return made;
  made.classList.add("changed");
  made.style.animationDelay = `${-millisecondsAgo}ms`;
  return made;
}

export function zoneOf(service) {
  const zone = service?.extraFields?.timezone;
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone || "UTC";
  } catch {
    return "UTC";
  }
}
