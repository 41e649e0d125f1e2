/* The saved filters above the list, each with how many examples it holds. */
function drawChips(box, examples, filters, form, changed) {
  const KEPT = ["model", "with", "by"];  // whom one asks about stays as it is
  const saved = savedFilters(examples);
  let counted = "";

  function kept() {
    const held = {};
    KEPT.forEach((name) => { if (form.get(name) !== "") held[name] = form.get(name); });
    return held;
  }
  /* A pair that a saved filter names gives way to a pair that was chosen. */
  function wanted(one) { return "model" in kept() && "with" in kept() ? { ...one.settings, ...kept() } : { ...kept(), ...one.settings }; }
  function pressed(one, sort) {
    const held = form.settings(), own = wanted(one);
    const names = new Set([...Object.keys(held), ...Object.keys(own)]);
    return sort === one.sort && Array.from(names).every((name) => (held[name] || "") === (own[name] || ""));
  }
  const buttons = saved.map((one) => {
    const button = makeButton(one.name + " ", () => {
      const off = button.getAttribute("aria-pressed") === "true";
      form.use(off ? kept() : wanted(one));
      changed(off ? "" : one.sort);
    });
    button.title = one.tip;
    button.append(make("span", "", "chipcount"));
    return button;
  });
  box.replaceChildren(...buttons);
  box.hidden = !buttons.length;
  return function refresh(sort) {
    const chosen = JSON.stringify(kept());
    buttons.forEach((button, place) => {
      const own = wanted(saved[place]);
      if (chosen !== counted) button.lastChild.textContent = showCount(filters.shown(filters.query((name) => own[name] || "")).length);
      button.setAttribute("aria-pressed", String(pressed(saved[place], sort)));
    });
    counted = chosen;
  };
}
