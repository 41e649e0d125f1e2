/* The list: its columns, their order, and one page of rows. */
function exampleTable(examples, filters, table, address) {
  const PAGE = 50;
  const { data, rows, regression } = examples;
  const state = { shown: [], page: 0, sort: "", columns: null, query: null };

  /* Columns: [key, head, orders, cell]. An order is [key, name of its button, key of a row]. */
  function columns() {
    const listed = [
      { key: "id", head: "Id", sorts: [["id", "Id", (row) => row[0], rows.every((row) => /^-?\d+$/.test(row[0]))]], draw: (cell, row) => { cell.textContent = row[0]; } },
      { key: "text", head: "Text", sorts: [["text", "Text", (row) => row[1].toLowerCase()]], draw: drawText },
    ];
    const gold = regression ? "Score" : "Label";
    if (examples.gold) listed.push({ key: "gold", head: gold, sorts: [["gold", gold, (row) => row[3], true]], draw: (cell, row) => { cell.textContent = examples.goldName(row); } });
    data.models.forEach((name, model) => listed.push({
      key: "m" + model, head: name, draw: (cell, row) => drawAnswer(cell, row, model),
      sorts: [
        ["m" + model, name, (row) => (regression ? examples.sure(row, model) : examples.answer(row, model)), true],
        ...(regression ? [] : [["c" + model, "confidence", (row) => examples.sure(row, model), true]]),
      ],
    }));
    if (examples.explained) listed.push({
      key: "agreement", head: "Word agreement", draw: (cell, row) => { cell.textContent = showNumber(filters.leastRho(row, state.query)); },
      sorts: [["agreement", "Word agreement", (row) => filters.leastRho(row, state.query), true]],
    });
    if (examples.known) {
      const gap = (row) => filters.largestGap(row, state.query);
      const size = (row) => (gap(row) === null ? null : Math.abs(gap(row)));
      const head = regression ? "Score difference" : "Confidence gap";
      listed.push({ key: "gap", head, sorts: [["gap", head, size, true], ["signed", "with its sign", gap, true]], draw: (cell, row) => { cell.textContent = showSigned(gap(row)); } });
    }
    data.columns.forEach((name, place) => {
      const values = rows.map((row) => row[4][place]);
      const numeric = values.some((v) => v !== "") && values.every((v) => v === "" || isFinite(Number(v)));
      listed.push({ key: "x" + place, head: name, sorts: [["x" + place, name, (row) => row[4][place], numeric]], draw: (cell, row) => { cell.textContent = row[4][place]; } });
    });
    return listed;
  }
  function drawText(cell, row) {
    cell.className = "long";
    const link = make("a", row[1]);
    link.href = address(row[0]);
    link.dir = "auto";
    cell.append(link);
    if (row[2] !== null) {
      const second = make("span", row[2], "second");
      second.dir = "auto";
      cell.append(second);
    }
    cell.append(make("span", row[0], "small"));
  }
  function drawAnswer(cell, row, model) {
    const prediction = row[5][model];
    if (prediction === null) { cell.textContent = "–"; return; }
    if (regression) { cell.textContent = showNumber(prediction[1]); return; }
    if (row[3] !== null) cell.append(makeMark(prediction[0] === row[3]), "\u00a0");
    cell.append(examples.labelName(prediction[0]));
    if (prediction[1] !== null) cell.append(make("span", showNumber(prediction[1]), "small"));
  }
  const all = columns();
  const usual = all.filter((column) => ["text", "gold", "agreement", ...(regression ? ["gap"] : []), ...data.shown.map((model) => "m" + model)].includes(column.key)).map((column) => column.key);
  const orders = new Map([
    ...all.flatMap((column) => column.sorts.map(([key, name, of, numeric]) => [key, { name, of, numeric, column }])),
    ["sure", { name: "confidence", numeric: true, column: null, of: null }],
  ]);
  function visible() {
    const wanted = state.columns || usual, order = orders.get(state.sort.replace("-", ""));
    const listed = all.filter((column) => wanted.includes(column.key) || column.key === "text");
    // What the list is sorted by stands beside the text where it was not chosen.
    if (order && order.column && !listed.includes(order.column)) listed.splice(listed.findIndex((column) => column.key === "text") + 1, 0, order.column);
    return listed;
  }

  /* Order: undefined values last, equal ones as they come. */
  function keysOf(kept, order, down) {
    if (order.of) return kept.map((index) => order.of(rows[index]));
    return kept.map((index) => {
      const held = filters.confidences(rows[index], state.query);
      return held.length ? (down ? Math.max(...held) : Math.min(...held)) : null;
    });
  }
  function ordered(kept) {
    const down = state.sort.startsWith("-"), order = orders.get(state.sort.replace("-", ""));
    if (!order) return kept;
    const blank = (key) => key === null || key === "";
    const held = keysOf(kept, order, down).map((key, place) => [key, kept[place]]);
    const compare = order.numeric ? (a, b) => Number(a) - Number(b) : (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    held.sort(([a, one], [b, other]) => blank(a) - blank(b) || (blank(a) ? 0 : (down ? -1 : 1) * compare(a, b)) || one - other);
    return held.map(([, index]) => index);
  }
  function show(kept, query) {
    state.query = query;
    state.shown = ordered(kept);
    state.page = 0;
  }

  function drawHead(sorted) {
    const line = make("tr");
    visible().forEach((column) => {
      const cell = make("th");
      cell.scope = "col";
      column.sorts.forEach(([key, name], place) => {
        const own = state.sort.replace("-", "") === key, down = state.sort.startsWith("-");
        const button = makeButton(name, () => {
          state.sort = !own ? key : down ? "" : "-" + key;
          sorted(key);
        });
        button.className = (place ? "minor " : "") + (own ? (down ? "down" : "up") : "");
        button.dataset.sort = key;
        button.setAttribute("aria-label", "sort by " + (place ? name + " of " + column.head : name));
        if (own) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
        cell.append(button);
      });
      line.append(cell);
    });
    table.tHead.replaceChildren(line);
  }
  function drawRow(index, chosen) {
    const line = make("tr", null, index === chosen ? "chosen" : "");
    line.dataset.row = index;
    if (index === chosen) line.setAttribute("aria-current", "true");
    visible().forEach((column) => {
      const cell = make("td");
      column.draw(cell, rows[index]);
      line.append(cell);
    });
    return line;
  }
  function draw(chosen) {
    const from = state.page * PAGE;
    table.tBodies[0].replaceChildren(...state.shown.slice(from, from + PAGE).map((index) => drawRow(index, chosen)));
  }
  /* Turn to the page of an example; false where the list does not hold it. */
  function turnTo(index) {
    const place = state.shown.indexOf(index);
    if (place >= 0) state.page = Math.floor(place / PAGE);
    return place >= 0;
  }
  return {
    state, all, usual, show, draw, drawHead, turnTo, visible,
    pages: () => Math.max(1, Math.ceil(state.shown.length / PAGE)),
    orderName() {
      const order = orders.get(state.sort.replace("-", ""));
      return order ? (order.column && order.column.head !== order.name ? order.column.head + ", " : "") + order.name : "";
    },
    knows: (sort) => orders.has(sort.replace("-", "")),
  };
}
