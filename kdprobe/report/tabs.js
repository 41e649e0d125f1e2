/* Tabs of what else stands below each other: every `.tab` begins with its name, `.tab-name`. */
function makeTabs(box, chosen, changed) {
  const panels = Array.from(box.children).filter((child) => child.classList.contains("tab"));
  if (panels.length < 2) return;
  const list = document.createElement("div");
  list.className = "tablist";
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", box.dataset.tabs);
  const buttons = panels.map((panel, place) => {
    const name = panel.querySelector(".tab-name");
    const button = document.createElement("button");
    makeTabs.count = (makeTabs.count || 0) + 1;
    panel.id = panel.id || "tab-" + makeTabs.count;
    button.type = "button";
    button.id = panel.id + "-name";
    button.textContent = name.textContent;
    button.setAttribute("role", "tab");
    button.setAttribute("aria-controls", panel.id);
    button.addEventListener("click", () => choose(place));
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", button.id);
    name.classList.add("tabbed");
    list.append(button);
    return button;
  });
  function choose(place) {
    buttons.forEach((button, at) => {
      button.setAttribute("aria-selected", String(at === place));
      button.tabIndex = at === place ? 0 : -1;
      panels[at].hidden = at !== place;
    });
    if (changed) changed(place);
  }
  list.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(document.activeElement), last = buttons.length - 1;
    const next = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at ? at - 1 : last, Home: 0, End: last }[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    choose(next);
    buttons[next].focus();
  });
  box.prepend(list);
  choose(Math.min(chosen || 0, panels.length - 1));
}
document.querySelectorAll("[data-tabs]").forEach((box) => makeTabs(box));
