// The chosen step, and the state of every object after it, with what it changed marked.

const panel = (() => {
  const box = byId("panel");

  const who = (number) => laneName(data.lanes[stepOf(number).lane]);
  const link = (number) => html("li", {}, html("a", { href: `#step-${number}` }, `step ${number}`), ` (${who(number)}) ${stepOf(number).text}`);
  const links = (title, numbers) =>
    numbers === undefined ? null : html("div", { class: "links" }, html("h4", {}, title), " ", html("ul", {}, ...numbers.map(link)));

  const heading = (number) => {
    if (number === 0) return [html("h2", {}, "The beginning"), html("p", { class: "what" }, "Before the first step.")];
    const step = stepOf(number);
    const time = timeOf(number);
    const meta = [laneName(data.lanes[step.lane]), time].filter(Boolean).join(" · ");
    const changes = step.changes.map((change) => html("li", {}, change));
    const verdict = number === data.end && data.kind !== "path" ? html("p", { class: "broken" }, data.verdict) : null;
    return [
      html("h2", {}, html("a", { href: `#step-${number}`, title: "A link to this step" }, `Step ${number}`), html("small", {}, ` of ${last} · ${meta}`)),
      html("p", { class: "what" }, step.text),
      changes.length === 0 ? html("p", { class: "faint" }, "Nothing that can be seen changes.") : html("ul", { class: "changes" }, ...changes),
      verdict,
      links(`What ${who(number)} knew when it did this came from`, causes.get(number)),
      links("Who heard of this, or found it", effects.get(number)),
    ].filter((part) => part !== null);
  };

  const PLAIN = new Set(["none", "no", "not run", "works", "not started", "left", "within the deadline", "–"]);
  // With more rows than this, those that the step touches come first.
  const ROWS_STILL = 12;

  // A value as a cell, with what it was before if this step has changed it; of an object that is gone, or of one that is there.
  const cell = (facts, isGone, kind = "") => {
    const values = facts.map(({ value }) => value).filter((value) => value !== null);
    const changed = facts.filter((fact) => fact.changed);
    const was = changed.map((fact) => fact.was).filter((value) => value !== null);
    // A process that ends takes its signals with it: that is no news.
    const before = was.length > 0 && (values.length > 0 || isGone) ? [" ", html("small", {}, `(before: ${was.join(" · ")})`)] : [];
    const says = values.length > 0 ? values.join(" · ") : was.length > 0 && isGone ? "no more" : "–";
    const isMarked = changed.some(({ value }) => value !== null);
    return html("td", { class: !isMarked && PLAIN.has(says) ? "plain" : kind }, isMarked ? html("mark", {}, says) : says, ...before);
  };

  const table = (titles, rows) => {
    const ordered = rows.length > ROWS_STILL ? rows.toSorted((one, other) => other.touched - one.touched) : rows;
    const heads = html("tr", {}, ...titles.map((title) => html("th", { scope: "col" }, title)));
    const lines = ordered.map(({ name, touched, cells }) =>
      html("tr", { class: touched ? "touched" : undefined }, html("th", { scope: "row" }, name), ...cells),
    );
    return html("div", { class: "wide" }, html("table", {}, html("thead", {}, heads), html("tbody", {}, ...lines)));
  };

  // Nothing is so any more of what was there.
  const gone = (facts) => facts.every(({ value }) => value === null);
  const nameOf = ({ name, pod }) => (pod === null ? name : `${data.objects[pod].name}, ${name}`);
  const placesOf = (kind) => data.objects.flatMap((thing, place) => (thing.kind === kind ? [place] : []));

  // All objects of a kind: a row each, a column for each fact.
  const ofKind = (kind, number) => {
    const told = placesOf(kind).map((place) => ({ place, facts: factsAt(place, number) })).filter(({ facts }) => facts.length > 0);
    if (told.length === 0) return null;
    const titles = [...new Set(told.flatMap(({ facts }) => facts.map(({ name }) => name)))];
    const rows = told.map(({ place, facts }) => ({
      name: nameOf(data.objects[place]),
      touched: facts.some((fact) => fact.changed),
      cells: titles.map((title) => cell(facts.filter(({ name }) => name === title), gone(facts))),
    }));
    return table([kind.replace("-", " "), ...titles], rows);
  };

  const routes = [...placesOf("endpoint"), ...placesOf("rule")];
  const columns = [...new Set(routes.map((place) => data.objects[place].name))];
  const routeOf = new Map(routes.map((place) => [`${data.objects[place].pod} ${data.objects[place].name}`, place]));

  // Where connections go: a row for each pod, a column for the slice and for the rules of each node.
  const connections = (number) => {
    const rows = placesOf("pod").flatMap((pod) => {
      const told = columns.map((name) => routeOf.get(`${pod} ${name}`)).map((place) => (place === undefined ? [] : factsAt(place, number)));
      // That nobody sends connections to a pod which is there is to be seen too.
      const phase = factsAt(pod, number).find(({ name }) => name === "phase")?.value ?? "removed";
      if (phase === "removed" && told.every((facts) => facts.length === 0)) return [];
      const cells = told.map((facts) => cell(facts, gone(facts), facts[0]?.value?.startsWith("ready") ? "ready" : ""));
      return [{ name: data.objects[pod].name, touched: told.flat().some((fact) => fact.changed), cells }];
    });
    return rows.length === 0 ? html("p", { class: "faint" }, "Nobody sends connections to any pod.") : table(["pod", ...columns], rows);
  };

  const group = (title, ...content) => {
    const shown = content.filter((part) => part !== null);
    return shown.length === 0 ? null : html("section", { class: "group" }, html("h3", {}, title), ...shown);
  };

  const show = (number) => {
    const parts = [
      ...heading(number),
      group("Pods and containers", ofKind("pod", number), ofKind("container", number)),
      columns.length === 0 ? null : group("Where connections go", connections(number)),
      group("Workload", ...["deployment", "replica-set", "budget"].map((kind) => ofKind(kind, number))),
      group("Nodes", ofKind("node", number)),
    ];
    box.replaceChildren(...parts.filter((part) => part !== null));
    box.scrollTop = 0;
  };
  return { show };
})();
