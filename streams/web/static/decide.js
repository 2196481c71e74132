// An operator decides: signs in with a token that stays in this tab, says yes or no in a dialog that tells what follows,
// and hears what the desk made of it.

import { byId, el, say, show } from "./dom.js";

const KEY = "token";
let name = null;
let wanted = false;
let changed = () => {};

const stored = (value) => {
  try {
    if (value === undefined) return sessionStorage.getItem(KEY);
    if (value === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, value);
  } catch { /* storage is switched off: the token lasts as long as the page */ }
  return value ?? token;
};
let token = null;

/** Who is signed in; null for a reader. */
export const operator = () => name;
/** Whether anybody may decide here at all. */
export const mayDecide = () => wanted;

async function ask(path, options = {}) {
  const headers = { ...(options.body && { "Content-Type": "application/json" }), ...(token && { Authorization: `Bearer ${token}` }) };
  const reply = await fetch(path, { ...options, headers, cache: "no-store" });
  const said = await reply.json().catch(() => ({}));
  return { ok: reply.ok, ...said };
}

/** Asks whose token this tab has; `onChange` is called whenever that changes. */
export async function begin(onChange) {
  changed = onChange;
  token = stored();
  await look();
  byId("sign-in").addEventListener("click", () => (name ? leave() : byId("sign").showModal()));
  byId("sign-cancel").addEventListener("click", () => byId("sign").close());
  byId("sign-form").addEventListener("submit", enter);
  byId("decide-cancel").addEventListener("click", () => byId("decide").close());
  byId("decide-form").addEventListener("submit", carry);
}

async function look() {
  try {
    const said = await ask("api/operator");
    [name, wanted] = [said.name ?? null, said.wanted ?? wanted];
    return said.error ?? null;
  } catch {
    return "Breakwater does not answer.";
  } finally {
    show(byId("sign-in"), wanted);
    say(byId("sign-in"), name ? `Sign out ${name}` : "Sign in");
    changed();
  }
}

async function enter(event) {
  event.preventDefault();
  token = byId("token").value.trim();
  const wrong = await look();
  if (!name) {
    token = null;
    say(byId("sign-said"), wrong ?? "This token is nobody's.");
    return;
  }
  stored(token);
  byId("token").value = "";
  say(byId("sign-said"), "");
  byId("sign").close();
}

async function leave() {
  token = null;
  stored(null);
  await look();
}

let wish = null;

/** Opens the dialog: `title` asks, `text` says what follows, `yes` is the button. */
export function propose({ title, text, yes, grave = false, ...what }) {
  wish = { id: newId(), ...what };
  say(byId("decide-title"), title);
  byId("decide-text").replaceChildren(...[text].flat().map((line) => el("p", { text: line })));
  byId("note").value = "";
  say(byId("decide-said"), "");
  say(byId("decide-yes"), yes);
  byId("decide-yes").classList.toggle("grave", grave);
  byId("decide-yes").disabled = false;
  show(byId("decide-yes"), true);
  show(byId("note-label"), true);
  say(byId("decide-cancel"), "Cancel");
  byId("decide").showModal();
}

/** One click is one decision, however often it must be sent. (`randomUUID` is not there on plain HTTP.) */
const newId = () => [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

const OUTCOME = {
  done: () => "Done.",
  refused: (said) => `Refused: ${said.reason}`,
  "no-answer": () => "It is on the bus; the desk has not answered yet. It counts as soon as the desk reads it.",
};

async function carry(event) {
  event.preventDefault();
  const sent = wish;
  byId("decide-yes").disabled = true;
  say(byId("decide-said"), "Sent. Waiting for the desk …");
  try {
    const said = await ask("api/decisions", { method: "POST", body: JSON.stringify({ ...sent, note: byId("note").value.trim() || null }) });
    if (sent !== wish) return; // the dialog asks something else by now
    say(byId("decide-said"), said.ok ? OUTCOME[said.outcome](said) : `Not done: ${said.error ?? "Breakwater did not answer"}.`);
    byId("decide-yes").disabled = said.ok;
    if (said.ok) {
      show(byId("decide-yes"), false);
      show(byId("note-label"), false);
      say(byId("decide-cancel"), "Close");
      byId("decide-cancel").focus();
    }
  } catch {
    if (sent !== wish) return;
    say(byId("decide-said"), "Breakwater does not answer. Try again: it stays one decision.");
    byId("decide-yes").disabled = false;
  }
}

export const button = (text, onclick, { kind = "first", part } = {}) =>
  el("button", { type: "button", class: `act ${kind}`, "data-part": part, onclick, text });
