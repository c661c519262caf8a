/**
 * All that the steps of a section remember: cells, each by the name of what it is for and the key it belongs to. A cell's content is
 * a value that is replaced, never changed.
 *
 * M1  A record works on a draft. When it is through the draft is kept; when code throws on it, the draft is thrown away.
 */

type Cells = Map<string, Map<string, unknown>>;

export class Memory {
  readonly #kept: Cells = new Map();
  #draft: Cells | undefined;

  begin(): void {
    this.#draft = new Map();
  }

  keep(): void {
    for (const [name, cells] of this.#draft ?? []) {
      const kept = ofName(this.#kept, name);
      for (const [key, content] of cells) {
        if (content === undefined) kept.delete(key);
        else kept.set(key, content);
      }
    }
    this.#draft = undefined;
  }

  discard(): void {
    this.#draft = undefined;
  }

  get<C>(name: string, key: string): C | undefined {
    const drafted = this.#draft?.get(name);
    if (drafted?.has(key)) return drafted.get(key) as C | undefined;
    return this.#kept.get(name)?.get(key) as C | undefined;
  }

  /** @param content `undefined`: there is none any more. */
  set(name: string, key: string, content: unknown): void {
    ofName(this.#draft ?? this.#kept, name).set(key, content);
  }

  /** Of every key, by key. */
  all<C>(name: string): [key: string, content: C][] {
    const keys = new Set([
      ...(this.#kept.get(name)?.keys() ?? []),
      ...(this.#draft?.get(name)?.keys() ?? []),
    ]);
    return [...keys].sort(byText).flatMap((key): [string, C][] => {
      const content = this.get<C>(name, key);
      return content === undefined ? [] : [[key, content]];
    });
  }
}

function ofName(cells: Cells, name: string): Map<string, unknown> {
  const known = cells.get(name);
  if (known) return known;
  const fresh = new Map<string, unknown>();
  cells.set(name, fresh);
  return fresh;
}

export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
