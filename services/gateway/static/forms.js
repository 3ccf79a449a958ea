// Forms: what somebody writes outlives what the page does meanwhile, is sent once, and only what applies is asked.
const on = (name, does, capture = false) => document.addEventListener(name, does, capture);

// Which fields hold something else than they did before: as they were drawn, or when they were sent.
const fields = (place) =>
  [...place.querySelectorAll("input, select, textarea")].filter((one) => one.name && one.type !== "hidden");
const now = (field) => (field.type === "checkbox" ? field.checked : field.value);
const drawn = (field) => (field.type === "checkbox" ? field.defaultChecked : (field.defaultValue ?? field.value));
const changed = (place, before) => fields(place).filter((field) => now(field) !== before(field));

/** Has somebody begun to write or tick something here? */
export const begun = (place) => changed(place, drawn).length > 0;

// A form that is drawn again keeps what was put in while the answer was on its way, and asks once more for it.
on("htmx:beforeRequest", ({ detail: { target, requestConfig: request } }) => {
  if (target.tagName === "FORM") request.sent = new Map(fields(target).map((field) => [field.name, now(field)]));
});
on("htmx:beforeSwap", ({ detail: { target, requestConfig: request } }) => {
  if (!request?.sent || !target.isConnected) return;
  request.late = changed(target, ({ name }) => request.sent.get(name)).map((field) => [field.name, now(field)]);
});
on("htmx:afterSettle", ({ target: form, detail: { requestConfig: request } }) => {
  if (!request?.late || form.tagName !== "FORM") return;
  const late = request.late.map(([name, value]) => [form.elements[name], value]).filter(([field]) => field?.tagName);
  for (const [field, value] of late) put(field, value);
  for (const [field] of late) tell(field, "change");
});

function put(field, value) {
  const offered = field.value;
  field[field.type === "checkbox" ? "checked" : "value"] = value;
  // The choice may be gone from the list that was drawn.
  if (field.selectedIndex === -1) field.value = offered;
}

const tell = (field, what) => field.dispatchEvent(new Event(what, { bubbles: true }));

/** Fill in a field as a person would; a list takes a choice that it does not have yet. */
export function fill(field, value) {
  if (field.tagName === "SELECT" && ![...field.options].some((one) => one.value === value)) field.add(new Option(value));
  field.value = value;
  tell(field, "input");
  tell(field, "change");
}

// What is on its way is not sent again by a hasty second click; nor what was done and is leading to another page.
let sending = new WeakSet();
on(
  "submit",
  (event) => {
    // A file that is downloaded leaves the page where it is.
    if (event.target.method !== "post" || event.submitter?.hasAttribute("data-download")) return;
    if (sending.has(event.target)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
    sending.add(event.target);
  },
  true,
);
on("htmx:afterRequest", ({ detail: { elt, xhr } }) => {
  if (!xhr.getResponseHeader("HX-Redirect")) sending.delete(elt.closest("form"));
});
// Somebody came back to a page that the browser had kept.
addEventListener("pageshow", () => (sending = new WeakSet()));

// After signing in again in another tab, this one still works: its forms get the token of the new session.
on("portside:session", ({ detail: { token } }) => {
  for (const field of document.querySelectorAll('[name="form_token"]')) field.value = token;
});

// What does not go with the choices is not asked: `data-when="field=value,value;field=value"`.
function ask(form) {
  for (const place of form.querySelectorAll("[data-when]")) {
    place.hidden = !place.dataset.when.split(";").every((choice) => {
      const [name, values] = choice.split("=");
      return values.split(",").includes(form.elements[name]?.value);
    });
  }
  for (const field of form.querySelectorAll("[data-when] :is(input, select, textarea)")) {
    field.disabled = Boolean(field.closest("[data-when][hidden]"));
  }
}
const askAll = () => document.querySelectorAll("form").forEach(ask);
on("change", ({ target }) => target.form && ask(target.form));
on("htmx:afterSettle", askAll);
askAll();

// Of boxes with the same `data-only` one is ticked, or none.
on(
  "change",
  ({ target: box }) => {
    const { only } = box.dataset;
    if (!only || !box.checked) return;
    for (const other of box.form.querySelectorAll(`[data-only="${only}"]`)) other.checked = other === box;
  },
  true,
);

// A button that proposes a value.
on("click", ({ target }) => {
  const button = target.closest("[data-fill]");
  if (!button) return;
  const field = button.closest("form").elements[button.dataset.fill];
  field.value = button.dataset.value;
  field.closest("details")?.setAttribute("open", "");
  field.focus();
});

// A button that fills in several fields: `data-fills` is an object of names and values.
on("click", ({ target }) => {
  const button = target.closest("[data-fills]");
  if (!button) return;
  const { elements } = button.closest("form");
  for (const [name, value] of Object.entries(JSON.parse(button.dataset.fills))) if (elements[name]) fill(elements[name], value);
  for (const row of button.closest("table").rows) row.toggleAttribute("aria-current", row.contains(button));
});

// A file that is chosen or dropped is read here, into the text that `data-into` or `data-drop` names.
const read = async (file, into) => fill(document.getElementById(into), await file.text());
on("change", ({ target }) => {
  if (target.dataset.into && target.files[0]) read(target.files[0], target.dataset.into);
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  on(kind, (event) => {
    const place = event.target.closest?.("[data-drop]");
    if (!place) return;
    event.preventDefault();
    place.classList.toggle("dropping", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files[0]) read(event.dataTransfer.files[0], place.dataset.drop);
  });
}
