/* CSV of what is shown. A leading = + - @ would be run by a spreadsheet: an apostrophe stops it. */
function exampleCsv(examples, shown) {
  const { data, rows, regression, students } = examples;
  function field(value) {
    const plain = value === null || value === undefined ? "" : value;
    let text = String(plain);
    if (typeof plain === "string" && /^[=+\-@\t\r]/.test(text)) text = "'" + text;
    return /[",\n\r]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }
  const head = ["id", "text", "text_pair", regression ? "score" : "label"];
  data.models.forEach((name) => head.push(...(regression ? [name] : [name, name + " confidence"])));
  const pairs = data.methods.flatMap((_, by) => students.map((model) => [by, model]));
  pairs.forEach(([by, model]) => head.push("agreement " + data.methods[by] + " " + data.models[model]));
  const lines = [head.concat(data.columns).map(field).join(",")];
  shown.forEach((index) => {
    const row = rows[index];
    const cells = [row[0], row[1], row[2], regression || row[3] === null ? row[3] : examples.labelName(row[3])];
    row[5].forEach((prediction) => {
      if (!regression) cells.push(prediction === null ? null : examples.labelName(prediction[0]));
      cells.push(prediction === null ? null : prediction[1]);
    });
    pairs.forEach(([by, model]) => cells.push(examples.rho(row, model, by)));
    lines.push(cells.concat(row[4]).map(field).join(","));
  });
  return lines.join("\r\n") + "\r\n";
}
function downloadText(text, name) {
  const place = URL.createObjectURL(new Blob(["\ufeff" + text], { type: "text/csv" }));
  const link = make("a");
  link.href = place;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(place), 1000);
}
