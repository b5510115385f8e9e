// Draws every section, in their order.

const report = JSON.parse(document.getElementById("data").textContent);
setClock(report);
document.getElementById("report").replaceChildren(...sections.map((draw) => draw(report)).filter((drawn) => drawn !== null));
for (const act of whenDrawn) act();
