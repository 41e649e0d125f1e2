/* The example browser: filters and saved filters, the list and the panel beside it, their address. */
function startBrowser(data) {
  const start = performance.now();
  const byId = (id) => document.getElementById(id);
  const examples = exampleData(data);
  const address = exampleAddress(byId("filters"), (id) => examples.placeOf(id) ?? -1);
  const filters = exampleFilters(examples);
  const grid = exampleTable(examples, filters, byId("examples"), written);
  const view = { method: 0, differences: false, open: false, redraw: drawPanel };
  const sheet = exampleSheet(examples, exampleWords(examples), view);
  const refreshChips = drawChips(byId("chips"), examples, filters, address, (sort) => { grid.state.sort = sort; changed(); });
  const open = { example: -1, pinned: -1 };
  let waiting = 0;

  /* The address holds the whole state. */
  function written(id) {
    const columns = grid.state.columns;
    return address.write(id, {
      sort: grid.state.sort,
      columns: columns && String(columns) !== String(grid.usual) ? columns.join(" ") : "",
      pin: open.pinned < 0 ? "" : examples.rows[open.pinned][0],
    });
  }
  function here() { return written(open.example < 0 ? null : examples.rows[open.example][0]); }
  function remember() {
    clearTimeout(waiting);
    try {
      history.replaceState({ browser: true }, "", here());
    } catch (error) { /* A page inside another page has no address of its own to change. */ }
  }
  function follow() {
    const hash = location.hash;
    // The table of contents leads to the section, and changes nothing in it.
    if (hash === "#browser" && !history.state) return false;
    const wanted = address.read(hash || "#browser");
    if (!wanted) return false;
    clearTimeout(waiting);
    address.use(wanted.settings);
    grid.state.sort = grid.knows(wanted.sort) ? wanted.sort : "";
    const columns = wanted.columns.split(" ").filter((key) => grid.all.some((column) => column.key === key));
    grid.state.columns = columns.length ? columns : null;
    open.pinned = wanted.pin;
    open.example = wanted.example;
    drawMenu();
    apply();
    if (hash) reveal();
    if (hash && open.example >= 0) byId("panel").focus({ preventScroll: true });
    return true;
  }
  function reveal() {
    const shown = byId(open.example < 0 ? "browser-view" : "panel");
    for (let node = shown; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    const row = byId("examples").querySelector("tr.chosen"), frame = byId("list");
    if (row && (row.offsetTop < frame.scrollTop + 60 || row.offsetTop + row.offsetHeight > frame.scrollTop + frame.clientHeight)) {
      frame.scrollTop = row.offsetTop - frame.clientHeight / 3;
    }
    const top = shown.getBoundingClientRect().top;
    if (top < 0 || top > 0.6 * innerHeight) byId(open.example < 0 ? "browser" : "panel").scrollIntoView({ block: "start" });
  }
  function go(index) {
    const next = written(examples.rows[index][0]);
    if (next === location.hash) follow();
    else location.hash = next;
  }

  /* Filters. */
  function apply() {
    const from = performance.now();
    const query = filters.query(address.get);
    grid.show(filters.shown(query), query);
    grid.turnTo(open.example);
    performance.measure("kdprobe-filter", { start: from, end: performance.now() });
    grid.drawHead((key) => {
      changed();
      byId("examples").querySelector('[data-sort="' + key + '"]').focus();
    });
    draw();
    drawPanel();
    refreshChips(grid.state.sort);
    nameAnswers();
  }
  function changed() {
    apply();
    clearTimeout(waiting);
    // A while after the last letter: browsers throttle who changes the address often.
    waiting = setTimeout(remember, 250);
  }
  function nameAnswers() {
    const menu = byId("f-answers"), held = address.get("answers");
    if (menu) {
      menu.replaceChildren(...[{ key: "", words: "any", usable: true }, ...filters.named(address.get)].map((one) => {
        const option = make("option", one.words);
        option.value = one.key;
        option.disabled = !one.usable;
        return option;
      }));
      menu.value = held;
    }
    const more = byId("more");
    if (Array.from(more.querySelectorAll("[name]")).some((one) => address.get(one.name) !== "")) more.open = true;
  }

  /* What is shown. */
  function draw() {
    const shown = grid.state.shown, pages = grid.pages();
    grid.draw(open.example);
    byId("count").textContent = showCount(shown.length) + " of " + showCount(examples.rows.length) + " examples shown";
    drawShares(shown);
    byId("nothing").hidden = shown.length > 0;
    byId("page").textContent = "page " + (grid.state.page + 1) + " of " + pages;
    byId("previous").disabled = grid.state.page === 0;
    byId("next").disabled = grid.state.page >= pages - 1;
    byId("pages").hidden = pages === 1;
  }
  /* The list as a bar: right and wrong of whom the filters ask about, of all examples. */
  function drawShares(shown) {
    const models = grid.state.query.models, all = examples.rows.length;
    const parts = [], tally = [], add = (...words) => tally.push(...(tally.length ? ["; "] : []), ...words);
    if (examples.gold && !examples.regression) {
      const right = shown.filter((index) => models.every((model) => examples.right(examples.rows[index], model))).length;
      const wrong = shown.filter((index) => models.some((model) => examples.wrong(examples.rows[index], model))).length;
      parts.push(["s-right", right / all], ["s-wrong", wrong / all], ["fill", (shown.length - right - wrong) / all]);
      const one = models.length === 1;
      add((one ? data.models[models[0]] : "every student") + " ", make("span", "right", "swatch right"), " on " + showCount(right) +
        (one ? ", " : ", at least one "), make("span", "wrong", "swatch wrong"), " on " + showCount(wrong));
    } else parts.push(["fill", shown.length / all]);
    if (grid.state.sort) add("sorted by " + grid.orderName() + (grid.state.sort.startsWith("-") ? ", largest first" : ", smallest first"));
    byId("shares").replaceChildren(makeBar(parts, 300));
    byId("tally").replaceChildren(...tally);
  }
  function drawMenu() {
    const wanted = grid.state.columns || grid.usual;
    byId("columns").replaceChildren(...grid.all.filter((column) => column.key !== "text").map((column) => {
      const label = make("label", null, "check"), box = make("input");
      box.type = "checkbox";
      box.checked = wanted.includes(column.key);
      box.addEventListener("change", () => {
        const now = grid.state.columns || grid.usual;
        grid.state.columns = grid.all.map((one) => one.key).filter((key) => (key === column.key ? box.checked : now.includes(key)));
        changed();
      });
      label.append(box, column.head);
      return label;
    }));
  }
  function drawPanel() {
    const held = document.activeElement && document.activeElement.dataset.keep;
    const sheets = [];
    if (open.example >= 0) sheets.push(sheet(open.example, false));
    if (open.pinned >= 0 && open.pinned !== open.example) sheets.push(sheet(open.pinned, true));
    byId("sheets").replaceChildren(...sheets);
    byId("panel").classList.toggle("empty", !sheets.length);
    byId("pin").textContent = open.pinned >= 0 && (open.pinned === open.example || open.example < 0) ? "Unpin" : "Pin";
    const place = grid.state.shown.indexOf(open.example), count = grid.state.shown.length;
    byId("position").textContent = open.example < 0 ? "" : place < 0 ? "not listed" : showCount(place + 1) + " of " + showCount(count);
    byId("before").disabled = place <= 0;
    byId("after").disabled = !count || place === count - 1;
    const again = held && byId("sheets").querySelector('[data-keep="' + held + '"]');
    if (again) again.focus();
  }

  /* The panel's buttons and the keys. */
  function walk(step) {
    const shown = grid.state.shown, place = shown.indexOf(open.example);
    const next = shown[place < 0 ? 0 : place + step];
    if (next === undefined) return;
    // The first opens a view that Back leaves; walking on stays in it.
    if (open.example < 0) { go(next); return; }
    open.example = next;
    grid.turnTo(next);
    draw();
    drawPanel();
    reveal();
    remember();
  }
  function close() {
    if (open.example < 0 && open.pinned < 0) return false;
    const row = examples.rows[open.example];
    open.example = open.pinned = -1;
    draw();
    drawPanel();
    remember();
    const link = row && Array.from(byId("examples").querySelectorAll("tbody a")).find((one) => one.hash === written(row[0]));
    if (link) link.focus();
    return true;
  }
  function pin() {
    open.pinned = open.pinned >= 0 && (open.pinned === open.example || open.example < 0) ? -1 : open.example;
    changed();
  }
  function copyLink() {
    const link = byId("link"), text = location.href.split("#")[0] + here();
    const select = () => {
      link.hidden = false;
      link.value = text;
      link.select();
      byId("copied-link").textContent = "selected; press Ctrl+C";
    };
    if (!navigator.clipboard) { select(); return; }
    navigator.clipboard.writeText(text).then(() => { byId("copied-link").textContent = "link copied"; }, select);
  }
  function turn(step) {
    grid.state.page += step;
    draw();
    byId("list").scrollTop = 0;
  }
  function listen() {
    const form = byId("filters");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", changed);
    const clear = () => { address.use({}); grid.state.sort = ""; changed(); };
    form.addEventListener("reset", (event) => { event.preventDefault(); clear(); });
    byId("clear").addEventListener("click", () => { clear(); byId("f-text").focus(); });
    byId("csv").addEventListener("click", () => {
      downloadText(exampleCsv(examples, grid.state.shown), data.name.replace(/[^A-Za-z0-9_-]+/g, "-") + "-examples.csv");
    });
    byId("previous").addEventListener("click", () => turn(-1));
    byId("next").addEventListener("click", () => turn(1));
    byId("before").addEventListener("click", () => walk(-1));
    byId("after").addEventListener("click", () => walk(1));
    byId("close").addEventListener("click", close);
    byId("pin").addEventListener("click", pin);
    byId("copy-link").addEventListener("click", copyLink);
    byId("examples").tBodies[0].addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row && !event.target.closest("a, button") && !String(getSelection())) go(Number(row.dataset.row));
    });
    window.addEventListener("hashchange", follow);
    listenToKeys({
      j: () => walk(1), k: () => walk(-1), Escape: close,
      "/": () => { reveal(); byId("f-text").focus(); byId("f-text").select(); },
      f: () => { reveal(); (byId("filters").querySelector(".row select") || byId("f-text")).focus(); },
    }, () => byId("keys-on").checked);
  }

  document.querySelectorAll("#browser [hidden].scripted").forEach((node) => { node.hidden = false; });
  listen();
  nameAnswers();
  if (!location.hash || !follow()) {
    drawMenu();
    apply();
  }
  performance.measure("kdprobe-ready", { start: start, end: performance.now() });
}

const pageData = document.getElementById("data");
if (pageData && document.getElementById("examples")) {
  const parsed = JSON.parse(pageData.textContent);
  startBrowser(parsed);
  startWords(exampleData(parsed));
}
