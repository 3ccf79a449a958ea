// Keys that work wherever nobody is typing, and the viewer's switches, which cookies keep.
const help = document.getElementById("keys");
const typing = (element) => element.closest("input, textarea, select, [contenteditable], .CodeMirror, dialog[open]");

const KEYS = {
  "/": () => document.querySelector("[data-search]")?.focus(),
  "?": () => help.showModal(),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || !(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
});
document.querySelector("[data-keys]")?.addEventListener("click", () => help.showModal());

const keep = (name, value) => (document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`);
const dark = matchMedia("(prefers-color-scheme: dark)");
document.querySelector("[data-theme-switch]")?.addEventListener("click", () => {
  const root = document.documentElement;
  const now = root.dataset.theme ?? (dark.matches ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
  keep("portside_theme", root.dataset.theme);
});
document.addEventListener("click", ({ target }) => {
  if (!target.closest?.("[data-rows-switch]")) return;
  const { dataset } = document.documentElement;
  if (dataset.rows) delete dataset.rows;
  else dataset.rows = "compact";
  keep("portside_rows", dataset.rows ?? "roomy");
});
