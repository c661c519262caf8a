/** The one kind of value that all streams of a random job carry, so that any operator can follow any other. */
import { codecOf } from "../../../schemas/codec.ts";
import type { Random } from "../random.ts";

export interface V {
  readonly id: string;
  /** Input topics are keyed by it. */
  readonly k: string;
  /** Begins with `k`: its records are where those of `k` are. */
  readonly sub: string;
  /** Has nothing to do with `k`. */
  readonly c: string;
  readonly n: number;
  readonly x: number;
  /** Event time. */
  readonly t: number;
  readonly list: readonly number[];
}

const FIELDS = [
  { name: "id", type: "string" },
  { name: "k", type: "string" },
  { name: "sub", type: "string" },
  { name: "c", type: "string" },
  { name: "n", type: "int" },
  { name: "x", type: "double" },
  { name: "t", type: "double" },
  { name: "list", type: { type: "array", items: "int" } },
];

export const V = codecOf<V>("v", { type: "record", name: "V", fields: FIELDS });

/** As a later version of a job has it: one field more, with a default, and not at the end. */
export const V2 = codecOf<V>("v", {
  type: "record",
  name: "V",
  fields: [...FIELDS.slice(0, 2), { name: "added", type: "long", default: 7 }, ...FIELDS.slice(2)],
});

/** Event time and the clock begin here. */
export const BEGIN_MS = 1_000_000;

const KEYS = ["a", "b", "c", "d"];
const HOSTILE_KEYS = ["", "Ann😀", "Ann𝒳", "__proto__", "a\0b", "constructor", "é", "e\u0301", "\ufffd"];
const HOSTILE_NUMBERS = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -0,
  Number.MAX_VALUE,
  0.1 + 0.2,
  2 ** 53,
];
const HOSTILE_INTS = [0, -1, 2 ** 31 - 1, -(2 ** 31)];
const HOSTILE_TIMES = [Number.NaN, Number.POSITIVE_INFINITY, 0, -5_000, -0, Date.UTC(2999, 0, 1), 0.5];

export interface Temper {
  /** How often a value is hostile in one place. */
  readonly hostile: number;
  /** How far times are apart, and how far a record may be behind. */
  readonly stepMs: number;
  readonly disorderMs: number;
}

export function drawValue(random: Random, index: number, temper: Temper): V {
  const k = random.pick(KEYS);
  const t =
    BEGIN_MS + index * temper.stepMs - (random.chance(0.4) ? random.between(0, temper.disorderMs) : 0);
  const usual: V = {
    id: `r${random.chance(0.2) ? random.between(0, index) : index}`,
    k,
    sub: `${k}${random.between(0, 1)}`,
    c: random.pick(["a", "x", "y", "Ann😀", "Ann𝒳"]),
    n: random.between(-2, 9),
    x: random.between(0, 8) / 2,
    t,
    list: Array.from({ length: random.between(0, 3) }, () => random.between(0, 5)),
  };
  return random.chance(temper.hostile) ? hostile(random, usual) : usual;
}

function hostile(random: Random, usual: V): V {
  switch (random.between(0, 5)) {
    case 0: {
      const k = random.pick(HOSTILE_KEYS);
      return { ...usual, k, sub: k };
    }
    case 1:
      return { ...usual, c: random.pick(HOSTILE_KEYS) };
    case 2:
      return { ...usual, n: random.pick(HOSTILE_INTS) };
    case 3:
      return { ...usual, x: random.pick(HOSTILE_NUMBERS) };
    case 4:
      return { ...usual, t: random.pick(HOSTILE_TIMES) };
    default:
      return { ...usual, list: Array(random.between(50, 300)).fill(1) };
  }
}
