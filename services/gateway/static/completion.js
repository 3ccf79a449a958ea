// Completes references with the names that the text defines, and the fields of a task with those of its type.
const words = JSON.parse(document.querySelector("[data-words]")?.dataset.words ?? "{}");
const TASK = ["type", "endpoints", "input", "preCondition", "ignoreFailure"];
const KEY = /^(\s*)(?:- )?(?:"([^"]+)"|'([^']+)'|([^\s#'"][^:#]*?)):(?:\s+(.*))?$/;

/** Does what was typed call for a list of choices? */
export const completes = (typed) => typed === "{" || typed === ".";

// The keys of the text, each with its line, its indentation and its value.
function keysOf(editor) {
  const keys = [];
  editor.eachLine((line) => {
    const match = KEY.exec(line.text);
    if (match) keys.push({ line: editor.getLineNumber(line), indent: match[1].length, key: match[2] ?? match[3] ?? match[4], value: match[5] });
  });
  return keys;
}

// The keys above a line that it is within, from the outermost.
function pathTo(keys, line, indent) {
  const path = [];
  let within = indent;
  for (const entry of keys.filter((key) => key.line < line).toReversed()) {
    if (entry.indent >= within) continue;
    path.unshift(entry.key);
    within = entry.indent;
  }
  return path;
}

function references(keys) {
  const inputs = [];
  const outputs = [];
  for (const { line, indent, key } of keys) {
    const path = pathTo(keys, line, indent);
    if (path.length === 1 && path[0] === "input") inputs.push(`input.${key}`);
    if (path.length === 4 && path[0] === "stages" && path[2] === "tasks" && key === "type") {
      outputs.push(...["output", "status"].map((part) => `${path[1]}.${path[3]}.${part}`));
    }
  }
  const variables = words.variables.map((name) => `var.${name}`);
  return [...inputs, ...outputs, ...variables, ...words.facts].map((text) => ({ text }));
}

function typeOf(keys, path, line) {
  const near = keys.filter((entry) => entry.key === "type" && pathTo(keys, entry.line, entry.indent).join("/") === path.join("/"));
  return near.toSorted((one, other) => Math.abs(one.line - line) - Math.abs(other.line - line))[0]?.value?.trim();
}

function fields(keys, line, indent, value) {
  const path = pathTo(keys, line, indent);
  const [stages, , tasks] = path;
  if (stages !== "stages" || tasks !== "tasks") return [];
  const known = words.fields[typeOf(keys, path.slice(0, 4), line)] ?? {};
  if (value) {
    if (path.length === 4 && value === "type") return Object.keys(words.fields).map((kind) => ({ text: kind }));
    return (path[4] === "input" ? (known[value]?.choices ?? []) : []).map((choice) => ({ text: String(choice) }));
  }
  if (path.length === 4) return TASK.map((name) => ({ text: `${name}: `, displayText: name }));
  if (path.length !== 5 || path[4] !== "input") return [];
  return Object.entries(known).map(([name, { about }]) => ({ text: `${name}: `, displayText: about ? `${name}  ${about.slice(0, 60)}` : name }));
}

function hint(editor) {
  const cursor = editor.getCursor();
  const before = editor.getLine(cursor.line).slice(0, cursor.ch);
  const keys = keysOf(editor);
  const reference = /\$\{([^{}]*)$/.exec(before);
  const key = /^(\s*)(\w*)$/.exec(before);
  const value = /^(\s*)(\w+):\s+(\w*)$/.exec(before);
  let list = [];
  let typed = "";
  if (reference) [typed, list] = [reference[1], references(keys)];
  else if (key) [typed, list] = [key[2], fields(keys, cursor.line, key[1].length)];
  else if (value) [typed, list] = [value[3], fields(keys, cursor.line, value[1].length, value[2])];
  const closes = reference && editor.getLine(cursor.line)[cursor.ch] !== "}" ? "}" : "";
  const matching = list.filter(({ text }) => text.toLowerCase().startsWith(typed.toLowerCase()));
  return {
    list: matching.map(({ text, displayText }) => ({ displayText: displayText ?? text, text: text + closes })),
    from: { line: cursor.line, ch: cursor.ch - typed.length },
    to: cursor,
  };
}

/** Offer what fits at the cursor. */
export const complete = (editor) => editor.showHint({ hint, completeSingle: false });
