// What was done is said: a toast with a link, for a while, and as long as one looks at it.
const place = document.getElementById("said");
const SHOWN_MS = 8_000;

function put({ message, link, word }) {
  const toast = document.createElement("p");
  toast.className = "toast";
  toast.append(message);
  if (link) toast.append(" ", Object.assign(document.createElement("a"), { href: link, textContent: word || "Show" }));
  place.append(toast);
  expire(toast);
}

function expire(toast) {
  setTimeout(() => (toast.matches(":hover, :focus-within") ? expire(toast) : toast.remove()), SHOWN_MS);
}

document.addEventListener("portside:said", ({ detail }) => put(detail));
for (const toast of place.querySelectorAll(".toast")) expire(toast);

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
