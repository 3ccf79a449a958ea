// People and groups are found as one types, and added to the lines or commas of the field above.
const WAIT_MS = 200;
let count = 0;

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
    timer = setTimeout(() => suggest(input, list, of), WAIT_MS);
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

async function suggest(input, list, of) {
  const answer = await fetch(`/people/names?${new URLSearchParams({ q: input.value, of })}`);
  if (!answer.ok) return;
  const names = await answer.json();
  list.replaceChildren(...names.map((name) => Object.assign(document.createElement("option"), { value: name })));
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
    (field.closest("label") ?? field).after(picker(field));
  }
}

document.addEventListener("htmx:afterSettle", offer);
offer();
