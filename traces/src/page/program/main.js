// Choosing a step: by key, by mouse, by search, by link.

let chosen = 0;
let sliced = false;
let found = [];

// How long the address of the page waits for another choice: browsers refuse to write it many times in a row.
const LINK_DELAY = 200;
let linking;
const linkSoon = () => {
  clearTimeout(linking);
  if (location.hash === `#step-${chosen}`) return;
  linking = setTimeout(() => {
    try {
      window.history.replaceState(null, "", `#step-${chosen}`);
    } catch {
      // Where the address may not be written there is no link to the step.
    }
  }, LINK_DELAY);
};

const isShown = (number) => number === 0 || !sliced || isInSlice.has(number);
const showSlice = (isOn) => {
  sliced = isOn;
  byId("slice").setAttribute("aria-pressed", String(sliced));
  timeline.show(sliced);
  list.show(sliced);
};

// A step that is folded is shown among all others.
const choose = (number, isQuiet = false) => {
  chosen = Math.min(last, Math.max(0, number));
  const isFolded = !isShown(chosen);
  if (isFolded) showSlice(false);
  timeline.select(chosen);
  list.select(chosen);
  panel.show(chosen);
  const scrub = byId("scrub");
  scrub.value = String(chosen);
  scrub.setAttribute("aria-valuetext", chosen === 0 ? "the beginning" : `step ${chosen} of ${last}`);
  byId("where").textContent = chosen === 0 ? "beginning" : [`step ${chosen} of ${last}`, timeOf(chosen)].filter(Boolean).join(" · ");
  if (!isQuiet) byId("live").textContent = (isFolded ? "All steps are shown. " : "") + told(chosen, document.activeElement === list.box);
  linkSoon();
};

// The nearest step that is shown, so many away.
const move = (by) => {
  const direction = Math.sign(by);
  let number = chosen;
  for (let left = Math.abs(by); left > 0; left -= 1) {
    let next = number + direction;
    while (next > 0 && next <= last && !isShown(next)) next += direction;
    if (next < 0 || next > last) break;
    number = next;
  }
  choose(number);
};
const nearestShown = (number) => {
  const down = numbersOf({ from: 0, to: number }).findLast(isShown);
  const up = numbersOf({ from: number, to: last }).find(isShown);
  return up !== undefined && up - number < number - down ? up : down;
};
const moveInLane = (direction) => {
  if (chosen === 0) return;
  const { lane } = stepOf(chosen);
  for (let number = chosen + direction; number > 0 && number <= last; number += direction) {
    if (stepOf(number).lane === lane && isShown(number)) return choose(number);
  }
};

const fold = () => {
  if (data.slice === null) return;
  showSlice(!sliced);
  choose(isShown(chosen) ? chosen : data.end);
  const hidden = numbersOf({ from: 1, to: last }).filter((number) => !isShown(number));
  byId("live").textContent = sliced ? `folded: ${foldedIn(hidden) || "nothing"}` : "all steps are shown";
};

const search = () => {
  const words = byId("search").value.trim().toLowerCase();
  const holds = (step) => [step.text, laneName(data.lanes[step.lane]), ...step.changes].some((text) => text.toLowerCase().includes(words));
  found = words === "" ? [] : data.steps.flatMap((step, index) => (holds(step) ? [index + 1] : []));
  byId("hits").textContent = words === "" ? "" : plural(found.length, "step");
  list.mark(found);
};
const find = (direction) => {
  if (found.length === 0) return;
  const ahead = direction > 0 ? found.find((number) => number > chosen) : found.findLast((number) => number < chosen);
  choose(ahead ?? (direction > 0 ? found[0] : found.at(-1)));
};

const isDark = () => {
  const { theme } = document.documentElement.dataset;
  return theme === undefined ? matchMedia("(prefers-color-scheme: dark)").matches : theme === "dark";
};
const nameTheme = () => (byId("theme").textContent = isDark() ? "Light" : "Dark");
const turn = () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  nameTheme();
};
const help = () => (byId("keys").open ? byId("keys").close() : byId("keys").showModal());

const KEYS = {
  ArrowRight: () => move(1),
  ArrowDown: () => move(1),
  ArrowLeft: () => move(-1),
  ArrowUp: () => move(-1),
  PageDown: () => move(10),
  PageUp: () => move(-10),
  Home: () => choose(0),
  End: () => choose(last),
};
// Of a slider up is more.
const SLIDER = { ...KEYS, ArrowUp: KEYS.ArrowDown, ArrowDown: KEYS.ArrowUp, PageUp: KEYS.PageDown, PageDown: KEYS.PageUp };
const LETTERS = {
  "[": () => moveInLane(-1),
  "]": () => moveInLane(1),
  "/": () => byId("search").focus(),
  "?": help,
  "+": () => timeline.zoom(1.25),
  "-": () => timeline.zoom(0.8),
  n: () => find(1),
  N: () => find(-1),
  s: fold,
  t: turn,
  p: () => data.turning !== null && choose(data.turning[0]),
  v: () => choose(data.end),
};

// What has more to show than its place has room for is read with the keys that scroll.
const READ = ["#panel", "#why", "#patch", "#scroller"];
const isRead = (key, target) => {
  if (["ArrowUp", "ArrowDown", "PageUp", "PageDown"].includes(key)) {
    return READ.map((part) => target.closest(part)).some((part) => part !== null && part.scrollHeight > part.clientHeight);
  }
  const patch = target.closest("#patch");
  return ["ArrowLeft", "ArrowRight"].includes(key) && patch !== null && patch.scrollWidth > patch.clientWidth;
};

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (byId("keys").open) {
    if (key === "?" && byId("letters").checked) help();
    return;
  }
  if (target.id === "search") {
    if (key === "Escape") target.blur();
    return;
  }
  // What is folded the slider does not know of.
  const isOwn = target.id === "scrub" && key in KEYS && !sliced;
  const act = (target.id === "scrub" ? SLIDER : KEYS)[key] ?? (byId("letters").checked ? LETTERS[key] : undefined);
  if (act === undefined || isOwn || isRead(key, target)) return;
  event.preventDefault();
  act();
});

byId("search").addEventListener("input", search);
byId("search-form").addEventListener("submit", (event) => {
  event.preventDefault();
  find(1);
});
byId("scrub").max = String(last);
byId("scrub").addEventListener("input", (event) => choose(nearestShown(Number(event.target.value))));
byId("slice").addEventListener("click", fold);
byId("to-end").addEventListener("click", () => choose(data.end));
byId("theme").addEventListener("click", turn);
byId("help").addEventListener("click", help);
for (const part of [timeline, list]) {
  (part.scroller ?? part.box).addEventListener("click", (event) => {
    const number = part.stepAt(event);
    if (number !== null && isShown(number)) choose(number);
  });
}
const stepIn = (hash) => {
  const link = /^#step-(\d+)$/.exec(hash);
  return link === null ? null : Number(link[1]);
};
const fromLink = () => stepIn(location.hash);
// A link to what the address still names changes nothing of it, and is followed all the same.
document.addEventListener("click", ({ target }) => {
  const number = stepIn(target.closest("a")?.hash ?? "");
  if (number !== null && number !== chosen) choose(number);
});
window.addEventListener("hashchange", ({ newURL }) => {
  const number = stepIn(new URL(newURL).hash);
  if (number !== null && number !== chosen) choose(number);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);

// What the marks of the picture are; what their colours are, the lanes say.
const MARKS = [
  ["●", "changes something"],
  ["○", "changes nothing that can be seen"],
  ["∘", "hears of something"],
  ["◆", "befalls the cluster"],
  ["→", "what a step came from"],
  ["⇢", "from further back: only its end is drawn"],
];
const words = (name, text) => html("p", {}, html("strong", {}, `${name}: `), text);
// The turning point in its sentences, the first with a link.
const turning = () => {
  if (data.turning === null) return [];
  const [step, sentences] = data.turning;
  return sentences.map((text, place) => {
    const link = place === 0 ? [" ", html("a", { href: `#step-${step}` }, "look at it")] : [];
    return html("p", { class: "turning" }, text, ...link);
  });
};
// What is said to make the promise hold: that it is only recorded, what was found, and the change of the manifest; or how to ask.
const remedy = () => {
  if (data.remedy === null) return data.ask === null ? [] : [html("p", { class: "ask" }, data.ask)];
  const [says, lines] = data.remedy;
  // What was found comes first after that it is only recorded, if anything was.
  const kind = (place) => (place === 1 && lines.length > 0 ? "remedy found" : "remedy");
  return says.map((text, place) => html("p", { class: kind(place) }, text));
};
const LINES = { "+": "added", "-": "removed", "@": "place" };
const patch = () => {
  if (data.remedy === null || data.remedy[1].length === 0) return [];
  const lines = data.remedy[1].map((line) => html("span", { class: LINES[line[0]] }, `${line}\n`));
  return [html("pre", { id: "patch", tabindex: "0", role: "region", "aria-label": "The change of the manifest" }, ...lines)];
};
const given = (name, text) => (text === null ? [] : [words(name, text)]);
// How time passes is told where the reasons speak of it.
const time = data.facts.filter(([name]) => name === "time");
const others = data.facts.filter(([name]) => name !== "time");
const introduce = () => {
  document.title = `${data.title}: ${data.verdict}`;
  byId("title").textContent = data.title;
  byId("verdict").textContent = data.verdict;
  byId("verdict").classList.toggle("broken", data.kind !== "path");
  byId("to-end").textContent = data.kind === "safety" ? "To the violation" : "To the end";
  byId("slice").hidden = data.slice === null;
  // Some steps have a time and others have none: it keeps its column.
  const timed = data.steps.filter(({ time }) => time !== null).length;
  document.documentElement.toggleAttribute("data-gaps", timed > 0 && timed < last);
  byId("why").append(
    ...(data.about === null ? [] : [html("p", { class: "about" }, data.about)]),
    html(
      "div",
      { class: "reasons" },
      ...given("promise", data.promise),
      ...data.reasons.map((reason) => html("p", { class: "reason" }, reason)),
      ...turning(),
      ...time.map(([name, text]) => words(name, text)),
      ...remedy(),
      ...given("lesson", data.lesson),
    ),
    ...patch(),
    html("details", {}, html("summary", {}, "The world"), ...others.map(([name, text]) => words(name, text))),
  );
  const phases = new Set(data.bars.flatMap(({ segments }) => segments.map(([, , phase]) => phase)));
  const used = Object.keys(PHASES).filter((phase) => phases.has(phase));
  byId("legend").append(...MARKS.map(([mark, says]) => html("li", {}, html("span", { "aria-hidden": "true" }, mark), says)));
  byId("legend").append(...used.map((phase) => html("li", {}, html("span", { class: `swatch ${phase}` }), PHASES[phase])));
};

introduce();
nameTheme();
timeline.show(false);
list.show(false);
choose(fromLink() ?? data.end, true);
document.documentElement.dataset.ready = "yes";
