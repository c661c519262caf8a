/**
 * Whom this browser follows, by race: kept in its own storage and nowhere else. Tabs agree through the storage event.
 */

const KEY = "pacestream.following";
const changes = new EventTarget();

type Followed = Record<string, string[]>;

export function followed(race: string): readonly string[] {
  return read()[race] ?? [];
}

export function isFollowed(race: string, bib: string): boolean {
  return followed(race).includes(bib);
}

export function setFollowed(race: string, bib: string, follow: boolean): void {
  const all = read();
  const others = (all[race] ?? []).filter((other) => other !== bib);
  all[race] = follow ? [...others, bib] : others;
  if (all[race].length === 0) delete all[race];
  try {
    localStorage.setItem(KEY, JSON.stringify(all));
  } catch {
    // Storage may be refused (private mode, full): the choice then lasts as long as the page.
  }
  memory = all;
  changes.dispatchEvent(new Event("change"));
}

export function onFollowedChange(listener: () => void): void {
  changes.addEventListener("change", listener);
}

window.addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  memory = undefined;
  changes.dispatchEvent(new Event("change"));
});

let memory: Followed | undefined;

function read(): Followed {
  if (memory) return structuredClone(memory);
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    memory = Object.fromEntries(
      Object.entries(stored ?? {}).map(([race, bibs]) => [
        race,
        Array.isArray(bibs) ? bibs.filter((bib) => typeof bib === "string") : [],
      ]),
    );
  } catch {
    memory = {};
  }
  return structuredClone(memory);
}
