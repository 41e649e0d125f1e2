/* One example with every model's answer, probabilities and words, each kind in aligned rows. */
function exampleSheet(examples, words, view) {
  const { data, rows, regression, labelName } = examples;
  const WIDE = 3;  // labels whose probabilities fit beside the answer

  function share(row, model, label) {
    const prediction = row[5][model];
    const held = prediction[2].map((entry, index) => (Array.isArray(entry) ? entry : [index, entry]));
    const entry = held.find((one) => one[0] === label);
    return entry ? entry[1] : null;
  }
  function labelHead(label, row) {
    const gold = examples.isGold(row, label), head = make("th", data.labels[label], gold ? "gold" : "");
    if (gold) head.append(" ", make("span", "gold", "goldword"));
    return head;
  }
  function barred(value, most) {
    const cell = make("td", null, "num");
    cell.append(showNumber(value));
    if (value !== null) cell.append(makeBar([["fill", value / most]], 60));
    return cell;
  }
  function headed(heads) {
    const line = make("tr"), part = make("thead");
    heads.forEach((head) => {
      const cell = typeof head === "string" ? make("th", head) : head;
      cell.scope = "col";
      line.append(cell);
    });
    part.append(line);
    return part;
  }
  function answerCell(row, model) {
    const prediction = row[5][model], cell = make("td");
    if (prediction === null) return make("td", "no prediction");
    if (row[3] !== null) cell.append(makeMark(prediction[0] === row[3]), "\u00a0");
    cell.append(labelName(prediction[0]));
    return cell;
  }
  /* A row a model: its answer, and the probabilities of few labels; of many those of answer and gold. */
  function answers(row) {
    const labels = data.labels.map((_, label) => label);
    const held = row[5].some((prediction) => prediction !== null && prediction[2].length);
    const few = held && labels.length <= WIDE;
    const grid = make("table", null, "answers"), part = make("tbody");
    let heads = ["Model", "Answer"];
    if (regression) heads = ["Model", make("th", "Score", "num"), ...(row[3] === null ? [] : [make("th", "minus gold", "num")])];
    else if (few) heads.push(...labels.map((label) => labelHead(label, row)));
    else if (examples.known) heads.push("probability", ...(held && row[3] !== null && !data.sets ? ["of gold"] : []));
    row[5].forEach((prediction, model) => {
      const line = make("tr", null, model === data.teacher ? "teacher" : "");
      const head = make("th", data.models[model]);
      head.scope = "row";
      if (model === data.teacher && data.models[model] !== "teacher") head.append(make("span", "teacher", "small"));
      line.append(head);
      if (prediction === null) {
        const none = make("td", "no prediction");
        none.colSpan = heads.length - 1;
        line.append(none);
      } else if (regression) {
        line.append(make("td", showNumber(prediction[1]), "num"));
        if (row[3] !== null) line.append(make("td", showSigned(prediction[1] - row[3]), "num"));
      } else {
        line.append(answerCell(row, model));
        if (few) labels.forEach((label) => line.append(barred(prediction[2].length ? share(row, model, label) : null, 1)));
        else heads.slice(2).forEach((_, place) => line.append(barred(place ? share(row, model, row[3]) : prediction[1], 1)));
      }
      part.append(line);
    });
    grid.append(headed(heads), part);
    return framed(grid, "Answers to " + row[0]);
  }
  function allProbabilities(row) {
    const labels = new Map();
    row[5].forEach((prediction) => (prediction === null ? [] : prediction[2]).forEach((entry, index) => {
      const [label, value] = Array.isArray(entry) ? entry : [index, entry];
      labels.set(label, Math.max(value, labels.get(label) || 0));
    }));
    if (labels.size <= WIDE) return null;
    const grid = make("table", null, "answers"), part = make("tbody"), fold = make("details");
    Array.from(labels).sort((a, b) => b[1] - a[1] || a[0] - b[0]).forEach(([label]) => {
      const line = make("tr"), head = labelHead(label, row);
      head.scope = "row";
      line.append(head);
      row[5].forEach((prediction, model) => line.append(barred(prediction === null ? null : share(row, model, label), 1)));
      part.append(line);
    });
    grid.append(headed(["Label", ...data.models]), part);
    fold.open = view.open;
    fold.addEventListener("toggle", () => { view.open = fold.open; });
    fold.append(make("summary", "Probabilities of the labels"), framed(grid, "Probabilities of " + row[0]));
    return fold;
  }
  function framed(grid, name) {
    const frame = make("div", null, "scroll");
    frame.tabIndex = 0;
    frame.setAttribute("role", "group");
    frame.setAttribute("aria-label", name);
    frame.append(grid);
    return frame;
  }
  function wordBox(row) {
    const packed = row[6], box = make("div", null, "wordbox");
    if (!packed[2].length) {
      box.append(make("p", "Its word scores are in attributions.parquet beside this page.", "soft"));
      return box;
    }
    box.append(words.legend(packed), check(exampleWords.difference, view.differences, (on) => {
      view.differences = on;
      view.redraw();
    }));
    const tabs = make("div");
    tabs.dataset.tabs = "Methods";
    data.methods.forEach((name, by) => {
      if (!packed[3][by].some((scores) => scores)) return;
      const panel = make("div", null, "tab"), frame = framed(words.table(packed, by, view.differences), "Word scores of " + row[0] + " by " + name);
      panel.append(make("h4", name, "tab-name"), frame);
      tabs.append(panel);
      wrapWords(frame);
    });
    makeTabs(tabs, view.method, (place) => { view.method = place; });
    box.append(tabs);
    return box;
  }
  function check(name, on, changed) {
    const label = make("label", null, "check"), box = make("input");
    box.type = "checkbox";
    box.checked = on;
    box.dataset.keep = "check";
    box.addEventListener("change", () => changed(box.checked));
    label.append(box, name);
    return label;
  }
  function facts(row) {
    const list = make("dl", null, "facts");
    const add = (name, value) => {
      const pair = make("div");
      pair.append(make("dt", name), make("dd", value));
      list.append(pair);
    };
    if (examples.gold) add("gold", examples.goldName(row));
    data.columns.forEach((name, place) => { if (row[4][place]) add(name, row[4][place]); });
    return list;
  }
  function sheet(index, pinned) {
    const row = rows[index], box = make("article", null, "sheet");
    box.append(make("h3", (pinned ? "Pinned: " : "Example ") + row[0]));
    const texts = row[2] === null ? [["", row[1]]] : [["First text", row[1]], ["Second text", row[2]]];
    texts.forEach(([name, content]) => {
      if (name) box.append(make("p", name, "small"));
      const part = make("p", content, "text");
      part.dir = "auto";
      box.append(part);
    });
    box.append(facts(row), answers(row));
    const fold = regression ? null : allProbabilities(row);
    if (fold) box.append(fold);
    if (row[6]) box.append(wordBox(row));
    return box;
  }
  return sheet;
}
