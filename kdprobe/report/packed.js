/* Folded rows stand as text until their fold opens, see packed.py; then they become rows of a table. */
const unpack = (function () {
  const LONG = 24, BEGINNING = 60;
  let texts = null;
  /* The examples of the page by id, with how each begins; read when a table first names one. */
  function beginnings() {
    if (texts) return texts;
    const rows = JSON.parse(document.getElementById("data").textContent).rows || [];
    texts = new Map(rows.map((row) => [row[0], row[1]]));
    return texts;
  }
  function small(cell, line) {
    if (line) cell.append(Object.assign(document.createElement("small"), { textContent: line }));
  }
  function example(cell, id) {
    const text = beginnings().get(id);
    if (text === undefined) return cell.append(id);
    cell.append(Object.assign(document.createElement("a"), { textContent: id, href: "#ex-" + encodeURIComponent(id) }));
    small(cell, text.length > BEGINNING ? text.slice(0, BEGINNING - 1) + "…" : text);
  }
  function look(shown, kind) {
    if (shown === "–") return "none";
    if (kind === "n") return shown === "undefined" ? shown : "num";
    return shown.length > LONG ? "long" : "";
  }
  function makeRow(line, kinds, isHead, linked) {
    const row = document.createElement("tr");
    line.split("\t").forEach(function (content, place) {
      const [shown, ...below] = content.split("  ");
      const cell = document.createElement(isHead || place === 0 ? "th" : "td");
      if (cell.tagName === "TH") cell.scope = isHead ? "col" : "row";
      const kind = isHead ? (kinds[place] === "n" ? "num" : "") : look(shown, kinds[place]);
      if (kind) cell.className = kind;
      if (kinds[place] === "e" && linked && !isHead) example(cell, shown);
      else cell.append(shown);
      below.forEach((part) => small(cell, part));
      row.append(cell);
    });
    return row;
  }
  function makeTable(holder) {
    const table = document.createElement("table");
    table.className = holder.dataset.table;
    table.append(document.createElement("thead"), document.createElement("tbody"));
    holder.append(table);
    return table;
  }
  function one(text) {
    const lines = text.textContent.replace(/^\n/, "").split("\n"), kinds = text.dataset.kinds;
    const rest = text.closest(".rest"), holder = rest ? rest.parentElement.querySelector(".scroll") : text.parentElement;
    const linked = "linked" in text.dataset;
    let table = holder.querySelector("table");
    if (!table) {
      table = makeTable(holder);
      table.tHead.append(makeRow(lines.shift(), kinds, true, linked));
    }
    const body = table.tBodies[table.tBodies.length - 1];
    const open = rest ? 0 : Number(holder.dataset.open) || Infinity;
    lines.forEach(function (line, at) {
      const row = makeRow(line, kinds, false, linked);
      if (at >= open) row.className = "more";
      body.append(row);
    });
    text.remove();
  }
  function unpack(root) {
    const texts = root ? Array.from(root.querySelectorAll("pre.packed")) : [];
    texts.forEach(one);
    if (texts.length) root.dispatchEvent(new Event("unpacked", { bubbles: true }));
  }
  document.addEventListener("toggle", function (event) {
    if (!event.target.open) return;
    event.target.querySelectorAll("pre.packed").forEach(function (text) {
      if (!text.closest("details:not([open])")) unpack(text.closest(".tablebox") || text.parentElement);
    });
  }, true);
  addEventListener("beforeprint", () => unpack(document.body));
  return unpack;
})();
