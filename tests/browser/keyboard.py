"""A person without a pointer: Tab, Enter and what they type; each stop on the way has to show that it has the focus."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

MOST_TABS = 150
FOCUS = """target => {
  const drawn = (element) => {
    const style = getComputedStyle(element);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== "none";
  };
  const element = document.activeElement;
  const { width, height, top, bottom } = element.getBoundingClientRect();
  // At the page's end the browser itself has the focus; an editor's text shows a cursor; what follows may draw a box.
  const shows = element === document.body || element.closest(".CodeMirror") || (
    [element, element.nextElementSibling].some((part) => part && drawn(part))
    && width > 0 && height > 0 && bottom > 0 && top < innerHeight
  );
  return [element === target, shows ? "" : element.outerHTML.slice(0, 300)];
}"""


def reach(page: Page, target: Locator) -> None:
    """Press Tab until `target` has the focus. Raises where a stop on the way does not show it, or no stop is it."""
    target.wait_for()
    for tabs in range(MOST_TABS):
        arrived, unseen = target.evaluate(FOCUS)
        # What was pressed before may have scrolled out of view since.
        assert not tabs or not unseen, f"no focus shows at {unseen}"
        if arrived:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{MOST_TABS} times Tab do not lead to {target}")


def press(page: Page, target: Locator) -> None:
    """Reach a link or button, and press it."""
    reach(page, target)
    page.keyboard.press("Enter")


def answer(page: Page, opener: Locator, word: str, reason: str = "") -> None:
    """Open the dialog of `opener` and leave it by Escape, which returns there; then open it again and confirm."""
    dialog = page.locator("#confirm")
    press(page, opener)
    first = dialog.get_by_role("textbox") if reason else dialog.get_by_role("button", name="Back")
    expect(first).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    expect(first).to_be_focused()
    if reason:
        page.keyboard.type(reason)
    press(page, dialog.get_by_role("button", name=word, exact=True))
    expect(dialog).to_be_hidden()
