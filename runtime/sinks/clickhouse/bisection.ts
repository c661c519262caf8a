/**
 * Finds which rows of a batch are refused, by asking about parts of it. Pure: who is asked is the caller's.
 *
 * D1  Only a row that was refused alone is blamed, with what was said about it; of a part that is refused while its halves are
 *     not, nobody is.
 * D2  Asking has no effect, so it may stop anywhere and begin anew.
 * D3  One bad row of n costs about 2 log n questions, and k of them at most 2 k log n: rows asked about halve each time. Where one
 *     after the other is refused, rows are asked about one by one: n bad ones cost n questions.
 */

/** Why rows were refused. `clear`: what was said is about a value; otherwise it may be about something else. */
export interface Refusal {
  readonly reason: string;
  readonly clear: boolean;
}

/** Rows `[from, to)` of the batch; undefined: they would be taken. */
export type Ask = (from: number, to: number) => Promise<Refusal | undefined>;

export interface Offender {
  readonly row: number;
  readonly reason: string;
}

/**
 * The first `max` rows at fault, in order; all, when there are fewer. None where nobody can be blamed: what is said is not
 * clearly about values, and not one row is taken.
 */
export async function findOffenders(rows: number, max: number, ask: Ask): Promise<Offender[]> {
  const offenders: (Offender & { readonly clear: boolean })[] = [];
  let taken = false;
  /** Rows refused since one was taken. */
  let inARow = 0;
  /** Nothing to learn from more of them: without a row that is taken they are not blamed. */
  const hopeless = () => !taken && offenders.length >= DOUBTFUL_MAX && offenders.every(({ clear }) => !clear);

  /** @returns whether a row of it was refused. */
  const search = async (from: number, to: number, known: boolean): Promise<boolean> => {
    if (offenders.length >= max || hopeless()) return true;
    const single = to - from === 1;
    // Of a part that must hold an offender, as its other half does not, or that is likely to, only the halves are asked about.
    const asked = single || !(known || inARow >= MANY_IN_A_ROW);
    const refusal = asked ? await ask(from, to) : undefined;
    if (asked && refusal === undefined) {
      taken = true;
      inARow = 0;
      return false;
    }
    if (single) {
      inARow++;
      offenders.push({ row: from, ...refusal! });
      return true;
    }
    const middle = (from + to) >>> 1;
    const left = await search(from, middle, false);
    const right = await search(middle, to, !left && (known || refusal !== undefined));
    return left || right;
  };
  if (rows > 0) await search(0, rows, false);
  const blamed = taken ? offenders : offenders.filter(({ clear }) => clear);
  return blamed.map(({ row, reason }) => ({ row, reason }));
}

const DOUBTFUL_MAX = 32;
const MANY_IN_A_ROW = 8;
