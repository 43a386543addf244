// The steps as a list: a line each, of which only those in view exist.

const ROW = 24;

const list = (() => {
  const box = byId("list");
  const rows = byId("rows");
  let columns = [];
  let placeOf = new Map();
  let chosen = 0;
  let hits = new Set();

  const row = (column, place) => {
    const { from, folded } = column;
    const common = {
      id: `row-${place}`,
      role: "option",
      "aria-setsize": columns.length,
      "aria-posinset": place + 1,
      "data-step": from,
    };
    if (folded) {
      const says = foldedIn(numbersOf(column));
      return html("div", { ...common, class: "row folded", "aria-disabled": "true", "aria-selected": "false" }, says);
    }
    const isChosen = from === chosen;
    if (from === 0) {
      const kind = isChosen ? "row chosen" : "row";
      return html("div", { ...common, class: kind, "aria-selected": String(isChosen) }, html("span", { class: "number" }, "0"), html("span", { class: "text" }, "the beginning"));
    }
    const step = stepOf(from);
    const kind = ["row", step.weight, isChosen ? "chosen" : "", hits.has(from) ? "hit" : "", from === data.end && data.kind !== "path" ? "end" : ""];
    const lane = data.lanes[step.lane];
    return html(
      "div",
      { ...common, class: kind.filter(Boolean).join(" "), "aria-selected": String(isChosen) },
      html("span", { class: "number" }, String(from)),
      html("span", { class: "time" }, timeOf(from)),
      html("span", { class: `lane ${groupOf(lane.component)}` }, laneName(lane)),
      html("span", { class: "text", title: step.text }, step.text),
    );
  };

  const draw = () => {
    const first = Math.max(0, Math.floor(box.scrollTop / ROW) - 4);
    const final = Math.min(columns.length, Math.ceil((box.scrollTop + box.clientHeight) / ROW) + 4);
    const visible = columns.slice(first, final).map((column, index) => {
      const element = row(column, first + index);
      element.style.top = `${(first + index) * ROW}px`;
      return element;
    });
    rows.replaceChildren(...visible);
    const place = placeOf.get(chosen);
    const isDrawn = place >= first && place < final;
    if (isDrawn) box.setAttribute("aria-activedescendant", `row-${place}`);
    else box.removeAttribute("aria-activedescendant");
  };

  const later = soon(draw);
  const show = (sliced) => {
    columns = columnsOf(sliced);
    placeOf = placesIn(columns);
    // There is room to bring any row to the top of a line.
    rows.style.height = `${(columns.length + 3) * ROW}px`;
    draw();
  };
  const select = (number) => {
    chosen = number;
    const place = placeOf.get(number);
    if (place * ROW < box.scrollTop + ROW) box.scrollTop = Math.max(0, (place - 2) * ROW);
    else if ((place + 3) * ROW > box.scrollTop + box.clientHeight) box.scrollTop = Math.ceil((place + 3) - box.clientHeight / ROW) * ROW;
    draw();
  };
  const mark = (found) => {
    hits = new Set(found);
    draw();
  };
  const stepAt = (event) => {
    const element = event.target.closest("[data-step]");
    return element === null ? null : Number(element.dataset.step);
  };
  box.addEventListener("scroll", later);
  new ResizeObserver(later).observe(box);
  return { show, select, mark, stepAt, box };
})();
