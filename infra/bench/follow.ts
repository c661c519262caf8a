/** Spectators: one event stream a runner, and when each first told of a split. */
import { get } from "node:http";

interface Told {
  readonly splits?: readonly { readonly mat: string; readonly gunS?: number | null }[];
}

/** Resolves when every stream has sent its snapshot. `told`: `bib/mat` → Unix milliseconds of the first event after that. */
export async function follow(
  api: string,
  race: string,
  bibs: readonly string[],
): Promise<{ told: ReadonlyMap<string, number>; close(): void }> {
  const told = new Map<string, number>();
  const closers: (() => void)[] = [];
  await Promise.all(
    bibs.map(
      (bib) =>
        new Promise<void>((resolve, reject) => {
          const request = get(
            `${api}/v1/races/${race}/runners/${encodeURIComponent(bib)}/stream`,
            (response) => {
              if (response.statusCode !== 200)
                return reject(new Error(`stream of ${bib}: ${response.statusCode}`));
              const known = new Set<string>();
              let rest = "";
              response.setEncoding("utf8").on("data", (chunk: string) => {
                const nowMs = Date.now();
                const blocks = (rest + chunk).split("\n\n");
                rest = blocks.pop()!;
                for (const block of blocks) {
                  const event = /^event: ?(.*)$/m.exec(block)?.[1];
                  const data = [...block.matchAll(/^data: ?(.*)$/gm)].map(([, line]) => line).join("\n");
                  if (event !== "snapshot" && event !== "change") continue;
                  for (const { mat, gunS } of (JSON.parse(data) as Told).splits ?? []) {
                    const id = `${bib}/${mat}`;
                    if (gunS === null || known.has(id)) continue;
                    known.add(id);
                    if (event === "change") told.set(id, nowMs);
                  }
                  if (event === "snapshot") resolve();
                }
              });
            },
          );
          request.on("error", reject);
          closers.push(() => {
            request.removeAllListeners("error").on("error", () => {});
            request.destroy();
          });
        }),
    ),
  );
  return { told, close: () => closers.forEach((close) => void close()) };
}
