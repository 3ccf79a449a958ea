// Nothing by a slip: a button with `data-confirm` asks in a dialog first, and is pressed again when it was confirmed.
import { chosen } from "./choose.js";

const asking = document.getElementById("confirm");
const part = (name) => asking.querySelector(`[data-part="${name}"]`);
let button;
let confirmed;

document.addEventListener(
  "click",
  (event) => {
    const pressed = event.target.closest?.("[data-confirm]");
    if (!pressed || pressed === confirmed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (pressed.type === "submit" && !pressed.formNoValidate && !pressed.form.reportValidity()) return;
    ask(pressed);
  },
  true,
);

function ask(pressed) {
  button = pressed;
  const about = button.dataset;
  // Of a form with a field named `id` the property of that name is the field.
  const several = button.form?.matches("#chosen");
  const [title, text] = several ? ofChosen(button.form, about) : [about.confirm, about.confirmText];
  part("title").textContent = title;
  part("text").textContent = text;
  part("do").textContent = about.confirmWord;
  part("do").classList.toggle("danger", "confirmDanger" in about);
  part("reason").hidden = !about.confirmReason;
  part("reason-label").textContent = about.confirmReason ?? "";
  asking.querySelector("textarea").value = "";
  part("more").replaceChildren();
  if (about.confirmMore) {
    globalThis.htmx.ajax("GET", about.confirmMore, { target: part("more"), select: "#more", swap: "innerHTML" });
  }
  asking.showModal();
  (about.confirmReason ? asking.querySelector("textarea") : part("back")).focus();
}

const NAMED = 5;

// Of how many, and of which, what is about to be done.
function ofChosen({ dataset: { noun, nouns } }, { confirm, confirmText }) {
  const names = chosen();
  const count = `${names.length} ${names.length === 1 ? noun : nouns}`;
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
  return [confirm.replace("{n}", count), `${confirmText} ${names.slice(0, NAMED).join(", ")}${more}.`];
}

// The page may have been drawn again meanwhile: its button of the same name is meant.
const present = () => (button.isConnected ? button : document.getElementById(button.id));

asking.addEventListener("close", () => present()?.focus());
part("back").addEventListener("click", () => asking.close());
part("do").addEventListener("click", () => {
  asking.close();
  const again = present();
  if (!again) return changed();
  if (button.dataset.confirmReason) give(again.form, button.dataset.confirmField, asking.querySelector("textarea").value);
  confirmed = again;
  again.click();
  confirmed = undefined;
});

function give(form, name, value) {
  const field = form.elements[name] ?? Object.assign(document.createElement("input"), { type: "hidden", name });
  field.value = value;
  form.append(field);
}

// What was asked about is no longer offered: it has ended, or somebody else was faster.
function changed() {
  const detail = { message: "This has changed meanwhile; nothing was sent.", link: "", word: "" };
  document.dispatchEvent(new CustomEvent("portside:said", { detail }));
}
