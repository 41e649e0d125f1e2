/* The address is the state: `#ex-ID?model=1&answers=lost` opens an example of a filtered list,
   `#browser?...` the list alone. A saved filter, an order, the columns and the pin stand there too. */
function exampleAddress(form, known) {
  function controls() { return Array.from(form.elements).filter((one) => one.name); }
  function get(name) {
    const control = form.elements.namedItem(name);
    if (!control) return "";
    return control.type === "checkbox" ? (control.checked ? "1" : "") : control.value;
  }
  function set(name, value) {
    const control = form.elements.namedItem(name);
    if (!control) return;
    if (control.type === "checkbox") control.checked = value !== "";
    else control.value = value;
    if (control.value !== value && control.tagName === "SELECT") control.value = "";
  }
  function settings() {
    const held = {};
    controls().forEach((control) => { if (get(control.name) !== "") held[control.name] = get(control.name); });
    return held;
  }
  function use(wanted) { controls().forEach((control) => set(control.name, wanted[control.name] || "")); }
  function write(id, extras) {
    const query = new URLSearchParams(settings());
    Object.entries(extras).forEach(([name, value]) => { if (value) query.set(name, value); });
    const encoded = query.toString();
    return (id === null ? "#browser" : "#ex-" + encodeURIComponent(id)) + (encoded ? "?" + encoded : "");
  }
  /* Read an address: null where it is not one of the browser's. */
  function read(hash) {
    const cut = hash.indexOf("?");
    const head = cut < 0 ? hash : hash.slice(0, cut);
    const query = new URLSearchParams(cut < 0 ? "" : hash.slice(cut + 1));
    const of = (name) => query.get(name) || "";
    const wanted = { settings: Object.fromEntries(query), sort: of("sort"), columns: of("columns"), pin: known(of("pin")) };
    if (head === "#browser") return { ...wanted, example: -1 };
    if (!head.startsWith("#ex-")) return null;
    let id;
    try { id = decodeURIComponent(head.slice(4)); } catch (error) { return null; }
    return known(id) < 0 ? null : { ...wanted, example: known(id) };
  }
  return { get, set, settings, use, write, read };
}
