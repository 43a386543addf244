// The picture: a lane for each process, arrows between them, bars of what is so over time. Only what is in view is drawn.

const LABELS = 176;
const AXIS = 30;
const LANE = 20;
const HEADING = 18;
const BAR = 14;
const STEP_MIN = 12;
const STEP_MAX = 64;
const LETTER = 6.4;

const PHASES = {
  starts: "starts",
  accepts: "accepts connections",
  hook: "preStop runs",
  drains: "SIGTERM, accepts",
  closes: "SIGTERM, accepts nothing",
  exited: "exited",
  ready: "ready",
  terminating: "serving, terminating",
  "not-ready": "not ready",
};

const groupOf = (component) => {
  if (["environment", "drain", "time"].includes(component)) return "outside";
  if (["kubelet", "pleg", "runtime"].includes(component)) return "node";
  if (["endpointslice", "kube-proxy"].includes(component)) return "network";
  return "control";
};

// The rows beneath the lanes: a heading for each pod, then its bars. A pod of the EndpointSlice that some node's rules never had has
// a row for these too: that it is empty is what there is to see.
const barRows = () => {
  const rows = [];
  let pod;
  const ruleNames = [...new Set(data.objects.filter(({ kind }) => kind === "rule").map(({ name }) => name))].sort();
  const empty = () => {
    const own = new Set(rows.slice(rows.findLastIndex(({ heading }) => heading !== null)).map(({ label }) => label));
    if (pod === undefined || pod === null || !own.has("EndpointSlice")) return;
    for (const label of ruleNames.filter((name) => !own.has(name))) rows.push({ heading: null, label, bar: { segments: [] } });
  };
  const podOf = (bar) => data.objects[bar.object].pod ?? -1;
  for (const bar of data.bars.toSorted((one, other) => podOf(one) - podOf(other))) {
    const thing = data.objects[bar.object];
    if (thing.pod !== pod) {
      empty();
      pod = thing.pod;
      rows.push({ heading: pod === null ? "" : data.objects[pod].name });
    }
    rows.push({ heading: null, label: thing.name, bar });
  }
  empty();
  return rows;
};

const timeline = (() => {
  const scroller = byId("scroller");
  const canvas = byId("canvas");
  const picture = byId("picture");
  // Plain ticks are lines over all lanes.
  const isTick = (number) => stepOf(number)?.weight === "tick";
  const used = new Set(data.steps.filter((step) => step.weight !== "tick").map((step) => step.lane));
  const lanes = data.lanes.map((lane, index) => ({ ...lane, index })).filter(({ index }) => used.has(index));
  const laneAt = new Map(lanes.map(({ index }, place) => [index, AXIS + place * LANE + LANE / 2]));
  const rows = barRows();
  let below = AXIS + lanes.length * LANE + 8;
  for (const row of rows) {
    row.top = below;
    below += row.heading === null ? BAR + 1 : HEADING;
  }
  const height = below + 6;
  let columns = columnsOf(false);
  let columnOf = new Map();
  let width = 0;
  let chosen = 0;
  // How wide a column is where all of them are in view, as far as that can be, and how many times wider the reader wants it.
  let fitted = 0;
  let zoomed = 1;
  // For how wide a place that was found out.
  let place = 0;

  const fit = () => {
    place = scroller.clientWidth;
    fitted = Math.min(STEP_MAX, Math.max(STEP_MIN + 2, (place - LABELS - 24) / Math.max(1, columns.length + 0.5)));
    width = Math.min(STEP_MAX, Math.max(STEP_MIN / 2, fitted * zoomed));
  };
  const isFolded = (number) => columns[columnOf.get(number)].folded;
  // Where the moment after a step is, from the beginning of the lanes.
  const x = (number) => (columnOf.get(number) + 0.5) * width;

  const resize = () => {
    canvas.style.width = `${LABELS + (columns.length + 0.5) * width}px`;
    canvas.style.height = `${height}px`;
    draw();
  };

  const show = (sliced) => {
    columns = columnsOf(sliced);
    columnOf = placesIn(columns);
    fit();
    resize();
  };

  const axis = (left, right) => {
    const parts = [];
    const every = [1, 2, 5, 10, 20, 50, 100].find((count) => count * width > 34) ?? 200;
    let time = "";
    // Where the last time ends that stands above the lanes.
    let free = -Infinity;
    for (const { from, to, folded } of columns) {
      const at = x(from);
      const now = timeOf(from);
      if (now !== "" && now !== time) {
        const half = LETTER * now.length / 2;
        if (at - half >= free) {
          free = at + half + LETTER;
          if (at >= left - 60 && at <= right) parts.push(svg("text", { x: at, y: 11, class: "time", "text-anchor": "middle" }, now));
        }
        time = now;
      }
      if (at < left - width || at > right + width) continue;
      if (isTick(from) && !folded) parts.push(svg("line", { x1: at, x2: at, y1: 14, y2: height, class: "tick" }));
      if (from === 0) continue;
      if (folded) {
        parts.push(svg("rect", { x: at - width / 2 + 1, y: 16, width: Math.max(1, width - 2), height: height - 16, class: "fold" }));
        parts.push(svg("text", { x: at, y: 27, class: "number", "text-anchor": "middle" }, `+${to - from + 1}`));
      } else if (from % every === 0 || from === 1) {
        parts.push(svg("text", { x: at, y: 27, class: "number", "text-anchor": "middle" }, String(from)));
      }
    }
    return parts;
  };

  const arrowsIn = (left, right) => {
    const parts = [];
    for (const [from, to] of data.arrows) {
      const [one, other] = [x(from), x(to)];
      if (other < left || one > right || isFolded(from) || isFolded(to)) continue;
      const [start, finish] = [laneAt.get(stepOf(from).lane), laneAt.get(stepOf(to).lane)];
      if (start === undefined || finish === undefined || start === finish) continue;
      const near = from === chosen || to === chosen;
      // A long arrow leaves its lane late, so that it does not cross what it has nothing to do with.
      const bend = Math.max(one, other - Math.max(3 * width, Math.abs(finish - start) / 2));
      const isLate = bend > one && !near;
      const path = `M${isLate ? bend : one} ${start}L${bend} ${start}L${other - 5} ${finish + Math.sign(start - finish) * 5}`;
      const marker = near ? "url(#head-near)" : "url(#head)";
      parts.push(svg("path", { d: path, class: near ? "arrow near" : isLate ? "arrow late" : "arrow", "marker-end": marker }));
    }
    // Those of the chosen step lie on top.
    return parts.sort((one, other) => one.classList.contains("near") - other.classList.contains("near"));
  };

  const dot = (number) => {
    const step = stepOf(number);
    const [at, y] = [x(number), laneAt.get(step.lane)];
    const radius = step.weight === "routine" ? 3.2 : 5;
    const kind = [groupOf(data.lanes[step.lane].component), step.weight, step.changes.length > 0 ? "full" : "hollow"];
    const shape =
      step.weight === "event"
        ? svg("path", { d: `M${at} ${y - 7}l7 7l-7 7l-7 -7z`, class: `dot ${kind.join(" ")}` })
        : svg("circle", { cx: at, cy: y, r: radius, class: `dot ${kind.join(" ")}` });
    shape.append(svg("title", {}, `${number}: ${step.text}`));
    const group = svg("g", {}, shape);
    if (number === data.end && data.kind === "safety") {
      group.append(svg("circle", { cx: at, cy: y, r: 9, class: "ring" }));
    }
    return group;
  };

  const bars = (left, right, top, bottom) => {
    const parts = [];
    for (const row of rows) {
      if (row.heading !== null || row.top + BAR < top || row.top > bottom) continue;
      for (const [from, to, phase] of row.bar.segments) {
        const [one, other] = [x(from), to === last ? x(last) + width / 2 : x(to)];
        if (other < left || one > right || other <= one) continue;
        const words = PHASES[phase];
        const segment = svg("rect", { x: one, y: row.top, width: other - one, height: BAR, rx: 2, class: `bar ${phase}` });
        segment.append(svg("title", {}, `${row.label}: ${words}, steps ${from} to ${to}`));
        parts.push(segment);
        const room = Math.floor((other - Math.max(one, left) - 8) / LETTER);
        if (room >= 5) {
          parts.push(svg("text", { x: Math.max(one, left) + 4, y: row.top + 10.5, class: `phase ${phase}` }, cut(words, room)));
        }
      }
    }
    return parts;
  };

  const labels = (top, bottom) => {
    const letters = Math.floor((LABELS - 20) / LETTER);
    const parts = lanes.map((lane) => {
      const name = laneName(lane);
      const kind = groupOf(lane.component);
      const text = svg("text", { x: 20, y: laneAt.get(lane.index) + 4, class: "lane" }, cut(name, letters));
      return svg("g", {}, svg("circle", { cx: 10, cy: laneAt.get(lane.index), r: 4, class: `dot full ${kind}` }), text, svg("title", {}, name));
    });
    for (const row of rows) {
      if (row.top + HEADING < top || row.top > bottom) continue;
      const isHeading = row.heading !== null;
      const name = isHeading ? row.heading : row.label;
      const text = svg("text", { x: isHeading ? 6 : 20, y: row.top + (isHeading ? 14 : 11), class: isHeading ? "pod" : "of-pod" });
      text.append(cut(name, isHeading ? letters + 2 : letters), svg("title", {}, name));
      parts.push(text);
    }
    return parts;
  };

  const head = (id) => {
    const shape = svg("path", { d: "M0 0L7 3.5L0 7z", class: id });
    return svg("marker", { id, viewBox: "0 0 7 7", refX: 5, refY: 3.5, markerWidth: 6.5, markerHeight: 6.5, orient: "auto" }, shape);
  };

  const draw = () => {
    const [wide, high] = [scroller.clientWidth, scroller.clientHeight];
    const [left, top] = [scroller.scrollLeft, scroller.scrollTop];
    const [from, to] = [left, left + wide - LABELS];
    picture.setAttribute("width", wide);
    picture.setAttribute("height", Math.min(high, height));
    const lanesOf = lanes.map(({ index }) =>
      svg("line", { x1: from, x2: to, y1: laneAt.get(index), y2: laneAt.get(index), class: "rail" }),
    );
    const band = svg("rect", { x: x(chosen) - width / 2, y: 0, width, height, class: "chosen" });
    const end = data.end > 0 ? x(data.end) : 0;
    const line = () => svg("line", { x1: end, x2: end, y1: 0, y2: height, class: "violation" });
    const loop = () => svg("rect", { x: end + width / 2, y: 14, width: x(last) - end, height: height - 14, class: "cycle" });
    const moment = data.kind === "path" ? [] : [data.kind === "lasso" && data.end < last ? loop() : line()];
    if (data.turning !== null) {
      const at = x(data.turning[0]);
      moment.push(svg("line", { x1: at, x2: at, y1: 14, y2: height, class: "turning" }));
    }
    const dots = [];
    for (const { from: first, folded } of columns) {
      const at = x(first);
      if (at < from - width || at > to + width || folded) continue;
      if (first > 0 && !isTick(first)) dots.push(dot(first));
    }
    const moving = svg("g", { transform: `translate(${LABELS - left} ${-top})` });
    moving.append(band, ...axis(from, to), ...lanesOf, ...bars(from, to, top, top + high), ...moment, ...arrowsIn(from, to), ...dots);
    const edge = svg("g", { transform: `translate(0 ${-top})` }, ...labels(top, top + high));
    const cover = svg("rect", { x: 0, y: 0, width: LABELS, height: Math.max(high, height), class: "cover" });
    picture.replaceChildren(svg("defs", {}, head("head"), head("head-near"), stripes()), moving, cover, edge);
  };

  // What is hatched is on its way out.
  const stripes = () => {
    const pattern = svg("pattern", { id: "stripes", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
    pattern.append(svg("rect", { width: 6, height: 6, class: "stripe-ground" }), svg("rect", { width: 2, height: 6, class: "stripe" }));
    return pattern;
  };

  const select = (number) => {
    chosen = number;
    const [at, wide] = [x(number), scroller.clientWidth - LABELS];
    const margin = Math.min(wide / 3, 6 * width);
    if (at < scroller.scrollLeft + margin) scroller.scrollLeft = Math.max(0, at - margin);
    else if (at > scroller.scrollLeft + wide - margin) scroller.scrollLeft = at - wide + margin;
    later();
  };

  const later = soon(draw);
  const zoom = (factor) => {
    width = Math.min(STEP_MAX, Math.max(STEP_MIN / 2, width * factor));
    zoomed = width / fitted;
    resize();
    select(chosen);
  };
  const stepAt = (event) => {
    const at = event.clientX - scroller.getBoundingClientRect().left + scroller.scrollLeft - LABELS;
    return at < 0 ? null : (columns[Math.floor(at / width)]?.from ?? last);
  };
  scroller.addEventListener("scroll", later);
  // A scrollbar below, which comes with wider columns, takes of its height alone.
  new ResizeObserver(() => {
    if (scroller.clientWidth !== place) fit();
    resize();
    select(chosen);
  }).observe(scroller);
  return { show, select, zoom, stepAt, scroller };
})();
