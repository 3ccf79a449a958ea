// The pipeline's YAML as CodeMirror, with its problems in their lines; the forms beside it write into it.
import { complete, completes } from "./completion.js";

// What is undone is undone in the forms too.
const redraw = () => document.querySelector('.tabs [aria-current="true"]')?.click();

document.addEventListener("DOMContentLoaded", () => {
  const text = document.getElementById("text");
  document.querySelector(".numbers").remove();
  const editor = CodeMirror.fromTextArea(text, {
    mode: "yaml",
    theme: "portside",
    lineNumbers: true,
    indentUnit: 2,
    inputStyle: "contenteditable",
    readOnly: text.readOnly,
    screenReaderLabel: "Pipeline as YAML",
    // Tab leaves the editor, as the keyboard expects; Ctrl-] indents.
    extraKeys: { Tab: false, "Shift-Tab": false, "Ctrl-Space": complete },
  });
  for (const [name, value] of [["role", "textbox"], ["aria-multiline", "true"]]) editor.getInputField().setAttribute(name, value);
  editor.on("inputRead", (_, { text: [typed] }) => completes(typed) && complete(editor));
  for (const button of document.querySelectorAll("[data-edit]")) {
    button.addEventListener("click", () => (editor[button.dataset.edit](), redraw(), editor.focus()));
  }
  const able = () => {
    const { undo, redo } = editor.historySize();
    for (const button of document.querySelectorAll("[data-edit]")) button.disabled = !{ undo, redo }[button.dataset.edit];
  };
  editor.on("change", able);
  able();
  // Readers of the field, a form or htmx, get what is written now.
  document.addEventListener("htmx:configRequest", (event) => {
    editor.save();
    if (event.detail.parameters.has?.("text")) event.detail.parameters.set("text", editor.getValue());
  });

  // What was written and not saved is not left by a hasty step back.
  let saved = editor.getValue();
  document.addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => {
    if (xhr.getResponseHeader("HX-Redirect")) saved = editor.getValue();
  });
  addEventListener("beforeunload", (event) => editor.getValue() !== saved && event.preventDefault());

  let shown = [];
  const mark = () => {
    for (const undo of shown) undo();
    shown = [];
    const flaws = JSON.parse(document.getElementById("flaws")?.dataset.flaws ?? "[]");
    for (const flaw of flaws.filter((one) => one.line)) {
      const line = editor.addLineClass(flaw.line - 1, "wrap", "flaw-line");
      const said = document.createElement("div");
      said.className = "flaw-said";
      // As wide as what one sees, however long the lines are.
      said.style.maxWidth = `${editor.getScrollInfo().clientWidth - editor.getGutterElement().offsetWidth}px`;
      said.textContent = flaw.hint ? `${flaw.message} – ${flaw.hint}` : flaw.message;
      const widget = editor.addLineWidget(flaw.line - 1, said);
      shown.push(() => (editor.removeLineClass(line, "wrap", "flaw-line"), widget.clear()));
    }
    if (flaws[0]?.line) editor.scrollIntoView({ line: flaws[0].line - 1, ch: 0 }, 120);
  };

  // Only the lines that differ are replaced, so that the place in the text stays.
  const take = (next) => {
    const old = editor.getValue();
    if (next === old) return;
    let start = 0;
    while (start < old.length && old[start] === next[start]) start += 1;
    let end = 0;
    while (end < old.length - start && end < next.length - start && old.at(-1 - end) === next.at(-1 - end)) end += 1;
    const from = editor.posFromIndex(start);
    editor.replaceRange(next.slice(start, next.length - end), from, editor.posFromIndex(old.length - end));
    editor.scrollIntoView(from, 80);
  };

  document.addEventListener("htmx:oobAfterSwap", () => {
    const next = document.getElementById("next-text");
    if (next) take(next.value);
  });
  document.addEventListener("htmx:afterSwap", (event) => event.detail.target.id === "notice" && mark());
  mark();
});
