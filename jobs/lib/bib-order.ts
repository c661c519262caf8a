/**
 * The fixed order of bibs, used wherever nothing else decides: natural order, so that "2" < "10" < "F1" < "F2" < "F10".
 * It is a total order: only equal strings are equal ("07" and "7" are two bibs).
 */

/** Negative: `a` before `b`. Runs of digits compare as numbers of any length, all else by UTF-16 code unit. */
export function compareBibs(a: string, b: string): number {
  if (a === b) return 0;
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const digitA = isDigit(a.charCodeAt(i));
    const digitB = isDigit(b.charCodeAt(j));
    if (digitA && digitB) {
      const endA = digitsEnd(a, i);
      const endB = digitsEnd(b, j);
      const order = compareDigits(a, i, endA, b, j, endB);
      if (order !== 0) return order;
      i = endA;
      j = endB;
    } else {
      // Digits stand before everything else, also before the punctuation that precedes them in ASCII.
      if (digitA !== digitB) return digitA ? -1 : 1;
      const order = a.charCodeAt(i) - b.charCodeAt(j);
      if (order !== 0) return order;
      i++;
      j++;
    }
  }
  const rest = a.length - i - (b.length - j);
  return rest !== 0 ? rest : a < b ? -1 : 1;
}

const isDigit = (code: number) => code >= 48 && code <= 57;

function digitsEnd(text: string, from: number): number {
  let end = from;
  while (end < text.length && isDigit(text.charCodeAt(end))) end++;
  return end;
}

/** Compares two runs of digits by value without turning them into numbers: a bib may have more than 15 digits. */
function compareDigits(
  a: string,
  fromA: number,
  endA: number,
  b: string,
  fromB: number,
  endB: number,
): number {
  let i = fromA;
  let j = fromB;
  while (i < endA && a.charCodeAt(i) === 48) i++;
  while (j < endB && b.charCodeAt(j) === 48) j++;
  if (endA - i !== endB - j) return endA - i - (endB - j);
  for (; i < endA; i++, j++) {
    const order = a.charCodeAt(i) - b.charCodeAt(j);
    if (order !== 0) return order;
  }
  return 0;
}
