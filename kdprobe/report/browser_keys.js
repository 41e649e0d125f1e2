/* Keys for the list: j and k walk, / searches, f filters, Escape closes. Not while somebody types,
   and not at all where the box beside their list is cleared. */
function listenToKeys(actions, on) {
  document.addEventListener("keydown", (event) => {
    const at = event.target;
    const typing = at.isContentEditable || at.tagName === "TEXTAREA" || at.tagName === "SELECT" ||
      (at.tagName === "INPUT" && !["checkbox", "radio", "button"].includes(at.type));
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !on()) return;
    if (!Object.hasOwn(actions, event.key)) return;
    if (actions[event.key]() !== false) event.preventDefault();
  });
}
