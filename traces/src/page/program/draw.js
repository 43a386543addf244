// Making elements. Whatever comes from the trace becomes text, never markup.

const byId = (id) => document.getElementById(id);

const make = (namespace) => (name, attributes, ...children) => {
  const element = document.createElementNS(namespace, name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
};
const html = make("http://www.w3.org/1999/xhtml");
const svg = make("http://www.w3.org/2000/svg");

// Runs something once before the next frame, however often it is asked for.
const soon = (run) => {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      run();
    });
  };
};

// A text that takes no more than so many letters.
const cut = (text, letters) => {
  const parts = [...text];
  return parts.length > letters ? `${parts.slice(0, Math.max(1, letters - 1)).join("")}…` : text;
};
