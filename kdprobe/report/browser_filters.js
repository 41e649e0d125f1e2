/* Which examples pass: the controls' values as one query to a row. `get` gives a control's value
   by its name, "" for any, so that saved filters ask in the same words as the form does. */
function exampleFilters(examples) {
  const { data, rows, students } = examples;
  const texts = rows.map((row) => (row[0] + "\n" + row[1] + "\n" + (row[2] || "")).toLowerCase());
  const lists = data.lists.map((list) => new Set(list.rows));

  /* Of one model, beside another. */
  const OF_MODEL = {
    differ: (row, model, beside) => apart(row, model, beside) === true,
    same: (row, model, beside) => apart(row, model, beside) === false,
    lost: (row, model, beside) => examples.right(row, beside) && examples.wrong(row, model),
    won: (row, model, beside) => examples.wrong(row, beside) && examples.right(row, model),
    right: (row, model) => examples.right(row, model),
    wrong: (row, model) => examples.wrong(row, model),
  };
  /* Of all models at once. */
  const OF_ALL = {
    alone: (row, chosen) => examples.right(row, data.teacher) &&
      students.filter((model) => examples.right(row, model)).length === 1 &&
      chosen.some((model) => examples.right(row, model)),
    none: (row) => examples.right(row, data.teacher) && students.every((model) => examples.wrong(row, model)),
    failed: (row) => data.models.every((_, model) => examples.wrong(row, model)),
    passed: (row) => data.models.every((_, model) => examples.right(row, model)),
    surer: (row) => students.every((model) => examples.gap(row, data.teacher, model) > 0),
  };
  function apart(row, model, beside) {
    const one = examples.answer(row, model), other = examples.answer(row, beside);
    return model === beside || one === null || other === null ? null : one !== other;
  }
  const anyone = students.length ? students : [data.teacher];
  function chosen(get) { return get("model") === "" ? anyone : [Number(get("model"))]; }
  function beside(get) { return get("with") === "" ? data.teacher : Number(get("with")); }
  function method(get) { return get("by") === "" ? 0 : Number(get("by")); }

  function number(text) { return text === "" || !isFinite(Number(text)) ? null : Number(text); }
  function query(get) {
    const answers = get("answers"), by = method(get), other = beside(get);
    const [predicted, predictedBeside, gap, from, to] = ["predicted", "other", "gap", "from", "to"].map((name) => number(get(name)));
    const tests = [];
    if (Object.hasOwn(OF_MODEL, answers)) tests.push((row, model) => OF_MODEL[answers](row, model, other));
    if (predicted !== null) tests.push((row, model) => examples.answer(row, model) === predicted);
    if (gap !== null) tests.push((row, model) => {
      const difference = examples.gap(row, model, other);
      return model !== other && difference !== null && Math.abs(difference) >= gap;
    });
    if (from !== null) tests.push((row, model) => examples.sure(row, model) !== null && examples.sure(row, model) >= from);
    if (to !== null) tests.push((row, model) => examples.sure(row, model) !== null && examples.sure(row, model) <= to);
    if (get("low") !== "") tests.push((row, model) => {
      const rho = examples.rho(row, model, by), limit = data.low[by][model];
      return rho !== null && limit !== null && rho < limit;
    });
    return {
      words: get("text").toLowerCase().split(/\s+/).filter(Boolean),
      gold: number(get("gold")),
      slices: data.columns.map((_, place) => [place, get("s" + place)]).filter((slice) => slice[1] !== "")
        .map(([place, value]) => [place, value.slice(1)]),  // "=" stands before the value, so that "" is "any"
      list: number(get("list")),
      whole: Object.hasOwn(OF_ALL, answers) ? OF_ALL[answers] : null,
      models: chosen(get), beside: other, by, predictedBeside, tests,
    };
  }
  /* The chosen models of which every condition holds. */
  function those(row, query) {
    return query.tests.length ? query.models.filter((model) => query.tests.every((test) => test(row, model))) : query.models;
  }
  function passes(index, query) {
    const row = rows[index];
    if (query.gold !== null && row[3] !== query.gold) return false;
    for (const word of query.words) if (!texts[index].includes(word)) return false;
    for (const slice of query.slices) if (row[4][slice[0]] !== slice[1]) return false;
    if (query.list !== null && !(lists[query.list] && lists[query.list].has(index))) return false;
    if (query.predictedBeside !== null && examples.answer(row, query.beside) !== query.predictedBeside) return false;
    if (query.whole && !query.whole(row, query.models)) return false;
    return query.tests.length === 0 || query.models.some((model) => query.tests.every((test) => test(row, model)));
  }
  function shown(query) {
    const kept = [];
    for (let index = 0; index < rows.length; index += 1) if (passes(index, query)) kept.push(index);
    return kept;
  }
  /* Numbers of a row that depend on whom one asks about. */
  function largestGap(row, query) {
    let most = null;
    those(row, query).forEach((model) => {
      const gap = model === query.beside ? null : examples.gap(row, model, query.beside);
      if (gap !== null && (most === null || Math.abs(gap) > Math.abs(most))) most = gap;
    });
    return most;
  }
  function leastRho(row, query) {
    const held = query.models.map((model) => examples.rho(row, model, query.by)).filter((rho) => rho !== null);
    return held.length ? Math.min(...held) : null;
  }
  function confidences(row, query) {
    return those(row, query).map((model) => examples.sure(row, model)).filter((sure) => sure !== null);
  }
  /* The answers' menu: what can be asked of this page, naming the models that are compared; a model
     beside itself can be asked less. */
  function named(get) {
    const models = chosen(get), other = data.models[beside(get)];
    const model = models.length > 1 ? "a student" : data.models[models[0]];
    const several = students.length > 1, compared = models.length > 1 || models[0] !== beside(get);
    const gold = examples.gold;
    return [
      [true, "differ", model + " and " + other + " differ", compared],
      [true, "same", model + " and " + other + " say the same", compared],
      [gold, "lost", other + " right, " + model + " wrong", compared],
      [gold, "won", model + " right, " + other + " wrong", compared],
      [gold, "right", model + " right", true],
      [gold, "wrong", model + " wrong", true],
      [several && gold, "none", "teacher right, every student wrong", true],
      [several && gold, "alone", "teacher right, only one student too", true],
      [gold, "passed", "every model right", true],
      [gold, "failed", "every model wrong", true],
      [students.length && examples.known, "surer", "teacher surer than every student", true],
    ].filter((one) => one[0]).map(([, key, words, usable]) => ({ key, words, usable }));
  }
  return { query, shown, largestGap, leastRho, confidences, named };
}
