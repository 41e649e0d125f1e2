/* The page's examples as the browser's other files read them. A row is [id, text, second text, gold,
   columns, models, words]; a model's entry is [label, confidence or score, probabilities]; words
   are [class, agreement, words, scores, where the second text begins], see examples.py. */
function make(tag, content, kind) {
  const node = document.createElement(tag);
  // textContent only: every string in the data is foreign.
  if (content !== undefined && content !== null) node.textContent = String(content);
  if (kind) node.className = kind;
  return node;
}
function makeButton(content, action) {
  const button = make("button", content);
  button.type = "button";
  button.addEventListener("click", action);
  return button;
}
function showNumber(value, digits) {
  if (value === null || value === undefined) return "–";
  const text = value.toFixed(digits === undefined ? 3 : digits);
  return (/^-0\.0*$/.test(text) ? text.slice(1) : text).replace("-", "−");
}
function showSigned(value) {
  const text = showNumber(value);
  return value !== null && value > 0 && text !== "0.000" ? "+" + text : text;
}
function showCount(value) { return value.toLocaleString("en"); }

function exampleData(data) {
  const rows = data.rows;
  const regression = data.kind === "regression";
  /* An entry without its confidence has the probability of its label. */
  rows.forEach((row) => row[5].forEach((entry) => {
    if (entry !== null && entry.length === 2) entry.splice(1, 0, entry[1][entry[0]]);
  }));
  const places = new Map(rows.map((row, index) => [row[0], index]));
  const students = data.models.map((_, index) => index).filter((index) => index !== data.teacher);
  function answer(row, model) { return row[5][model] === null ? null : row[5][model][0]; }
  function sure(row, model) { return row[5][model] === null ? null : row[5][model][1]; }
  const answers = data.answers || data.labels;
  function labelName(label) { return label === null || label === undefined ? "–" : answers[label]; }
  /* Whether a label is gold; of several at once, whether it is one of them. */
  function isGold(row, label) { return data.sets && row[3] !== null ? data.sets[row[3]].includes(label) : label === row[3]; }
  return {
    data, rows, regression, students, answer, sure, labelName, isGold,
    gold: rows.some((row) => row[3] !== null),
    explained: data.methods.length > 0,
    known: rows.some((row) => row[5].some((prediction) => prediction !== null && prediction[1] !== null)),
    placeOf: (id) => places.get(id),
    goldName: (row) => (row[3] === null ? "–" : regression ? showNumber(row[3]) : labelName(row[3])),
    right(row, model) { return row[5][model] !== null && row[3] !== null && row[5][model][0] === row[3]; },
    wrong(row, model) { return row[5][model] !== null && row[3] !== null && row[5][model][0] !== row[3]; },
    /* The difference in confidence (of a regression: in score), model minus the one beside it. */
    gap(row, model, beside) {
      const one = sure(row, model), other = sure(row, beside);
      return one === null || other === null ? null : one - other;
    },
    rho(row, model, by) { return row[6] ? row[6][1][by][model] : null; },
  };
}

/* A tick or a cross, with its word for those who cannot see it. */
function makeMark(isRight) {
  const mark = make("span", isRight ? "✓" : "✗", "tick " + (isRight ? "right" : "wrong"));
  mark.setAttribute("role", "img");
  mark.setAttribute("aria-label", isRight ? "right" : "wrong");
  mark.title = isRight ? "right" : "wrong";
  return mark;
}
/* Boxes beside each other; parts are [class, share]. Widths are attributes: the page allows no style. */
function makeBar(parts, width) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 " + width + " 10");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "sharebar");
  let at = 0;
  [["track", null], ...parts].forEach(([kind, share]) => {
    const box = document.createElementNS(space, "rect");
    const wide = share === null ? width : width * Math.min(1, Math.max(0, share));
    box.setAttribute("class", kind);
    box.setAttribute("x", at.toFixed(2));
    box.setAttribute("width", wide.toFixed(2));
    box.setAttribute("height", "10");
    if (share !== null) at += wide;
    svg.append(box);
  });
  return svg;
}
