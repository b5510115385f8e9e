// Buttons that copy a record's id. Where the browser lets no page copy, the id is shown, ready to be copied by hand.

import { byId, element } from "./dom.js";

export function copyButton(id, name) {
  const button = element("button", {
    type: "button", className: "copy", title: `Copy the id ${id}`, ariaLabel: `Copy the id of ${name}: ${id}`,
    dataset: { copies: id },
  }, id.slice(0, 8));
  button.addEventListener("click", () => copy(id));
  return button;
}

async function copy(id) {
  try {
    await navigator.clipboard.writeText(id);
    byId("copied").replaceChildren(`Copied ${id}`);
  } catch {
    const field = element("input", { value: id, readOnly: true, ariaLabel: "Id" });
    byId("copied").replaceChildren("Copy it from here: ", field);
    field.select();
  }
}

// What is drawn anew takes the focus with it: give it back to the button of the same record.
export function keepingFocus(draw) {
  const copies = document.activeElement?.dataset?.copies;
  draw();
  if (copies) document.querySelector(`[data-copies="${CSS.escape(copies)}"]`)?.focus({ preventScroll: true });
}
