/* Saved filters: what is worth reading first, each one a setting of the form and an order. */
function savedFilters(examples) {
  const { data, students, regression } = examples;
  const some = students.length > 0, several = students.length > 1;
  const gold = examples.gold && !regression, sure = examples.known && !regression;
  const pair = several ? { model: String(students[0]), with: String(students[1]) } : {};
  const saved = [
    [some && gold, "teacher right, student wrong", "what was lost", { answers: "lost" }, ""],
    [some && gold, "student right, teacher wrong", "what was gained", { answers: "won" }, ""],
    [some && !regression && !gold, "models disagree", "teacher and student give other answers", { answers: "differ" }, ""],
    [gold && sure, "confident and wrong", "the student is wrong with a probability of at least .9, surest first; the 2020 thesis calls such lists P1", { answers: "wrong", from: "0.9" }, "-sure"],
    [gold && sure, "right but unsure", "the student is right with a probability of at most .6, least sure first; P1 of the 2020 thesis", { answers: "right", to: "0.6" }, "sure"],
    [gold && several, "teacher right, all students wrong", "P7 of the 2020 thesis", { answers: "none" }, ""],
    [gold && several, "only one student right", "the teacher and exactly one student are right; P4 of the 2020 thesis", { answers: "alone" }, ""],
    [gold, "all models wrong", "shared mistakes, P6 of the 2020 thesis; often wrong labels", { answers: "failed" }, ""],
    [some && sure, "teacher sure, students less so", "the teacher is more confident than every student, largest difference first; P8 of the 2020 thesis", { answers: "surer" }, "-gap"],
    [sure && several, "one student confident, another not", "two students' confidences differ by at least .3, largest difference first; P5 of the 2020 thesis; choose the two above the table", { gap: "0.3", ...pair }, "-gap"],
    [some && regression, "scores furthest apart", "largest difference to the teacher first", {}, "-gap"],
    [some && examples.explained && !regression, "same answer, other reasons", "the answers agree, the word scores do not", { answers: "same", low: "1" }, "agreement"],
  ].filter((one) => one[0]).map(([, name, tip, settings, sort]) => ({ name, tip, settings, sort }));
  data.lists.forEach((list, place) => saved.push({ name: list.name, tip: list.tip, settings: { list: String(place) }, sort: "" }));
  return saved;
}
