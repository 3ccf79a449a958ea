// Select, then act: the boxes of a list's rows, the one above them, and how many are chosen.
const form = () => document.getElementById("chosen");
const boxes = () => [...form().elements].filter(({ name }) => name === "id");

/** The names of the rows that are chosen. */
export const chosen = () => boxes().filter((box) => box.checked).map((box) => box.dataset.name);

function count() {
  if (!form()) return;
  const { length } = chosen();
  form().toggleAttribute("data-some", length > 0);
  form().querySelector("[data-chosen-count]").textContent = `${length} chosen`;
  const all = document.querySelector("[data-choose-all]");
  if (!all) return;
  all.checked = length > 0 && length === boxes().length;
  all.indeterminate = length > 0 && !all.checked;
}

document.addEventListener("change", ({ target }) => {
  if (target.matches?.("[data-choose-all]")) for (const box of boxes()) box.checked = target.checked;
  if (target.matches?.("[data-choose-all], [name=id]")) count();
});
document.addEventListener("htmx:afterSettle", count);
// Somebody came back to a page whose boxes the browser had kept.
addEventListener("pageshow", count);
count();
