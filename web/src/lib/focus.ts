/** Who works with keys stays where they are: what had the focus and is gone, as a button is that became a progress bar, leaves it to what is there now. */
const CAN = "button:not(:disabled), a[href], summary, input:not(:disabled), select:not(:disabled), textarea:not(:disabled), [tabindex='0'], [role='group'][tabindex='-1']";

export function keepFocus(): void {
  let last: HTMLElement | null = null;
  /** what lies around it, inmost first */
  let around: Element[] = [];
  /** what is left before the place where it was */
  let before: Node | null = null;
  /** a key that is held down would press what it comes to as well */
  let held = false;
  /** a finger needs no focus: in a field, it would bring the keyboard up */
  let byKey = false;

  const noted = (event: FocusEvent) => {
    if (!(event.target instanceof HTMLElement)) return;
    [last, before, around] = [event.target, null, []];
    for (let one = last.parentElement; one; one = one.parentElement) around.push(one);
  };
  const lost = () => !!last && (!document.activeElement || document.activeElement === document.body);

  function give(): void {
    if (!byKey || held || !lost()) return;
    if (last!.isConnected) {
      if (!last!.matches(":disabled")) last!.focus({ preventScroll: true }); // it waited for an answer, and can be pressed again
      return;
    }
    for (const place of around.filter((one) => one.isConnected)) {
      const found = [...place.querySelectorAll<HTMLElement>(CAN)].filter((one) => one.checkVisibility());
      const after = before?.isConnected ? found.find((one) => before!.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING) : found[0];
      const next = after ?? found.at(-1);
      if (next) return next.focus({ preventScroll: true });
    }
  }

  const watch = new MutationObserver((changes) => {
    if (!lost()) return;
    for (const { removedNodes, previousSibling, target } of changes) {
      if ([...removedNodes].some((node) => node.contains(last))) before = previousSibling ?? target;
    }
    setTimeout(give); // a sheet that closes gives it back by itself
  });
  watch.observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["disabled"] });
  document.addEventListener("focusin", noted);
  window.addEventListener(
    "keydown",
    () => {
      if (!byKey && lost()) last = null; // a click beside took it away on purpose: keys are for the picture now
      byKey = held = true;
    },
    true,
  );
  window.addEventListener("pointerdown", () => (byKey = false), true);
  window.addEventListener("keyup", () => ((held = false), setTimeout(give)), true);
}
