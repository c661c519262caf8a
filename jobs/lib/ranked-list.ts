/**
 * An order-statistics list: items in order of (key, tie order), asked by place as well as by key. A counted B+tree: leaves
 * hold keys and items in flat typed arrays, inner nodes the number of items below each child.
 *
 * Owns the order of its items. Its user owns what an item means: a small integer, in the race's field a runner's number.
 *
 * R1  An item stands in the list at most once for a key; `remove` is given the key it was inserted with.
 * R2  The tie order of two items never changes while either was ever in the list: separators in inner nodes may name
 *     items removed since.
 * R3  Insert, remove, rank, indexOf and at visit one node a level: O(log n), whatever the number of equal keys.
 * R4  A node that has become a quarter full is merged with a neighbour when both fit one node, so that a list whose items
 *     all move on (the live order) does not keep the nodes they left.
 */

/** Order among items of one key: negative when `a` stands before `b`, 0 only when they are the same item. */
export type TieOrder = (a: number, b: number) => number;

const LEAF_MAX = 64;
const INNER_MAX = 32;
/** Most lists are small (a division at a mat): a leaf begins small and doubles. */
const LEAF_FIRST = 8;

interface Leaf {
  readonly children: null;
  size: number;
  keys: Float64Array;
  items: Int32Array;
}

interface Inner {
  /** Child i holds nothing below (keys[i], items[i]); those of child 0 are never looked at. */
  readonly children: Node[];
  readonly counts: number[];
  keys: number[];
  items: number[];
}

type Node = Leaf | Inner;

export class RankedList {
  readonly #order: TieOrder;
  #root: Node = leaf(LEAF_FIRST);
  #size = 0;

  constructor(order: TieOrder) {
    this.#order = order;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds `item` at `key`. @throws Error when it is there already (R1). */
  insert(key: number, item: number): void {
    const split = this.#insert(this.#root, key, item);
    if (split !== null) {
      const left = this.#root;
      this.#root = {
        children: [left, split],
        counts: [countOf(left), countOf(split)],
        keys: [0, split.keys[0]!],
        items: [0, split.items[0]!],
      };
    }
    this.#size++;
  }

  /** Takes `item` out; `key` is the one it was inserted with. @throws Error when it is not there (R1). */
  remove(key: number, item: number): void {
    this.#remove(this.#root, key, item);
    this.#size--;
    while (this.#root.children !== null && this.#root.children.length === 1)
      this.#root = this.#root.children[0]!;
  }

  /** Number of items with a key strictly smaller than `key`: the place is one more. */
  rank(key: number): number {
    let node = this.#root;
    let before = 0;
    while (node.children !== null) {
      let child = node.children.length - 1;
      // Items of this very key may also stand at the end of the child before: go where the smaller ones end.
      while (child > 0 && node.keys[child]! >= key) child--;
      for (let i = 0; i < child; i++) before += node.counts[i]!;
      node = node.children[child]!;
    }
    let low = 0;
    let high = node.size;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (node.keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return before + low;
  }

  /** Number of items that stand before (`key`, `item`) in list order, whether it is in the list or not. */
  indexOf(key: number, item: number): number {
    let node = this.#root;
    let before = 0;
    while (node.children !== null) {
      const child = this.#childFor(node, key, item);
      for (let i = 0; i < child; i++) before += node.counts[i]!;
      node = node.children[child]!;
    }
    return before + this.#lowerBound(node, key, item);
  }

  /** The item at `index` (0 is the first) and its key, or undefined outside the list. */
  at(index: number): { readonly key: number; readonly item: number } | undefined {
    if (!(index >= 0 && index < this.#size)) return undefined;
    let node = this.#root;
    let rest = index;
    while (node.children !== null) {
      let child = 0;
      while (rest >= node.counts[child]!) rest -= node.counts[child++]!;
      node = node.children[child]!;
    }
    return { key: node.keys[rest]!, item: node.items[rest]! };
  }

  /** Calls `visit` for up to `limit` items from `offset` on, in order. The list must not change meanwhile. */
  forEach(offset: number, limit: number, visit: (key: number, item: number, index: number) => void): void {
    const end = Math.min(this.#size, offset + limit);
    if (offset >= 0 && offset < end) visitRange(this.#root, 0, offset, end, visit);
  }

  #insert(node: Node, key: number, item: number): Node | null {
    if (node.children === null) return this.#insertIntoLeaf(node, key, item);
    const child = this.#childFor(node, key, item);
    const split = this.#insert(node.children[child]!, key, item);
    if (split === null) {
      node.counts[child]!++;
      return null;
    }
    node.counts[child] = countOf(node.children[child]!);
    node.children.splice(child + 1, 0, split);
    node.counts.splice(child + 1, 0, countOf(split));
    node.keys.splice(child + 1, 0, split.keys[0]!);
    node.items.splice(child + 1, 0, split.items[0]!);
    return node.children.length > INNER_MAX ? splitInner(node) : null;
  }

  #insertIntoLeaf(node: Leaf, key: number, item: number): Leaf | null {
    const at = this.#lowerBound(node, key, item);
    if (at < node.size && node.keys[at] === key && node.items[at] === item) {
      throw new Error(`ranked list: item ${item} is already in the list at ${key}`);
    }
    if (node.size < node.keys.length || node.size < LEAF_MAX) {
      insertAt(node, at, key, item);
      return null;
    }
    // Arrivals at a mat come mostly in order: a split at the end leaves a full leaf behind, not half a one.
    const right = splitLeaf(node, at === node.size ? node.size : node.size >> 1);
    if (at >= node.size && (right.size === 0 || at > node.size)) insertAt(right, at - node.size, key, item);
    else insertAt(node, at, key, item);
    return right;
  }

  #remove(node: Node, key: number, item: number): void {
    if (node.children === null) {
      const at = this.#lowerBound(node, key, item);
      if (at >= node.size || node.keys[at] !== key || node.items[at] !== item) {
        throw new Error(`ranked list: item ${item} is not in the list at ${key}`);
      }
      node.keys.copyWithin(at, at + 1, node.size);
      node.items.copyWithin(at, at + 1, node.size);
      node.size--;
      return;
    }
    const child = this.#childFor(node, key, item);
    this.#remove(node.children[child]!, key, item);
    node.counts[child]!--;
    if (isSparse(node.children[child]!)) {
      // R4: into the neighbour on the left, else the one on the right into this.
      if (child > 0 && mergeRight(node, child - 1)) return;
      if (child + 1 < node.children.length) mergeRight(node, child);
    }
  }

  /** The child whose range (`key`, `item`) falls into. */
  #childFor(node: Inner, key: number, item: number): number {
    let low = 1;
    let high = node.children.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const separator = node.keys[middle]!;
      if (separator < key || (separator === key && this.#order(node.items[middle]!, item) <= 0))
        low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #lowerBound(node: Leaf, key: number, item: number): number {
    let low = 0;
    let high = node.size;
    while (low < high) {
      const middle = (low + high) >> 1;
      const here = node.keys[middle]!;
      if (here < key || (here === key && this.#order(node.items[middle]!, item) < 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function leaf(capacity: number): Leaf {
  return { children: null, size: 0, ...room(capacity) };
}

/** Leaves are many and small: they share pieces of memory, which costs less than two allocations outside the heap for each. */
const PIECE_BYTES = 1 << 16;
const SLOT_BYTES = Float64Array.BYTES_PER_ELEMENT + Int32Array.BYTES_PER_ELEMENT;
let piece = new ArrayBuffer(PIECE_BYTES);
let pieceUsed = 0;

/** Capacities are multiples of `LEAF_FIRST`, so that what begins after a leaf is aligned. */
function room(capacity: number): { keys: Float64Array; items: Int32Array } {
  const bytes = capacity * SLOT_BYTES;
  if (pieceUsed + bytes > PIECE_BYTES) {
    piece = new ArrayBuffer(PIECE_BYTES);
    pieceUsed = 0;
  }
  const at = pieceUsed;
  pieceUsed += bytes;
  return {
    keys: new Float64Array(piece, at, capacity),
    items: new Int32Array(piece, at + capacity * Float64Array.BYTES_PER_ELEMENT, capacity),
  };
}

function countOf(node: Node): number {
  if (node.children === null) return node.size;
  let sum = 0;
  for (const count of node.counts) sum += count;
  return sum;
}

function insertAt(node: Leaf, at: number, key: number, item: number): void {
  if (node.size === node.keys.length) grow(node, Math.min(LEAF_MAX, node.size * 2));
  node.keys.copyWithin(at + 1, at, node.size);
  node.items.copyWithin(at + 1, at, node.size);
  node.keys[at] = key;
  node.items[at] = item;
  node.size++;
}

function grow(node: Leaf, capacity: number): void {
  const { keys, items } = node;
  Object.assign(node, room(capacity));
  node.keys.set(keys);
  node.items.set(items);
}

function splitLeaf(node: Leaf, at: number): Leaf {
  const right = leaf(LEAF_MAX);
  right.size = node.size - at;
  right.keys.set(node.keys.subarray(at, node.size));
  right.items.set(node.items.subarray(at, node.size));
  node.size = at;
  return right;
}

function splitInner(node: Inner): Inner {
  const at = node.children.length >> 1;
  return {
    children: node.children.splice(at),
    counts: node.counts.splice(at),
    keys: node.keys.splice(at),
    items: node.items.splice(at),
  };
}

function isSparse(node: Node): boolean {
  return node.children === null ? node.size <= LEAF_MAX >> 2 : node.children.length <= INNER_MAX >> 2;
}

/** Moves child `at + 1` of `parent` into child `at` when both fit; says whether it did. */
function mergeRight(parent: Inner, at: number): boolean {
  const left = parent.children[at]!;
  const right = parent.children[at + 1]!;
  if (left.children === null) {
    if (right.children !== null || left.size + right.size > LEAF_MAX) return false;
    if (left.keys.length < left.size + right.size) grow(left, LEAF_MAX);
    left.keys.set(right.keys.subarray(0, right.size), left.size);
    left.items.set(right.items.subarray(0, right.size), left.size);
    left.size += right.size;
  } else {
    if (right.children === null || left.children.length + right.children.length > INNER_MAX) return false;
    // The first separator of a node is never looked at in it, but it will be here: take the parent's.
    right.keys[0] = parent.keys[at + 1]!;
    right.items[0] = parent.items[at + 1]!;
    left.children.push(...right.children);
    left.counts.push(...right.counts);
    left.keys.push(...right.keys);
    left.items.push(...right.items);
  }
  parent.counts[at]! += parent.counts[at + 1]!;
  parent.children.splice(at + 1, 1);
  parent.counts.splice(at + 1, 1);
  parent.keys.splice(at + 1, 1);
  parent.items.splice(at + 1, 1);
  return true;
}

/** Visits items [from, to) of the whole list that lie in `node`, whose first item has index `first`. */
function visitRange(
  node: Node,
  first: number,
  from: number,
  to: number,
  visit: (key: number, item: number, index: number) => void,
): void {
  if (node.children === null) {
    const end = Math.min(node.size, to - first);
    for (let i = Math.max(0, from - first); i < end; i++) visit(node.keys[i]!, node.items[i]!, first + i);
    return;
  }
  let start = first;
  for (let child = 0; child < node.children.length && start < to; child++) {
    const end = start + node.counts[child]!;
    if (end > from) visitRange(node.children[child]!, start, from, to, visit);
    start = end;
  }
}
