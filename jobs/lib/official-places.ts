/**
 * How official places compare with ours. Officials break ties by means that the data do not show, so an official place is
 * right when it lies in the tie band of our place: from the best place of the runners with that time to the worst. Rows that
 * the data do not have leave gaps in the official places: gaps are closed first.
 */

export interface Placed {
  readonly bib: string;
  readonly place: number;
}

/** Official places of one group that lie outside our tie band, in words; runners whom we do not place among them. */
export function outsideTieBand(ours: readonly Placed[], official: readonly Placed[]): string[] {
  const tied = new Map<number, number>();
  for (const { place } of ours) tied.set(place, (tied.get(place) ?? 0) + 1);
  const places = new Map(ours.map(({ bib, place }) => [bib, place]));
  const inOrder = [...official].sort((a, b) => a.place - b.place);
  const outside: string[] = [];
  let closed = 0;
  for (const [index, { bib, place }] of inOrder.entries()) {
    // Two runners with one official place share the closed one too.
    if (index === 0 || place !== inOrder[index - 1]!.place) closed = index + 1;
    const first = places.get(bib);
    const last = first === undefined ? undefined : first + tied.get(first)! - 1;
    if (first === undefined || closed < first || closed > last!) {
      outside.push(
        `${bib}: official ${closed} (printed ${place}), ours ${first === undefined ? "none" : `${first} to ${last}`}`,
      );
    }
  }
  return outside;
}

/** A line of an official list. */
export interface Listed {
  readonly place: number | null;
  readonly netMs: number | null;
}

/** The fewest results to take out of the official order so that net time never falls from one to the next. */
export function leavingOrder<R extends Listed>(official: readonly R[]): R[] {
  const listed = official.filter(({ place }) => place !== null).sort((a, b) => a.place! - b.place!);
  // Longest non-falling subsequence, by patience: ends[k] is where the best one of length k + 1 ends.
  const ends: number[] = [];
  const previous: number[] = [];
  listed.forEach(({ netMs }, index) => {
    const length = ends.findLastIndex((end) => listed[end]!.netMs! <= netMs!) + 1;
    previous.push(length > 0 ? ends[length - 1]! : -1);
    ends[length] = index;
  });
  const kept = new Set<number>();
  for (let at = ends.at(-1) ?? -1; at !== -1; at = previous[at]!) kept.add(at);
  return listed.filter((_, index) => !kept.has(index));
}
