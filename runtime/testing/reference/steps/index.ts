/** What the keyed steps mean that come with the runtime. */
import type { StandardStep } from "../../../dsl/graph.ts";
import type { Scene, Stateful } from "../scene.ts";
import { Dedup } from "./dedup.ts";
import { DeviceClock } from "./device-clock.ts";
import { Join } from "./join.ts";
import { Reorder } from "./reorder.ts";

export function standardStep(name: string, standard: StandardStep, scene: Scene): Stateful {
  switch (standard.kind) {
    case "dedup":
      return new Dedup(name, standard.options, scene);
    case "reorder":
      return new Reorder(name, standard.options, scene);
    case "deviceClock":
      return new DeviceClock(name, standard.options, scene);
    case "join":
      return new Join(name, standard.options, scene);
  }
}
