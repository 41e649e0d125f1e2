/* Word scores: the same words in the same columns, teacher and students below each other, wrapped to
   the room there is; tinted as highlights.py tints them. */
function exampleWords(examples) {
  const { data, regression } = examples;

  function tint(score, most) {
    if (score === null || !most || Math.abs(score) < 0.05 * most) return "";
    return (score > 0 ? "t" : "a") + Math.min(5, Math.floor((5 * Math.abs(score)) / most + 0.999));
  }
  function line(name, notes, words, scores, kind) {
    const row = make("tr", null, kind);
    const head = make("th", name);
    head.scope = "row";
    notes.forEach((note) => head.append(make("span", note, "small")));
    row.append(head);
    const most = Math.max(0, ...scores.map((score) => Math.abs(score || 0)));
    words.forEach((word, place) => {
      const cell = make("td"), score = scores[place];
      const mark = make("span", word, ("hl " + tint(score, most)).trim());
      mark.title = score === null ? "not read" : word + " " + String(score).replace("-", "−");
      cell.append(mark, make("span", showNumber(score, 2), "small"));
      row.append(cell);
    });
    return row;
  }
  /* Each line's scores as shares of their sizes' sum, as the units of two models differ. */
  function shares(scores) {
    const sum = scores.reduce((total, score) => total + Math.abs(score || 0), 0);
    return scores.map((score) => (score === null || !sum ? null : score / sum));
  }
  function difference(scores, teacher) {
    const one = shares(scores), other = shares(teacher);
    return one.map((share, place) => (share === null || other[place] === null ? null : share - other[place]));
  }
  /* Whether words run from right to left: the first letter with a direction does. */
  function backwards(list) {
    const letter = list.join(" ").match(/\p{L}/u);
    return letter !== null && /[\p{sc=Hebr}\p{sc=Arab}\p{sc=Syrc}\p{sc=Thaa}\p{sc=Nkoo}\p{sc=Adlm}]/u.test(letter[0]);
  }
  function table(packed, by, differences) {
    const grid = make("table", null, "words"), part = make("tbody"), scores = packed[3][by];
    if (backwards(packed[2])) grid.dir = "rtl";
    const teacher = scores[data.teacher];
    data.models.forEach((name, model) => {
      if (!scores[model]) return;
      const rho = packed[1][by][model];
      part.append(line(name, rho === null ? [] : ["agreement " + showNumber(rho)], packed[2], scores[model], ""));
      if (differences && teacher && model !== data.teacher) {
        part.append(line(name + " − " + data.models[data.teacher], ["shares"], packed[2], difference(scores[model], teacher), "difference"));
      }
    });
    grid.append(part);
    if (packed[4] !== null) grid.dataset.second = packed[4];
    return grid;
  }
  function legend(packed) {
    const caption = make("p", null, "caption");
    const [speaks, against] = regression ? ["raises the predicted score", "lowers it"] : ["speaks for it", "against it"];
    if (!regression) caption.append("Explained class: " + data.labels[packed[0]] + ". ");
    caption.append(make("span", "Blue, underlined", "hl t4"), " " + speaks + ", ", make("span", "orange, dotted", "hl a4"), " " + against + ".");
    return caption;
  }
  return { table, legend };
}

/* The units of two models differ, so that only shares can be subtracted. */
exampleWords.difference = "Add student minus teacher, in shares of the sum of each line’s sizes";

/* Break the lines of a table of words where the room ends, all models at the same word. */
const wrapped = new WeakMap();
function wrapWords(frame) {
  if (wrapped.has(frame)) wrapped.get(frame).disconnect();
  const grid = frame.querySelector("table.words");
  const lines = Array.from(grid.tBodies[0].rows).map((row) => ({ row, head: row.cells[0], cells: Array.from(row.cells).slice(1) }));
  if (!lines.length) return;
  const second = grid.dataset.second === undefined ? -1 : Number(grid.dataset.second);
  let widths = null, headWidth = 0, drawn = "";
  function blocks(room) {
    const cuts = [[]];
    let used = 0;
    widths.forEach((width, place) => {
      const last = cuts[cuts.length - 1];
      if (last.length && (used + width > room || place === second)) {
        cuts.push([]);
        used = 0;
      }
      cuts[cuts.length - 1].push(place);
      used += width;
    });
    return cuts;
  }
  function part(places, first) {
    const piece = grid.cloneNode(false), body = make("tbody");
    const name = second < 0 || !(first || places[0] === second) ? "" : places[0] < second ? "First text" : "Second text";
    if (name) piece.append(make("caption", name));
    if (places[0] === second) piece.classList.add("second-text");
    lines.forEach((line) => {
      const row = line.row.cloneNode(false);
      row.append(line.head.cloneNode(true), ...places.map((place) => line.cells[place]));
      body.append(row);
    });
    piece.append(body);
    return piece;
  }
  function wrap() {
    if (!frame.clientWidth) return;
    if (!widths) {
      widths = lines[0].cells.map((cell) => cell.getBoundingClientRect().width);
      headWidth = lines[0].head.offsetWidth;
    }
    const cuts = blocks(frame.clientWidth - headWidth - 2);
    if (JSON.stringify(cuts) !== drawn) frame.replaceChildren(...cuts.map((places, at) => part(places, at === 0)));
    drawn = JSON.stringify(cuts);
    if (frame.scrollWidth <= frame.clientWidth) frame.removeAttribute("tabindex");
    else frame.tabIndex = 0;
  }
  wrapped.set(frame, new ResizeObserver(wrap));
  wrapped.get(frame).observe(frame);
}

/* The report's own sentences: wrapped, and their differences drawn when they are asked for. */
function startWords(examples) {
  const box = document.getElementById("sentences");
  if (!box) return;
  const words = exampleWords(examples);
  const frames = Array.from(box.querySelectorAll("[data-example]"));
  frames.forEach(wrapWords);
  const label = make("label", null, "check"), checkbox = make("input");
  checkbox.type = "checkbox";
  label.append(checkbox, exampleWords.difference);
  checkbox.addEventListener("change", () => frames.forEach((frame) => {
    const row = examples.rows[examples.placeOf(frame.dataset.example)];
    if (!row || !row[6]) return;
    frame.replaceChildren(words.table(row[6], Number(frame.dataset.method), checkbox.checked));
    wrapWords(frame);
  }));
  box.prepend(label);
}
