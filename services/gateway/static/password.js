// A password that one types is shown by choice. Without JavaScript there is no such choice, and its label stays hidden.
const shows = (label) => label.closest("form")?.querySelectorAll('input[name="password"], input[name="again"]') ?? [];

function offer() {
  for (const label of document.querySelectorAll("[data-shows]")) label.hidden = false;
}
document.addEventListener("htmx:afterSettle", offer);
document.addEventListener("change", ({ target }) => {
  const label = target.closest("[data-shows]");
  if (!label) return;
  for (const input of shows(label)) input.type = target.checked ? "text" : "password";
});
offer();
