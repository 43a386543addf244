// What the trace tells, and questions about it. A step's number is its place from 1; 0 is the beginning.

const data = JSON.parse(document.getElementById("data").textContent);
const last = data.steps.length;
const stepOf = (number) => data.steps[number - 1];

// For each object, for each of its fields: the steps at which it was set, and to what.
const history = data.objects.map(() => new Map());

const setAt = (number, sets) => {
  for (const [object, field, value] of sets) {
    if (!history[object].has(field)) history[object].set(field, []);
    history[object].get(field).push({ step: number, value });
  }
};
setAt(0, data.first);
data.steps.forEach((step, index) => setAt(index + 1, step.sets));

// The last entry that is not after a step; -1 if there is none.
const entryAt = (entries, number) => {
  let low = -1;
  let high = entries.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (entries[middle].step <= number) low = middle;
    else high = middle - 1;
  }
  return low;
};

// The facts of an object after a step: name, value, whether this step set it, and what it was before.
const factsAt = (object, number) => {
  const facts = [];
  for (const [field, entries] of history[object]) {
    const index = entryAt(entries, number);
    if (index < 0) continue;
    const { step, value } = entries[index];
    const changed = step === number && number > 0;
    if (value === null && !changed) continue;
    facts.push({ name: data.fields[field], value, changed, was: index > 0 ? entries[index - 1].value : null });
  }
  return facts;
};

const causes = new Map();
const effects = new Map();
const note = (map, key, value) => map.set(key, [...(map.get(key) ?? []), value]);
for (const [from, to] of data.arrows) {
  note(causes, to, from);
  note(effects, from, to);
}

const isInSlice = new Set(data.slice ?? []);

// The columns of the picture and the rows of the list: the beginning, then a step each, or with the slice on a run of steps
// that are not in it.
const columnsOf = (sliced) => {
  const columns = [{ from: 0, to: 0, folded: false }];
  for (let number = 1; number <= last; number += 1) {
    const column = columns.at(-1);
    if (!sliced || isInSlice.has(number)) columns.push({ from: number, to: number, folded: false });
    else if (column.folded) column.to = number;
    else columns.push({ from: number, to: number, folded: true });
  }
  return columns;
};

// The columns that show each step.
const placesIn = (columns) => {
  const places = new Map();
  columns.forEach(({ from, to }, place) => {
    for (let number = from; number <= to; number += 1) places.set(number, place);
  });
  return places;
};

const laneName = ({ component, node }) => (node === null ? component : `${component} ${node}`);
const plural = (count, what) => (count === 1 ? `1 ${what}` : `${count} ${what}s`);
// What is folded, in words: that time passes is no step of anybody.
const foldedIn = (numbers) => {
  const isTick = ({ weight, lane }) => weight === "tick" || data.lanes[lane].component === "time";
  const ticks = numbers.filter((number) => isTick(stepOf(number))).length;
  const seconds = ticks * data.unit;
  const passes = ticks === 0 ? [] : [seconds === 1 ? "1 s passes" : `${seconds} s pass`];
  const others = numbers.length - ticks;
  return [...(others > 0 ? [plural(others, "unrelated step")] : []), ...passes].join(", ");
};
const numbersOf = ({ from, to }) => Array.from({ length: to - from + 1 }, (_, place) => from + place);
// When a step was taken, where that is known.
const timeOf = (number) => (number === 0 ? "" : (stepOf(number).time ?? ""));

// A step in a line, for whoever hears the page; without what the list itself says.
const told = (number, isListed) => {
  if (number === 0) return isListed ? "" : "The beginning, before the first step.";
  const step = stepOf(number);
  const changes = step.changes.length === 0 ? "nothing that can be seen changes" : step.changes.join("; ");
  const end = number === data.end ? ` ${data.verdict}.` : "";
  return `${isListed ? "" : `Step ${number} of ${last}: ${step.text}. `}${changes}.${end}`;
};
