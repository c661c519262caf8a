/**
 * The group coordinator of the simulated cluster, and what a member's client does: leases of slots, dealt out cooperatively
 * and in generations.
 *
 * G1  A slot is given to another only after its holder gave it up, or took too long to, or was silent for the session time-out.
 * G2  Whoever was silent that long is out. It learns so only when it is heard of again, or sees by itself that the group does
 *     not answer: until then it believes that it holds its slots. Faults may hand a slot out twice besides.
 */
import type { GroupOptions, Membership } from "../../cluster/membership.ts";
import type { Thread, World } from "./world.ts";

const SESSION_TIMEOUT_MS = 3_000;
const HEARTBEAT_MS = 500;
const REVOKE_MAX_MS = 15_000;

interface Member {
  readonly name: string;
  readonly thread: Thread;
  readonly options: GroupOptions;
  /** What the group says it holds. */
  readonly holds: Set<number>;
  /** What it believes to hold. */
  readonly believes: Set<number>;
  /** Being given up. */
  readonly leaving: Set<number>;
  silentSinceMs: number | undefined;
  isIn: boolean;
  /** The group cannot be reached until then. */
  cutUntilMs: number;
  left: boolean;
  readonly inbox: (() => void)[];
}

export class GroupCoordinator {
  readonly #world: World;
  #members: Member[] = [];
  #slots = 0;
  #generation = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** @param slots how many there are to deal out */
  join(name: string, thread: Thread, slots: number, options: GroupOptions): Promise<Membership> {
    this.#slots = slots;
    const member: Member = {
      name,
      thread,
      options,
      holds: new Set(),
      believes: new Set(),
      leaving: new Set(),
      silentSinceMs: undefined,
      isIn: true,
      cutUntilMs: 0,
      left: false,
      inbox: [],
    };
    this.#members.push(member);
    this.#heartbeat(member);
    this.#rebalanceSoon();
    const membership: Membership = {
      commitOffsets: () => this.#world.mark("offsets committed to the group"),
      forget: () => undefined,
      confirms: async (slot) => {
        await this.#world.pause(this.#world.random.latencyMs(5), thread);
        if (!this.#isReached(member)) return false;
        const confirmed = member.isIn && member.holds.has(slot);
        this.#world.mark(confirmed ? "lease confirmed" : "lease not confirmed");
        return confirmed;
      },
      leave: async () => {
        const held = [...member.believes];
        if (held.length > 0) await options.onRevoked(held);
        member.believes.clear();
        member.left = true;
        this.#remove(member);
      },
    };
    return this.#world.pause(this.#world.random.latencyMs(20), thread).then(() => membership);
  }

  /** The group and a node do not reach each other for a while, though both are well. */
  cut(node: string, forMs: number): void {
    for (const member of this.#members)
      if (member.name === node) member.cutUntilMs = this.#world.nowMs + forMs;
  }

  /** All slots are dealt out anew, wherever they are. */
  shuffle(): void {
    this.#world.mark("rebalance storm");
    this.#rebalance(this.#world.random.shuffled(this.#alive));
  }

  /** A second node is told that it holds a slot that another holds. The next rebalance takes it back. */
  handOutTwice(): void {
    const [holder, other] = this.#world.random.shuffled(this.#alive);
    const slot = holder && [...holder.holds][0];
    if (slot === undefined || other === undefined) return;
    this.#world.mark("slot handed out twice");
    this.#world.tell("group", `slot ${slot} of ${holder!.name} is handed to ${other.name} too`);
    other.believes.add(slot);
    this.#tellMember(other, () => other.options.onAssigned([slot]));
    this.#world.after(500 + 4_000 * this.#world.random.fraction(), () => {
      if (other.holds.has(slot) || !other.isIn) return;
      other.believes.delete(slot);
      this.#tellMember(other, () => void other.options.onRevoked([slot]));
    });
  }

  get #alive(): Member[] {
    return this.#members.filter((member) => member.isIn && !member.left);
  }

  #isReached(member: Member): boolean {
    return !member.thread.isDead && !member.thread.isPaused && this.#world.nowMs >= member.cutUntilMs;
  }

  /** The group hears of a member, or does not. */
  #heartbeat(member: Member): void {
    this.#world.after(HEARTBEAT_MS * (0.6 + 0.8 * this.#world.random.fraction()), () => {
      if (member.left) return;
      const reached = this.#isReached(member);
      if (reached) {
        member.silentSinceMs = undefined;
        if (!member.isIn) this.#rejoin(member);
      } else {
        member.silentSinceMs ??= this.#world.nowMs;
        const silentMs = this.#world.nowMs - member.silentSinceMs;
        if (member.isIn && silentMs >= SESSION_TIMEOUT_MS) this.#expire(member);
        if (member.thread.isDead && !member.isIn) return this.#forget(member);
      }
      this.#heartbeat(member);
    });
  }

  #expire(member: Member): void {
    member.isIn = false;
    member.holds.clear();
    member.leaving.clear();
    this.#world.mark("member expired");
    this.#world.tell("group", `${member.name} is silent and out`);
    // Its own client sees that the group does not answer: not when the process stands still.
    if (!member.thread.isDead && !member.thread.isPaused) this.#lose(member);
    this.#rebalanceSoon();
  }

  /** Out, and back: what it held is another's, most likely. */
  #rejoin(member: Member): void {
    this.#lose(member);
    member.isIn = true;
    this.#world.tell("group", `${member.name} is back`);
    this.#rebalanceSoon();
  }

  #lose(member: Member): void {
    const lost = [...member.believes];
    if (lost.length === 0) return;
    member.believes.clear();
    this.#world.mark("lease lost without notice");
    const { onLost, onRevoked } = member.options;
    this.#tellMember(member, () => void (onLost ?? onRevoked)(lost));
  }

  #remove(member: Member): void {
    this.#forget(member);
    this.#rebalanceSoon();
  }

  #forget(member: Member): void {
    member.isIn = false;
    member.holds.clear();
    this.#members = this.#members.filter((other) => other !== member);
  }

  #rebalanceSoon(): void {
    this.#world.after(this.#world.random.latencyMs(60), () => this.#rebalance(this.#alive));
  }

  /** Who holds least gets what is free; who holds more than its share gives up. */
  #rebalance(members: readonly Member[]): void {
    if (members.length === 0) return;
    const generation = ++this.#generation;
    const share = Math.ceil(this.#slots / members.length);
    const wanted = new Map<Member, Set<number>>(members.map((member) => [member, new Set()]));
    const free = new Set(Array.from({ length: this.#slots }, (_, slot) => slot));
    const isShuffle = members !== this.#alive && this.#world.random.chance(0.5);
    for (const member of members) {
      for (const slot of member.holds) {
        if (isShuffle || wanted.get(member)!.size >= share || !free.has(slot)) continue;
        wanted.get(member)!.add(slot);
        free.delete(slot);
      }
    }
    for (const slot of free) {
      const poorest = members.reduce((least, member) =>
        wanted.get(member)!.size < wanted.get(least)!.size ? member : least,
      );
      wanted.get(poorest)!.add(slot);
    }
    for (const member of members) {
      const surplus = [...member.holds].filter(
        (slot) => !wanted.get(member)!.has(slot) && !member.leaving.has(slot),
      );
      if (surplus.length > 0) this.#revoke(member, surplus);
    }
    this.#deal(generation, wanted);
  }

  #revoke(member: Member, slots: number[]): void {
    this.#world.mark("slots revoked");
    this.#world.tell("group", `${member.name} is to give up ${slots}`);
    for (const slot of slots) member.leaving.add(slot);
    let over = false;
    const done = () => {
      if (over) return;
      over = true;
      for (const slot of slots) {
        member.leaving.delete(slot);
        member.holds.delete(slot);
        member.believes.delete(slot);
      }
      if (member.isIn) this.#rebalanceSoon();
    };
    this.#tellMember(member, async () => {
      await member.options.onRevoked(slots);
      this.#world.after(this.#world.random.latencyMs(1), done, member.thread);
    });
    this.#world.after(REVOKE_MAX_MS, () => {
      if (!over) this.#world.mark("revocation took too long");
      done();
    });
  }

  /** Hands out what is free now; what is still being given up follows with the next generation. */
  #deal(generation: number, wanted: ReadonlyMap<Member, ReadonlySet<number>>): void {
    if (generation !== this.#generation) return;
    for (const [member, slots] of wanted) {
      const fresh = [...slots].filter(
        (slot) => !member.holds.has(slot) && !this.#members.some((other) => other.holds.has(slot)),
      );
      for (const slot of fresh) member.holds.add(slot);
      // One that is back is told all that it holds.
      const told = [...member.holds].filter((slot) => fresh.includes(slot) || !member.believes.has(slot));
      if (told.length === 0) continue;
      for (const slot of told) member.believes.add(slot);
      this.#world.tell("group", `${member.name} holds ${[...member.holds].sort()}`);
      this.#tellMember(member, () =>
        member.options.onAssigned(told.filter((slot) => member.believes.has(slot))),
      );
    }
  }

  /** A member hears everything in its order, however late. */
  #tellMember(member: Member, call: () => void): void {
    member.inbox.push(call);
    this.#world.after(this.#world.random.latencyMs(2), () => member.inbox.shift()?.(), member.thread);
  }
}
