/* The example browser. Rows are built with textContent only: every string in the data is foreign. */
(function () {
  const PAGE = 50;
  const holder = document.getElementById("data");
  const table = document.getElementById("examples");
  if (!holder || !table) return;
  const data = JSON.parse(holder.textContent);
  const rows = data.rows;
  const regression = data.kind === "regression";
  const hasGold = rows.some((row) => row[3] !== null);
  const explained = data.methods.length > 0;
  const students = data.models.map((_, index) => index).filter((index) => index !== data.teacher);
  const texts = rows.map((row) => (row[0] + "\n" + row[1] + "\n" + (row[2] || "")).toLowerCase());
  const placeOf = new Map(rows.map((row, index) => [row[0], index]));
  const body = table.tBodies[0];
  const state = { shown: rows.map((_, index) => index), page: 0, column: -1, down: false, chosen: -1, pinned: -1 };

  function byId(id) { return document.getElementById(id); }
  function make(tag, content, kind) {
    const node = document.createElement(tag);
    if (content !== undefined && content !== null) node.textContent = String(content);
    if (kind) node.className = kind;
    return node;
  }
  function address(row) { return "#ex-" + encodeURIComponent(row[0]); }
  function labelName(index) { return index === null || index === undefined ? "–" : data.labels[index]; }
  function number(value) { return value === null || value === undefined ? "–" : value.toFixed(3).replace("-", "−"); }
  function goldText(row) { return row[3] === null ? "–" : regression ? number(row[3]) : labelName(row[3]); }
  function right(row, model) { return row[5][model] !== null && row[3] !== null && row[5][model][0] === row[3]; }
  function wrong(row, model) { return row[5][model] !== null && row[3] !== null && row[5][model][0] !== row[3]; }

  /* Attributions: a row's seventh entry is [class, agreement, words, scores], see examples.py. */
  function method() { return byId("f-method") ? Number(byId("f-method").value) : 0; }
  function chosenStudents() {
    const asked = byId("f-student") ? byId("f-student").value : "";
    return asked === "" ? students : [Number(asked)];
  }
  function rho(row, model, by) { return row[6] ? row[6][1][by][model] : null; }
  function leastRho(row) {
    const found = chosenStudents().map((model) => rho(row, model, method())).filter((r) => r !== null);
    return found.length ? Math.min(...found) : null;
  }

  /* Columns: what each shows and what it is sorted by. */
  const columns = [
    { head: "Example", key: (row) => row[0], numeric: rows.every((row) => /^-?\d+$/.test(row[0])) },
    { head: "Text", key: (row) => row[1].toLowerCase() },
  ];
  if (hasGold) columns.push({ head: regression ? "Score" : "Label", key: (row) => row[3], numeric: true });
  data.models.forEach((name, model) => columns.push({
    head: name, numeric: true,
    key: (row) => {
      const said = row[5][model];
      return said === null ? null : regression ? said[1] : said[0] * 2 + (said[1] === null ? 0 : said[1]);
    },
  }));
  if (explained) columns.push({ head: "Word agreement", key: leastRho, numeric: true });
  data.columns.forEach((name, place) => {
    const values = rows.map((row) => row[4][place]);
    const numeric = values.some((v) => v !== "") && values.every((v) => v === "" || isFinite(Number(v)));
    columns.push({ head: name, key: (row) => row[4][place], numeric: numeric });
  });

  /* Filters. */
  function criteria() {
    const value = (id) => (byId(id) ? byId(id).value : "");
    const checked = (id) => Boolean(byId(id) && byId(id).checked);
    return {
      words: value("f-text").toLowerCase().split(/\s+/).filter(Boolean),
      gold: value("f-gold") === "" ? null : Number(value("f-gold")),
      students: chosenStudents(), method: method(), low: checked("f-low"),
      slices: Array.from(document.querySelectorAll(".f-slice"))
        .map((select) => [Number(select.dataset.column), select.selectedIndex, select.value])
        .filter((slice) => slice[1] > 0),
      disagree: checked("f-disagree"), lost: checked("f-lost"), won: checked("f-won"),
    };
  }
  function passes(index, wanted) {
    const row = rows[index];
    if (wanted.gold !== null && row[3] !== wanted.gold) return false;
    for (const word of wanted.words) if (!texts[index].includes(word)) return false;
    for (const slice of wanted.slices) if (row[4][slice[0]] !== slice[2]) return false;
    const teacher = row[5][data.teacher];
    const some = (test) => wanted.students.some((model) => row[5][model] !== null && test(model));
    if (wanted.disagree && !(teacher && some((model) => row[5][model][0] !== teacher[0]))) return false;
    if (wanted.lost && !(right(row, data.teacher) && some((model) => wrong(row, model)))) return false;
    if (wanted.won && !(wrong(row, data.teacher) && some((model) => right(row, model)))) return false;
    if (wanted.low && !wanted.students.some((model) => {
      const found = rho(row, model, wanted.method), limit = data.low[wanted.method][model];
      return found !== null && limit !== null && found < limit;
    })) return false;
    return true;
  }
  function blank(key) { return key === null || key === ""; }
  function compare(a, b, numeric) {
    if (numeric) return Number(a) - Number(b);
    return a < b ? -1 : a > b ? 1 : 0;
  }
  function apply() {
    const start = performance.now();
    const wanted = criteria();
    const kept = [];
    for (let index = 0; index < rows.length; index += 1) if (passes(index, wanted)) kept.push(index);
    if (state.column >= 0) {
      const column = columns[state.column];
      const keys = new Map(kept.map((index) => [index, column.key(rows[index])]));
      const sign = state.down ? -1 : 1;
      kept.sort((a, b) => {
        const one = keys.get(a), other = keys.get(b);
        const last = blank(one) - blank(other);
        if (last || blank(one)) return last || a - b;
        return sign * compare(one, other, column.numeric) || a - b;
      });
    }
    state.shown = kept;
    state.page = 0;
    draw();
    performance.measure("kdprobe-filter", { start: start, end: performance.now() });
  }

  /* Drawing. */
  function drawRow(index) {
    const row = rows[index];
    const line = make("tr", null, index === state.chosen ? "chosen" : "");
    const name = make("td");
    const link = make("a", row[0]);
    link.href = address(row);
    name.append(link);
    const text = make("td", row[1], "long");
    if (row[2] !== null) text.append(make("span", row[2], "second"));
    line.append(name, text);
    if (hasGold) line.append(make("td", goldText(row)));
    row[5].forEach((said, model) => {
      const cell = make("td");
      if (said === null) cell.textContent = "–";
      else if (regression) cell.textContent = number(said[1]);
      else {
        const label = make("span", labelName(said[0]), wrong(row, model) ? "wrong" : "");
        if (wrong(row, model)) label.title = "wrong";
        cell.append(label);
        if (said[1] !== null) cell.append(" ", make("span", number(said[1]), "small inline"));
      }
      line.append(cell);
    });
    if (explained) line.append(make("td", number(leastRho(row))));
    row[4].forEach((value) => line.append(make("td", value)));
    return line;
  }
  function draw() {
    const pages = Math.max(1, Math.ceil(state.shown.length / PAGE));
    const from = state.page * PAGE;
    body.replaceChildren(...state.shown.slice(from, from + PAGE).map(drawRow));
    byId("count").textContent = state.shown.length.toLocaleString("en") + " of " +
      rows.length.toLocaleString("en") + " examples shown";
    byId("page").textContent = "page " + (state.page + 1) + " of " + pages;
    byId("previous").disabled = state.page === 0;
    byId("next").disabled = state.page >= pages - 1;
    byId("pages").hidden = pages === 1;
  }
  function drawHead() {
    const line = table.tHead.rows[0];
    columns.forEach((column, place) => {
      const cell = line.cells[place];
      const button = make("button", column.head);
      button.type = "button";
      button.addEventListener("click", () => {
        state.down = state.column === place && !state.down;
        state.column = place;
        Array.from(line.cells).forEach((other) => other.removeAttribute("aria-sort"));
        cell.setAttribute("aria-sort", state.down ? "descending" : "ascending");
        apply();
      });
      cell.replaceChildren(button);
    });
  }

  /* The panel. */
  function bar(share) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("viewBox", "0 0 120 10");
    svg.setAttribute("aria-hidden", "true");
    [["track", 120], ["fill", 120 * Math.min(1, Math.max(0, share))]].forEach((part) => {
      const box = document.createElementNS(space, "rect");
      box.setAttribute("class", part[0]);
      box.setAttribute("width", part[1].toFixed(1));
      box.setAttribute("height", "10");
      svg.append(box);
    });
    return svg;
  }
  function modelTable(row, model) {
    const said = row[5][model];
    const grid = make("table");
    grid.append(make("caption", data.models[model] + (model === data.teacher ? " (teacher)" : "")));
    const part = make("tbody");
    const add = (label, value, share, gold) => {
      const line = make("tr", null, gold ? "gold" : "");
      const head = make("th", label + (gold ? " ✓" : ""));
      head.scope = "row";
      const drawn = make("td");
      if (share !== null) drawn.append(bar(share));
      line.append(head, make("td", value, "num"), drawn);
      part.append(line);
    };
    if (said === null) add("no prediction", "", null, false);
    else if (regression) add("score", number(said[1]), null, false);
    else if (!said[2].length) {
      add(labelName(said[0]), said[1] === null ? "label only" : number(said[1]), said[1], said[0] === row[3]);
    } else {
      said[2].map((entry, index) => (Array.isArray(entry) ? entry : [index, entry]))
        .forEach((entry) => add(labelName(entry[0]), number(entry[1]), entry[1], entry[0] === row[3]));
    }
    grid.append(part);
    return grid;
  }
  /* Word scores: the same words in the same columns, tinted as highlights.py tints them. */
  function tint(score, most) {
    if (score === null || !most || Math.abs(score) < 0.05 * most) return "";
    return (score > 0 ? "t" : "a") + Math.min(5, Math.floor((5 * Math.abs(score)) / most + 0.999));
  }
  function wordLine(packed, by, model) {
    const scores = packed[3][by][model];
    if (!scores) return null;
    const line = make("tr");
    const head = make("th", data.methods[by]);
    head.scope = "row";
    const same = packed[1][by][model];
    head.append(make("span", data.models[model], "small"));
    if (same !== null) head.append(make("span", "agreement " + number(same), "small"));
    line.append(head);
    const most = Math.max(0, ...scores.map((score) => Math.abs(score || 0)));
    packed[2].forEach((word, place) => {
      const cell = make("td");
      const score = scores[place];
      const shown = score === null ? "–" : score.toFixed(2).replace("-0.00", "0.00").replace("-", "−");
      const mark = make("span", word, ("hl " + tint(score, most)).trim());
      mark.title = score === null ? "not read" : word + " " + String(score).replace("-", "−");
      cell.append(mark, make("span", shown, "small"));
      line.append(cell);
    });
    return line;
  }
  function wordTable(row) {
    const packed = row[6];
    const box = make("div", null, "wordbox");
    if (!packed[2].length) {
      box.append(make("p", "Its word scores are in attributions.parquet beside this page.", "soft"));
      return box;
    }
    const told = make("p", null, "caption");
    told.append(packed[0] === null ? "Word scores of the predicted number: " : "Word scores; explained class: " + labelName(packed[0]) + ". ");
    told.append(make("span", "Blue, underlined", "hl t4"), " speaks for it, ", make("span", "orange, dotted", "hl a4"), " against it.");
    const frame = make("div", null, "scroll");
    frame.tabIndex = 0;
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", "Word scores of " + row[0]);
    const grid = make("table", null, "words");
    const part = make("tbody");
    data.methods.forEach((_, by) => data.models.forEach((__, model) => {
      const line = wordLine(packed, by, model);
      if (line) part.append(line);
    }));
    grid.append(part);
    frame.append(grid);
    box.append(told, frame);
    return box;
  }
  function sheet(index, pinned) {
    const row = rows[index];
    const box = make("article", null, "sheet");
    const title = make("h3", (pinned ? "Pinned: " : "Example ") + row[0]);
    box.append(title, make("p", row[1], "text"));
    if (row[2] !== null) box.append(make("p", row[2], "text second"));
    const facts = hasGold ? [(regression ? "score " : "label ") + goldText(row)] : [];
    data.columns.forEach((name, place) => { if (row[4][place]) facts.push(name + " " + row[4][place]); });
    if (facts.length) box.append(make("p", facts.join(" · "), "soft"));
    const said = make("div", null, "models");
    data.models.forEach((_, model) => said.append(modelTable(row, model)));
    box.append(said);
    if (row[6]) box.append(wordTable(row));
    const buttons = make("div", null, "buttons");
    const pin = make("button", pinned ? "Unpin" : "Pin beside the next");
    pin.type = "button";
    pin.addEventListener("click", () => {
      state.pinned = pinned ? -1 : index;
      drawPanel();
      byId("panel").focus();
    });
    const link = make("a", "Link to this example");
    link.href = address(row);
    buttons.append(pin, link);
    box.append(buttons);
    return box;
  }
  function drawPanel() {
    const sheets = [];
    if (state.pinned >= 0) sheets.push(sheet(state.pinned, true));
    if (state.chosen >= 0 && state.chosen !== state.pinned) sheets.push(sheet(state.chosen, false));
    byId("panel").replaceChildren(...sheets);
  }
  function follow() {
    if (!location.hash.startsWith("#ex-")) return;
    let id;
    try { id = decodeURIComponent(location.hash.slice(4)); } catch (error) { return; }
    const index = placeOf.get(id);
    if (index === undefined) return;
    state.chosen = index;
    const place = state.shown.indexOf(index);
    if (place >= 0) state.page = Math.floor(place / PAGE);
    draw();
    drawPanel();
    byId("panel").focus({ preventScroll: true });
    byId("panel").scrollIntoView({ block: "start" });
  }

  /* CSV of what is shown. A leading = + - @ would be run by a spreadsheet: an apostrophe stops it. */
  function field(value) {
    const plain = value === null || value === undefined ? "" : value;
    let text = String(plain);
    if (typeof plain === "string" && /^[=+\-@\t\r]/.test(text)) text = "'" + text;
    return /[",\n\r]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }
  function csv() {
    const head = ["id", "text", "text_pair", regression ? "score" : "label"];
    data.models.forEach((name) => head.push(...(regression ? [name] : [name, name + " confidence"])));
    const pairs = data.methods.flatMap((_, by) => students.map((model) => [by, model]));
    pairs.forEach(([by, model]) => head.push("agreement " + data.methods[by] + " " + data.models[model]));
    const lines = [head.concat(data.columns).map(field).join(",")];
    state.shown.forEach((index) => {
      const row = rows[index];
      const cells = [row[0], row[1], row[2], regression || row[3] === null ? row[3] : labelName(row[3])];
      row[5].forEach((said) => {
        if (!regression) cells.push(said === null ? null : labelName(said[0]));
        cells.push(said === null ? null : said[1]);
      });
      pairs.forEach(([by, model]) => cells.push(rho(row, model, by)));
      lines.push(cells.concat(row[4]).map(field).join(","));
    });
    return lines.join("\r\n") + "\r\n";
  }
  function download() {
    const place = URL.createObjectURL(new Blob(["\ufeff" + csv()], { type: "text/csv" }));
    const link = make("a");
    link.href = place;
    link.download = data.name.replace(/[^A-Za-z0-9_-]+/g, "-") + "-examples.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(place), 1000);
  }

  const form = byId("filters");
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", apply);
  form.addEventListener("reset", () => setTimeout(apply, 0));
  byId("csv").addEventListener("click", download);
  function turn(step) {
    state.page += step;
    draw();
    table.scrollIntoView({ block: "start" });
  }
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  window.addEventListener("hashchange", follow);
  drawHead();
  draw();
  follow();
})();
