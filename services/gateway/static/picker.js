// People, groups and projects are found as one types, and added to the lines or commas of the field above.
const WAIT_MS = 200;
let count = 0;

/** In a cell of a table the field itself suggests names for its last part. */
function inline(field) {
  const list = document.createElement("datalist");
  list.id = `picker-${(count += 1)}`;
  let timer = 0;
  field.setAttribute("list", list.id);
  field.addEventListener("input", () => {
    clearTimeout(timer);
    const comma = field.value.lastIndexOf(",") + 1;
    const before = comma ? `${field.value.slice(0, comma)} ` : "";
    timer = setTimeout(() => suggest(field.value.slice(comma), list, field.dataset.picks, before), WAIT_MS);
  });
  return list;
}

function picker(field) {
  const of = field.dataset.picks;
  const box = document.createElement("div");
  box.className = "beside picker";
  const label = document.createElement("label");
  const words = document.createElement("span");
  words.className = "unseen";
  words.textContent = `Find ${of} for ${field.closest("label")?.querySelector(".strong")?.textContent ?? field.name}`;
  const input = document.createElement("input");
  const list = document.createElement("datalist");
  list.id = `picker-${(count += 1)}`;
  input.setAttribute("list", list.id);
  input.autocomplete = "off";
  input.placeholder = `Find ${of}`;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = "Add";
  label.append(words, input);
  box.append(label, list, button);
  let timer = 0;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => suggest(input.value, list, of), WAIT_MS);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    add(field, input);
  });
  input.addEventListener("change", (event) => event.stopPropagation());
  button.addEventListener("click", () => add(field, input));
  return box;
}

async function suggest(part, list, of, before = "") {
  const answer = await fetch(`/people/names?${new URLSearchParams({ q: part.trim(), of })}`);
  if (!answer.ok) return;
  const names = await answer.json();
  list.replaceChildren(...names.map((name) => Object.assign(document.createElement("option"), { value: before + name })));
}

function add(field, input) {
  const name = input.value.trim();
  input.value = "";
  if (!name) return;
  const separator = field.tagName === "TEXTAREA" ? "\n" : ", ";
  const present = field.value.split(field.tagName === "TEXTAREA" ? "\n" : ",").map((part) => part.trim()).filter(Boolean);
  if (!present.includes(name)) field.value = [...present, name].join(separator);
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

function offer() {
  for (const field of document.querySelectorAll("[data-picks]:not([data-picked])")) {
    if (field.matches(":disabled")) continue;
    field.dataset.picked = "";
    if (field.closest("td")) field.after(inline(field));
    else (field.closest("label") ?? field).after(picker(field));
  }
}

document.addEventListener("htmx:afterSettle", offer);
offer();
