/** A runner's status in words, as a chip that does not rely on its colour. */
import type { Status } from "./api.ts";
import { h } from "./dom.ts";

export const STATUS_WORDS: Record<Status, string> = {
  registered: "Not started",
  running: "Running",
  overdue: "Overdue",
  finished: "Finished",
  dnf: "Did not finish",
  dsq: "Disqualified",
};

const SHORT: Partial<Record<Status, string>> = { dnf: "DNF", dsq: "DSQ" };

export function statusChip(status: Status): HTMLElement {
  const short = SHORT[status];
  const chip = short
    ? h("abbr", { attrs: { title: STATUS_WORDS[status] } }, short)
    : h("span", null, STATUS_WORDS[status]);
  chip.className = "chip";
  chip.dataset.status = status;
  return chip;
}
