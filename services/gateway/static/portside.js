// What every page does besides its links and forms; without JavaScript each of these has a plain way.
import { begun } from "./forms.js";
import { dialog } from "./dialog.js";
import "./password.js";

const on = (name, does) => document.addEventListener(name, does);

// On a phone the navigation is one line: it shows where one is, also when a count that arrives has moved it.
const here = document.querySelector("nav [aria-current]");
let shownAt;
const showHere = () => {
  if (!here || here.offsetLeft === shownAt) return;
  shownAt = here.offsetLeft;
  here.parentElement.scrollLeft = shownAt - here.parentElement.offsetLeft;
};
showHere();
on("htmx:afterSettle", showHere);

// On a phone filters fold, unless one is in force.
if (matchMedia("(max-width: 48rem)").matches) {
  for (const place of document.querySelectorAll('[data-folds=""]')) place.open = false;
}

// What is drawn again looks as it was left: what was open is open, stages are
// scrolled as they were, and a log that was read at its end is followed.
const wants = (what) => document.querySelector(`[data-log="${what}"]`)?.checked ?? true;
const atEnd = (place) => place.scrollHeight - place.scrollTop - place.clientHeight < 40;
let left = { open: [], following: false };

function leave(place) {
  const log = place.closest("[data-follow]");
  left = {
    open: [...place.querySelectorAll("details[id][open]")].map((one) => one.id),
    following: Boolean(log) && wants("follow") && atEnd(log),
    board: place.querySelector(".board")?.scrollLeft,
    // Earlier lines that are put in above leave what one reads where it is.
    fromEnd: log && place.closest("[data-earlier]") ? log.scrollHeight - log.scrollTop : 0,
  };
}
on("htmx:beforeSwap", ({ detail: { target } }) => leave(target));
on("htmx:sseBeforeMessage", ({ target }) => leave(target));
on("htmx:afterSwap", () => {
  for (const id of left.open) document.getElementById(id)?.setAttribute("open", "");
  const board = left.board && document.querySelector(".board");
  if (board) board.scrollLeft = left.board;
  if (left.fromEnd) for (const log of document.querySelectorAll("[data-follow]")) log.scrollTop = log.scrollHeight - left.fromEnd;
  if (!left.following) return;
  for (const log of document.querySelectorAll("[data-follow]")) log.scrollTop = log.scrollHeight;
});

// A log is read from its end, or at the line that the address names.
function openLog() {
  const log = document.querySelector("[data-follow]:not([data-opened])");
  if (!log) return;
  log.dataset.opened = "";
  const linked = log.querySelector(".linked");
  log.scrollTop = linked ? linked.offsetTop - log.clientHeight / 2 : log.scrollHeight;
}
on("htmx:afterSettle", openLog);
openLog();
on("change", ({ target: box }) => {
  if (box.dataset.log === "wrap") document.getElementById("log").classList.toggle("unwrapped", !box.checked);
  const log = document.getElementById("log");
  if (box.dataset.log === "follow" && box.checked) log.scrollTop = log.scrollHeight;
});

// The task in the panel is marked among its stages, also when these are drawn again; its stage comes into view once, and
// stays where somebody scrolls.
const query = (card) => new URL(card.href).search.slice(1);
const shownTask = () => document.querySelector("#task [data-of]")?.dataset.of;
let broughtTask;
function mark() {
  const task = shownTask();
  for (const one of document.querySelectorAll("a.task")) {
    if (query(one) === task) one.setAttribute("aria-current", "true");
    else one.removeAttribute("aria-current");
  }
  const card = document.querySelector("a.task[aria-current]");
  const board = card?.closest(".board");
  if (!board || broughtTask === task) return;
  broughtTask = task;
  const column = card.closest(".column");
  board.scrollLeft = column.offsetLeft - (board.clientWidth - column.clientWidth) / 2;
}

// Who chose a task reads on in its panel, and is not left at a card that has scrolled away.
on("htmx:afterSettle", ({ detail: { requestConfig } }) => {
  if (requestConfig?.elt.matches?.("a.task")) document.querySelector("#task h2")?.focus({ preventScroll: true });
});
on("htmx:afterSettle", mark);
on("htmx:pushedIntoHistory", mark);
mark();

// The title and the icon of the tab carry the status of the run that is open.
const icon = document.querySelector('link[rel="icon"]');
function markTab() {
  const tab = document.getElementById("tab");
  if (!tab) return;
  document.title = tab.dataset.title;
  const colour = getComputedStyle(document.documentElement).getPropertyValue(`--tab-${tab.dataset.status}`).trim();
  const drawing = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20"><circle cx="10" cy="10" r="9" fill="${colour}"/></svg>`;
  icon.type = "image/svg+xml";
  icon.href = `data:image/svg+xml,${encodeURIComponent(drawing)}`;
}
on("htmx:afterSettle", markTab);
markTab();

// What draws itself again waits while somebody writes in it; what somebody asked for ends what was said of the last try.
on("htmx:sseBeforeMessage", (event) => begun(event.target) && event.preventDefault());
on("htmx:beforeRequest", (event) => {
  const { requestConfig, target } = event.detail;
  const byItself = /^(poll|sse:)/.test(requestConfig.triggeringEvent?.type ?? "poll");
  if (!byItself) for (const said of document.querySelectorAll("[data-notice]")) said.replaceChildren();
  else if (begun(target)) event.preventDefault();
});

// A refusal is said at the top of what one looks at, whatever its answer was to replace.
function notice() {
  const within = dialog.open ? dialog : document.getElementById("main");
  const place = within.querySelector("[data-notice]") ?? document.createElement("div");
  place.dataset.notice = "";
  within.prepend(place);
  return place;
}
const show = (place) => place.scrollIntoView({ block: "nearest" });
on("htmx:beforeSwap", ({ detail }) => {
  if ((detail.xhr?.status ?? 0) < 400) return;
  Object.assign(detail, { shouldSwap: true, isError: false, target: notice(), swapOverride: "innerHTML" });
  // The part of a page that the answer was to be cut down to is not in a refusal.
  detail.selectOverride = "unset";
});
on("htmx:afterSettle", ({ detail: { target } }) => target?.dataset?.notice !== undefined && show(target));
on("htmx:sendError", () => {
  const said = document.createElement("p");
  said.className = "problem";
  said.setAttribute("role", "alert");
  said.textContent = "Portside cannot be reached. Try again in a few seconds.";
  notice().replaceChildren(said);
  show(said);
});

// One popup of a row at a time; Escape closes it.
on("keydown", ({ key }) => {
  if (key !== "Escape") return;
  for (const one of document.querySelectorAll(".stages details[open]")) one.open = false;
});
