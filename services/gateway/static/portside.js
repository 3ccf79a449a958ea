// What every page shares; without JavaScript each of these has a plain way. Nothing here knows an address.
"use strict";

const dialog = () => document.getElementById("dialog");

// On a phone the navigation is one line: it shows where one is.
document.addEventListener("DOMContentLoaded", () => {
  const here = document.querySelector("nav [aria-current]");
  if (here) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.offsetLeft;
});

// What a person has opened stays open when a live page draws itself again.
let open = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  open = [...event.detail.target.querySelectorAll("details[id][open]")].map((one) => one.id);
});
document.addEventListener("htmx:sseBeforeMessage", (event) => {
  open = [...event.target.querySelectorAll("details[id][open]")].map((one) => one.id);
});
document.addEventListener("htmx:afterSwap", (event) => {
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  open = [];
  if (event.detail.target === dialog() && !dialog().open) dialog().showModal();
});

// A page that draws itself again waits while somebody has typed or ticked something in what it would replace.
const begun = (place) => [...place.querySelectorAll("input:not([type=hidden]), textarea")]
  .some((one) => one.value !== one.defaultValue || one.checked !== one.defaultChecked);
document.addEventListener("htmx:sseBeforeMessage", (event) => begun(event.target) && event.preventDefault());
document.addEventListener("htmx:beforeRequest", (event) => {
  const cause = event.detail.requestConfig.triggeringEvent?.type ?? "poll";
  if (!/^(poll|sse:)/.test(cause)) {
    // What was said of the last attempt is not said of this one.
    for (const said of document.querySelectorAll("[data-notice]")) said.replaceChildren();
  } else if (begun(event.detail.target)) event.preventDefault();
});

// A form that is drawn again keeps what was typed or chosen while the answer was on its way, and asks once more for it.
const given = (form) => new Map([...form.elements].filter((one) => one.name && one.type !== "hidden")
  .map((one) => [one.name, one.type === "checkbox" ? one.checked : one.value]));
const asked = new WeakMap();
let since = { form: "", fields: [] };
document.addEventListener("htmx:beforeRequest", ({ detail: { target, xhr } }) => {
  if (target?.tagName === "FORM") asked.set(xhr, given(target));
});
document.addEventListener("htmx:beforeSwap", ({ detail: { target, xhr } }) => {
  const before = asked.get(xhr);
  if (!before || !target.isConnected) return;
  // Not `target.id`: that is the form's field of this name where it has one.
  since = { form: target.getAttribute("id"), fields: [...given(target)].filter(([name, value]) => before.get(name) !== value) };
});
document.addEventListener("htmx:afterSettle", () => {
  const form = document.getElementById(since.form);
  const changed = since.fields.map(([name, value]) => [form?.elements[name], value]).filter(([field]) => field?.tagName);
  since = { form: "", fields: [] };
  for (const [field, value] of changed) put(field, value);
  for (const [field] of changed) field.dispatchEvent(new Event("change", { bubbles: true }));
});

function put(field, value) {
  const drawn = field.value;
  field[field.type === "checkbox" ? "checked" : "value"] = value;
  // The choice may be gone from the list that was drawn.
  if (field.selectedIndex === -1) field.value = drawn;
}

// What is on its way is not sent again by a hasty second click; nor what was done and is leading to another page.
let sending = new WeakSet();
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (sending.has(event.target)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  sending.add(event.target);
}, true);
document.addEventListener("htmx:afterRequest", ({ detail: { elt, xhr } }) => {
  if (!xhr.getResponseHeader("HX-Redirect")) sending.delete(elt.closest("form"));
});
// Somebody came back to a page that the browser had kept.
addEventListener("pageshow", () => { sending = new WeakSet(); });

// Who signed in anew in another tab goes on here: the forms get the token of the new session.
document.addEventListener("portside:session", ({ detail: { token } }) => {
  for (const field of document.querySelectorAll('[name="form_token"]')) field.value = token;
});

// A refusal is said at the top of what one looks at, whatever its answer was to replace.
document.addEventListener("htmx:beforeSwap", (event) => {
  if ((event.detail.xhr?.status ?? 0) < 400) return;
  event.detail.shouldSwap = true;
  event.detail.isError = false;
  event.detail.target = notice();
  event.detail.swapOverride = "innerHTML";
  // The part of a page that the answer was to be cut down to is not in a refusal.
  event.detail.selectOverride = "unset";
});
document.addEventListener("htmx:sendError", () => {
  const said = document.createElement("p");
  said.className = "problem";
  said.setAttribute("role", "alert");
  said.textContent = "Portside cannot be reached. Try again in a few seconds.";
  notice().replaceChildren(said);
});

function notice() {
  const within = dialog().open ? dialog() : document.getElementById("main");
  const place = within.querySelector("[data-notice]") ?? document.createElement("div");
  place.dataset.notice = "";
  within.prepend(place);
  place.scrollIntoView({ block: "nearest" });
  return place;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-close], [data-fill]");
  if (!button) return;
  if (button.dataset.copy) {
    event.preventDefault();
    const source = document.getElementById(button.dataset.copy);
    const text = source.value ?? source.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without HTTPS there is no clipboard: the text is marked, and Ctrl-C takes it.
      getSelection().selectAllChildren(source);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    kept(button.closest("[data-keep]"));
  } else if (button.dataset.fill) {
    const field = button.closest("form").querySelector(`[name="${button.dataset.fill}"]`);
    field.value = button.dataset.value;
    field.focus();
  } else if (button.dataset.close !== undefined) {
    event.preventDefault();
    close();
  }
});

function kept(place) {
  place?.removeAttribute("data-keep");
  for (const warning of dialog().querySelectorAll("[data-warning]")) warning.hidden = true;
}

// Closing what is shown only once asks once more, unless it has been kept.
function close() {
  const keep = dialog().querySelector("[data-keep]");
  if (keep) {
    keep.querySelector("[data-warning]").hidden = false;
    keep.removeAttribute("data-keep");
    return;
  }
  dialog().close();
  dialog().replaceChildren();
}
document.addEventListener("cancel", (event) => {
  if (event.target !== dialog()) return;
  event.preventDefault();
  close();
}, true);
// The server says `done` in an HX-Trigger header, with fields that the page behind should take.
document.addEventListener("portside:done", (event) => {
  for (const [name, value] of Object.entries(event.detail.fields ?? {})) {
    const field = document.querySelector(`main [name="${name}"]`);
    if (!field) continue;
    if (field.tagName === "SELECT" && ![...field.options].some((one) => one.value === value)) field.add(new Option(value, value));
    field.value = value;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
  if (event.detail.close !== false) {
    dialog().close();
    dialog().replaceChildren();
  }
});

// A file chosen or dropped is read here and put into the text field that `data-into` names.
async function read(file, into) {
  const field = document.getElementById(into);
  field.value = await file.text();
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
}
document.addEventListener("change", (event) => {
  const { into } = event.target.dataset ?? {};
  if (event.target.type === "file" && into && event.target.files[0]) read(event.target.files[0], into);
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const place = event.target.closest?.("[data-drop]");
    if (!place) return;
    event.preventDefault();
    place.classList.toggle("dropping", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files[0]) read(event.dataTransfer.files[0], place.dataset.drop);
  });
}

// A log that is read at its end is followed; one that was scrolled back stays.
const atEnd = (place) => place.scrollHeight - place.scrollTop - place.clientHeight < 40;
let following = false;
document.addEventListener("htmx:beforeSwap", (event) => {
  const place = event.detail.target.closest("[data-follow]");
  following = Boolean(place) && atEnd(place);
});
document.addEventListener("htmx:afterSwap", () => {
  if (!following) return;
  for (const place of document.querySelectorAll("[data-follow]")) place.scrollTop = place.scrollHeight;
});

// One popup of a row at a time; Escape closes it.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const one of document.querySelectorAll(".stages details[open]")) one.open = false;
});

// What does not go with a choice is not asked: `data-when="field=value,value"`.
function ask(form) {
  for (const place of form.querySelectorAll("[data-when]")) {
    const [name, values] = place.dataset.when.split("=");
    const wanted = values.split(",").includes(form.elements[name]?.value);
    place.hidden = !wanted;
    for (const field of place.querySelectorAll("input, select, textarea")) field.disabled = !wanted;
  }
}
document.addEventListener("change", (event) => event.target.form && ask(event.target.form));
// Of boxes with the same `data-only` one is ticked, or none.
document.addEventListener("change", (event) => {
  const { only } = event.target.dataset ?? {};
  if (!only || !event.target.checked) return;
  for (const box of event.target.form.querySelectorAll(`[data-only="${only}"]`)) box.checked = box === event.target;
}, true);
const askAll = () => document.querySelectorAll("form").forEach(ask);
document.addEventListener("DOMContentLoaded", askAll);
document.addEventListener("htmx:afterSettle", askAll);

// A value made in the dialog is given to the form behind it; which variable holds a secret may be read.
function give(field, value) {
  field.value = value;
  if (field.type === "password" && value.startsWith("${var.")) field.type = "text";
}
document.addEventListener("htmx:afterSwap", () => {
  for (const place of dialog().querySelectorAll("[data-give]")) {
    const field = document.querySelector(`main [name="${place.dataset.give}"]`);
    if (field) give(field, place.textContent);
    place.removeAttribute("data-give");
  }
  if (dialog().querySelector("[data-kept]")) kept(dialog().querySelector("[data-keep]"));
});
