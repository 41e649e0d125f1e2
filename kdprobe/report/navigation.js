/* Where one is and how one gets there: contents, folds and their state, links, print. */
(function () {
  const folds = Array.from(document.querySelectorAll("details.fold"));
  const jump = document.getElementById("jump");
  const unfold = document.getElementById("unfold");
  const key = "kdprobe-folds " + location.pathname;
  if (!jump || !unfold) return;
  document.documentElement.classList.add("js");

  /* A page opened from a file may be refused its storage: then it only forgets. */
  function remembered() {
    try { return JSON.parse(localStorage.getItem(key)) || {}; } catch (error) { return {}; }
  }
  function remember() {
    const state = {};
    folds.forEach((fold) => { state[fold.dataset.name] = fold.open; });
    try { localStorage.setItem(key, JSON.stringify(state)); } catch (error) { return; }
  }

  /* A link opens every fold around its target; one to a section opens the section. */
  function unfolded(node) {
    const own = node.querySelector(":scope > details.fold");
    if (own) own.open = true;
    for (let at = node.closest("details"); at; at = at.parentElement.closest("details")) at.open = true;
  }
  function target(hash) {
    let id = "";
    try { id = decodeURIComponent(hash.slice(1)); } catch (error) { return null; }
    /* What names no element is a place in the example browser, which finds it itself. */
    return id ? document.getElementById(id) || document.getElementById("browser") : null;
  }
  function follow() {
    const node = target(location.hash);
    if (!node) return;
    unfolded(node);
    node.scrollIntoView();
  }

  /* "Expand all" opens all but menus and the numbers behind charts: those are tables of their own. */
  const wide = Array.from(document.querySelectorAll("main details:not(.numbers):not(.menu)"));
  function allOpen() { return folds.every((fold) => fold.open); }
  function label() { unfold.textContent = allOpen() ? "Collapse all" : "Expand all"; }
  unfold.hidden = folds.length === 0;
  unfold.addEventListener("click", function () {
    const open = !allOpen();
    wide.forEach((fold) => { fold.open = open; });
    label();
  });

  const state = remembered();
  folds.forEach((fold) => {
    if (typeof state[fold.dataset.name] === "boolean") fold.open = state[fold.dataset.name];
  });
  let printing = null;
  folds.forEach((fold) => fold.addEventListener("toggle", function () {
    label();
    if (!printing) remember();
  }));
  window.addEventListener("beforeprint", function () {
    printing = printing || wide.filter((fold) => !fold.open);
    printing.forEach((fold) => { fold.open = true; });
  });
  window.addEventListener("afterprint", function () {
    (printing || []).forEach((fold) => { fold.open = false; });
    /* The folds' own events come later: what printing opened must not be remembered. */
    setTimeout(function () { printing = null; remember(); }, 0);
  });

  /* The contents show where one is. */
  const links = new Map();
  document.querySelectorAll(".contents a").forEach((link) => links.set(link.hash.slice(1), link));
  function here(name) {
    links.forEach((link, other) => {
      if (other === name) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
    jump.value = name;
  }
  const sections = Array.from(document.querySelectorAll("main > section"));
  function look() {
    const line = innerHeight / 4;
    const end = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
    const above = sections.filter((section) => section.getBoundingClientRect().top <= line);
    const at = end ? sections[sections.length - 1] : above[above.length - 1] || sections[0];
    if (at) here(at.id);
  }
  let waiting = false;
  addEventListener("scroll", function () {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(function () { waiting = false; look(); });
  }, { passive: true });
  jump.parentElement.hidden = false;
  jump.addEventListener("change", function () {
    if (location.hash === "#" + jump.value) follow();
    else location.hash = jump.value;
  });

  /* The same link twice changes no address, but its fold may have been closed in between. */
  document.addEventListener("click", function (event) {
    const link = event.target.closest("a[href^='#']");
    const node = link && target(link.hash);
    if (node) unfolded(node);
  });
  addEventListener("hashchange", follow);
  label();
  if (location.hash) follow();
  look();
})();
