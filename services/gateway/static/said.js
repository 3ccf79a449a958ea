// What was done is said: a toast with a link, for a while, and as long as one looks at it. What failed stays.
const place = document.getElementById("said");
const SHOWN_MS = 8_000;
const node = (name, fields, ...children) => {
  const made = Object.assign(document.createElement(name), fields);
  made.append(...children);
  return made;
};

function put({ message, link, word, undo, failed }) {
  const toast = node("div", { className: "toast" }, message);
  if (link) toast.append(" ", node("a", { href: link }, word || "Show"));
  if (undo) toast.append(" ", takeBack(undo));
  if (failed) toast.append(node("p", { className: "failed", role: "alert" }, failed));
  place.append(toast);
  watch(toast);
}

function takeBack({ address, fields }) {
  const form = node("form", { className: "inline", method: "post", action: address });
  const token = ["form_token", document.querySelector('[name="form_token"]').value];
  for (const [name, value] of [token, ...fields]) form.append(node("input", { type: "hidden", name, value }));
  form.append(node("button", { className: "link" }, "Undo"));
  return form;
}

function watch(toast) {
  if (!toast.querySelector(".failed")) return expire(toast);
  const close = node("button", { type: "button", className: "link", onclick: () => toast.remove() }, "Close");
  toast.append(close);
}

function expire(toast) {
  setTimeout(() => (toast.matches(":hover, :focus-within") ? expire(toast) : toast.remove()), SHOWN_MS);
}

document.addEventListener("portside:said", ({ detail }) => put(detail));
for (const toast of place.querySelectorAll(".toast")) watch(toast);

// A click shows at once that it was taken: the bar at the top runs until the next page is there.
const busy = (value) => document.documentElement.toggleAttribute("data-busy", value);
addEventListener("beforeunload", () => {
  busy(true);
  // A file that is downloaded leaves the page where it is.
  setTimeout(() => busy(false), 15_000);
});
addEventListener("pageshow", () => busy(false));
let requests = 0;
const byHand = ({ requestConfig }) => !/^(load|poll|every|sse:)/.test(requestConfig.triggeringEvent?.type ?? "poll");
document.addEventListener("htmx:beforeSend", ({ detail }) => byHand(detail) && busy(++requests > 0));
document.addEventListener("htmx:afterRequest", ({ detail }) => byHand(detail) && busy((requests = Math.max(0, requests - 1)) > 0));
