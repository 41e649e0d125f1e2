/* Tables: sorted by a click on a head, copied as Markdown or LaTeX, reached by Tab only if they scroll. */
(function () {
  const SCALES = { k: 1e3, M: 1e6, G: 1e9 };
  function make(tag, content, kind) {
    const node = document.createElement(tag);
    node.textContent = content;
    if (kind) node.className = kind;
    return node;
  }
  function small(cell) { return cell.querySelector("small, .small"); }
  function main(cell) {
    const below = small(cell);
    const text = cell.textContent;
    return (below ? text.slice(0, text.indexOf(below.textContent)) : text).replace(/\s+/g, " ").trim();
  }
  /* "−0.123", "1,043", "50.0 %", "< .001" and "24.4 k" are numbers; a dash and a word are none. */
  function number(text) {
    const plain = text.replace("−", "-").replace(/,/g, "").replace(/^[<=p\s]+/, "");
    const match = /^(-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s?([kMG]?)/.exec(plain.replace("e−", "e-"));
    return match ? Number(match[1]) * (SCALES[match[2]] || 1) : null;
  }
  function key(cell, numeric) {
    const text = main(cell);
    if (text === "–" || text === "" || cell.classList.contains("undefined")) return null;
    return numeric ? number(text) : text.toLowerCase();
  }
  function ordered(rows, place, numeric, down) {
    const keys = new Map(rows.map((row) => [row, key(row.cells[place], numeric)]));
    return rows.slice().sort(function (a, b) {
      const one = keys.get(a), other = keys.get(b);
      if (one === null || other === null) return (one === null) - (other === null);
      const sign = numeric ? one - other : one.localeCompare(other, "en", { numeric: true });
      return down ? -sign : sign;
    });
  }
  /* How many rows stand open stays as it was, whichever rows they are now. */
  function sort(table, place) {
    unpack(table.closest(".tablebox"));
    const heads = Array.from(table.tHead.rows[0].cells);
    const head = heads[place];
    const numeric = head.classList.contains("num");
    const was = head.getAttribute("aria-sort");
    const down = was ? was === "ascending" : numeric;
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    Array.from(table.tBodies).forEach(function (body) {
      const rows = Array.from(body.rows).filter((row) => row.cells.length === heads.length);
      const open = rows.filter((row) => !row.classList.contains("more")).length;
      ordered(rows, place, numeric, down).forEach(function (row, at) {
        row.classList.toggle("more", at >= open);
        body.append(row);
      });
    });
  }
  function sortable(table) {
    Array.from(table.tHead.rows[0].cells).forEach(function (head, place) {
      const button = make("button", "");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(table, place));
    });
  }

  function grid(table) {
    const written = (cell) => (main(cell) + (small(cell) ? " " + small(cell).textContent.trim() : "")).trim();
    return Array.from(table.rows).map((row) => Array.from(row.cells).map(written));
  }
  function aligned(table) {
    return Array.from(table.tHead.rows[0].cells).map((head) => head.classList.contains("num"));
  }
  function markdown(title, table) {
    const line = (cells) => "| " + cells.map((cell) => cell.replace(/([\\|`*_<>[\]])/g, "\\$1")).join(" | ") + " |";
    const rows = grid(table).map(line);
    const rule = "| " + aligned(table).map((right) => (right ? "---:" : "---")).join(" | ") + " |";
    return [title, "", rows[0], rule].concat(rows.slice(1)).join("\n") + "\n";
  }
  const TEX = {
    "\\": "\\textbackslash{}", "&": "\\&", "%": "\\%", "$": "\\$", "#": "\\#", "_": "\\_", "{": "\\{", "}": "\\}",
    "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "$<$", ">": "$>$", "|": "$|$", "−": "$-$", "–": "--", "×": "$\\times$",
    "’": "'", "“": "``", "”": "''", "…": "\\ldots{}", "≥": "$\\geq$", "≤": "$\\leq$",
  };
  function tex(text) { return text.replace(/[\\&%$#_{}~^<>|−–×’“”…≥≤]/g, (letter) => TEX[letter]); }
  function latex(title, table) {
    const rows = grid(table).map((cells) => "  " + cells.map(tex).join(" & ") + " \\\\");
    const columns = aligned(table).map((right) => (right ? "r" : "l")).join("");
    return ["\\begin{table}", "\\centering", "\\caption{" + tex(title) + "}", "\\begin{tabular}{" + columns + "}", "\\hline",
      rows[0], "\\hline"].concat(rows.slice(1), ["\\hline", "\\end{tabular}", "\\end{table}"]).join("\n") + "\n";
  }
  function copied(button, text) {
    const name = button.dataset.name;
    const tell = (word) => { button.textContent = word; setTimeout(() => { button.textContent = name; }, 1500); };
    function byHand() {
      const box = make("textarea", text);
      document.body.append(box);
      box.select();
      tell(document.execCommand("copy") ? "copied" : "not copied");
      box.remove();
      button.focus();
    }
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(() => tell("copied"), byHand);
    else byHand();
  }
  function copies(box) {
    const table = box.querySelector("table");
    const title = box.querySelector(".tabletitle");
    if (!table || !title || !table.tHead || title.querySelector(".copies")) return;
    const words = title.textContent.replace(/\s+/g, " ").replace(/^\s*Table \d+\s*/, "").trim();
    const group = make("span", "", "copies");
    [["Markdown", markdown], ["LaTeX", latex]].forEach(function (way) {
      const button = make("button", way[0]);
      button.type = "button";
      button.dataset.name = way[0];
      button.title = "Copy this table as " + way[0];
      button.addEventListener("click", function () {
        unpack(box);
        copied(button, way[1](words, table));
      });
      group.append(button);
    });
    title.append(group);
    sortable(table);
  }
  document.querySelectorAll(".tablebox").forEach(copies);
  document.addEventListener("unpacked", function (event) {
    if (event.target.matches(".tablebox")) copies(event.target);
    event.target.querySelectorAll(".tablebox").forEach(copies);
    soon();
  });

  /* A filter by student: of what is left, as many rows stand open as before. */
  function filter(select) {
    select.closest("section").querySelectorAll("table.lost").forEach(function (table) {
      const rows = Array.from(table.querySelectorAll("tr[data-student]"));
      if (!table.dataset.open) table.dataset.open = rows.filter((row) => !row.classList.contains("more")).length;
      const kept = rows.filter((row) => select.value === "" || row.dataset.student === select.value);
      rows.forEach((row) => { row.hidden = !kept.includes(row); });
      kept.forEach((row, at) => row.classList.toggle("more", at >= Number(table.dataset.open)));
      table.querySelectorAll("tr.kind").forEach(function (head) {
        const own = Array.from(head.parentElement.querySelectorAll("tr[data-student]")).filter((row) => !row.hidden);
        head.hidden = own.length === 0;
        head.classList.toggle("more", own.every((row) => row.classList.contains("more")));
      });
    });
  }
  document.querySelectorAll("select.filter").forEach(function (select) {
    select.parentElement.hidden = false;
    select.addEventListener("change", () => filter(select));
  });

  /* Only what scrolls is a stop of the keyboard. */
  function stops() {
    document.querySelectorAll("main .scroll").forEach(function (box) {
      // To ask a closed fold for its width would lay all of it out.
      if (box.closest("details:not([open])") || !box.clientWidth) return;
      const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
      box.tabIndex = scrolls ? 0 : -1;
    });
  }
  let waiting = false;
  function soon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(function () { waiting = false; stops(); });
  }
  stops();
  addEventListener("resize", soon);
  document.addEventListener("toggle", soon, true);
})();
