/* The points of a scatter are one path a series: the one under the pointer names its example and leads to it. */
(function () {
  const NEAR = 8;
  const clouds = Array.from(document.querySelectorAll("path[data-rows]"));
  let examples = null;
  function exampleAt(place) {
    examples = examples || JSON.parse(document.getElementById("data").textContent).rows;
    return examples[place];
  }
  function spots(path) {
    let at = 0;
    const places = path.dataset.rows.split(" ").map((step) => (step === "x" ? -1 : (at += Number(step))));
    const middles = path.getAttribute("d").matchAll(/M(\S+) (-?[\d.]+)/g);
    return Array.from(middles, (found, i) => ({ x: Number(found[1]), y: Number(found[2]), place: places[i] }));
  }
  function nearest(path, event) {
    const here = new DOMPoint(event.clientX, event.clientY).matrixTransform(path.getScreenCTM().inverse());
    let best = null, least = NEAR;
    path.spots.forEach(function (spot) {
      const far = Math.hypot(spot.x - here.x, spot.y - here.y);
      if (far < least && spot.place >= 0) { least = far; best = spot; }
    });
    return best && exampleAt(best.place);
  }
  clouds.forEach(function (path) {
    const hint = document.createElementNS("http://www.w3.org/2000/svg", "title");
    path.append(hint);
    path.addEventListener("pointermove", function (event) {
      path.spots = path.spots || spots(path);
      const row = nearest(path, event);
      hint.textContent = row ? row[0] + ": " + row[1] : "";
    });
    path.addEventListener("click", function (event) {
      path.spots = path.spots || spots(path);
      const row = nearest(path, event);
      if (row) location.hash = "#ex-" + encodeURIComponent(row[0]);
    });
  });
})();
