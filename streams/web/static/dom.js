// Small tools for a page that is changed in place. Text is always set as text, never as HTML.

export const byId = (id) => document.getElementById(id);

/** An element with attributes and children; `class`, `text`, `on…` and plain attributes. */
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") node.textContent = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Sets a text only when it differs: an untouched node costs no layout and is not read out again. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function show(node, wanted) {
  if (node.hidden === wanted) node.hidden = !wanted;
}

/**
 * Makes the children of `parent` those of `keys`, in that order, keeping the nodes that are there.
 * `make(key)` builds a node; `update(node, key)` fills it.
 */
export function keep(parent, keys, make, update) {
  const there = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let place = parent.firstElementChild;
  for (const key of keys) {
    let node = there.get(key);
    if (node === undefined) {
      node = make(key);
      node.dataset.key = key;
    }
    there.delete(key);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
    update?.(node, key);
  }
  for (const node of there.values()) node.remove();
}

/** Replaces the children only when what they are made from has changed, so that an open <details> stays open. */
export function fill(node, facts, build) {
  const print = JSON.stringify(facts);
  if (node._print === print) return;
  const open = new Set([...node.querySelectorAll("details[open][data-part]")].map((part) => part.dataset.part));
  const focused = node.contains(document.activeElement) ? document.activeElement.dataset.part : undefined;
  node._print = print;
  node.replaceChildren(...build().flat().filter(Boolean));
  for (const part of node.querySelectorAll("details[data-part]")) if (open.has(part.dataset.part)) part.open = true;
  if (focused) node.querySelector(`[data-part="${focused}"]`)?.focus({ preventScroll: true });
}
