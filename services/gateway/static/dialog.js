// The one dialog: where something is made without leaving a form, whose field then has it, or is shown only once.
import { fill } from "./forms.js";

const on = (name, does, capture = false) => document.addEventListener(name, does, capture);
const behind = (name) => document.querySelector(`main [name="${name}"]`);

export const dialog = document.getElementById("dialog");

function close() {
  dialog.close();
  dialog.replaceChildren();
}

// What is swapped into it opens it. A value made there is given to the form behind: `data-give` names the field.
on("htmx:afterSwap", ({ detail: { target } }) => {
  if (!dialog.contains(target)) return;
  if (!dialog.open) dialog.showModal();
  for (const made of dialog.querySelectorAll("[data-give]")) {
    give(behind(made.dataset.give), made.textContent);
    made.removeAttribute("data-give");
  }
  if (dialog.querySelector("[data-kept]")) keep();
});

function give(field, value) {
  if (!field) return;
  field.value = value;
  // Which variable holds a secret may be read.
  if (field.type === "password" && value.startsWith("${var.")) field.type = "text";
}

// The server says `done` in an HX-Trigger header, with fields that the form behind should take.
on("portside:done", ({ detail }) => {
  for (const [name, value] of Object.entries(detail.fields ?? {})) if (behind(name)) fill(behind(name), value);
  if (dialog.open) close();
});

// Closing what is shown only once (`data-keep`) asks once more, unless it has been copied or kept.
const keep = () => {
  dialog.querySelector("[data-keep]")?.removeAttribute("data-keep");
  for (const warning of dialog.querySelectorAll("[data-warning]")) warning.hidden = true;
};

function leave() {
  const unkept = dialog.querySelector("[data-keep]");
  if (!unkept) return close();
  unkept.removeAttribute("data-keep");
  unkept.querySelector("[data-warning]").hidden = false;
}
on("click", ({ target }) => target.closest("[data-close]") && leave());
on(
  "cancel",
  (event) => {
    if (event.target !== dialog) return;
    event.preventDefault();
    leave();
  },
  true,
);

// `data-copy` names what its button copies, `data-copy-text` is it.
on("click", async ({ target }) => {
  const button = target.closest("[data-copy], [data-copy-text]");
  if (!button) return;
  const { copy, copyText } = button.dataset;
  await (copy ? copyOf(document.getElementById(copy)) : copyThrough(copyText));
  if (copy) button.textContent = "Copied";
  document.dispatchEvent(new CustomEvent("portside:said", { detail: { message: "Copied.", link: "", word: "" } }));
  if (dialog.contains(button)) keep();
});

async function copyOf(source) {
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    // Without HTTPS there is no clipboard: the text is marked, and Ctrl-C takes it.
    getSelection().selectAllChildren(source);
    document.execCommand("copy");
  }
}

async function copyThrough(text) {
  const source = document.createElement("span");
  source.className = "unseen";
  source.textContent = text;
  document.body.append(source);
  await copyOf(source);
  getSelection().removeAllRanges();
  source.remove();
}
