/** The final report of the bench: for people, or as JSON. */
import { arch, cpus, release } from "node:os";
import { table } from "../../cli/table.ts";
import { CONTAINERS, HOSTS, type Marks } from "./contender.ts";
import { type Figure, figureOf, stepsOf } from "./figures.ts";

export interface Turns {
  name: string;
  /** Of each round. */
  marks: Marks[];
  /** Duration of the removal, in milliseconds. */
  ends: number[];
}

const TITLES: Record<string, string> = {
  skein: "Skein, to running (SSH proven)",
  swarm: "Docker Swarm, one service of 8",
  swarmPerRank: "Docker Swarm, a service per name",
  floor: "bare Docker calls (the floor)",
};

/** What happens between the mark before and this one. */
const STEPS: Record<string, string> = {
  assigned: "asked → every agent has its assignment (plan, reserve, deliver)",
  created: "→ every container is created (network, overlay and firewall beside it)",
  prepared: "→ every node is prepared (key pairs; the rest of the network)",
  started: "→ every container is started (public keys to all nodes; Docker's own work)",
  proving: "→ every node's proof has begun",
  proven: "→ every proof is done (SSH, names, full MTU between nodes)",
  ready: "→ every gate is open, and the caller has the answer: running",
};

export function report(turns: readonly Turns[], json: boolean): string {
  const figures = turns.map(({ name, marks, ends }) => ({
    name,
    ready: figureOf(marks.map(({ ready }) => ready!)),
    steps: stepsOf(marks),
    ending: figureOf(ends),
  }));
  const ready = (name: string) => figures.find((each) => each.name === name)!.ready;
  const ratio = (other: string) => ({
    median: ready("skein").median / ready(other).median,
    // Other work on the machine makes rounds slower, never faster.
    fastest: ready("skein").min / ready(other).min,
  });
  const ratios = { swarm: ratio("swarm"), swarmPerRank: ratio("swarmPerRank"), floor: ratio("floor") };
  const about = {
    containers: CONTAINERS,
    hosts: HOSTS,
    rounds: turns[0]!.marks.length,
    cpus: cpus().length,
    cpu: cpus()[0]?.model ?? arch(),
    kernel: release(),
  };
  if (json) return JSON.stringify({ about, contenders: figures, ratios, aims: { swarm: 1, floor: 1.5 } });

  const rows = figures.map(({ name, ready: own, ending }) => [
    TITLES[name]!,
    ms(own.median),
    range(own),
    (own.median / ready("swarm").median).toFixed(2),
    (own.median / ready("floor").median).toFixed(2),
    ms(ending.median),
  ]);
  const steps = Object.entries(figures.find(({ name }) => name === "skein")!.steps).map(([name, step]) => [
    ms(step.median),
    range(step),
    STEPS[name]!,
  ]);
  return [
    `${CONTAINERS} containers on ${HOSTS} hosts of one machine (${about.cpus} × ${about.cpu}, Linux ${about.kernel});`,
    `milliseconds from the request to ready, median of ${about.rounds} rounds:`,
    "",
    table(["", "median", "min–max", "/ Swarm", "/ floor", "ending"], rows),
    "",
    table(
      ["", "medians", "fastest rounds", "aim"],
      [
        ["Skein / Swarm", ...both(ratios.swarm), "≤ 1.0"],
        ["Skein / floor", ...both(ratios.floor), "≤ 1.5"],
      ],
    ),
    "",
    "Where Skein's time goes; each step ends when the last node has done it:",
    "",
    table(["median", "min–max", ""], steps),
  ].join("\n");
}

function both({ median, fastest }: { median: number; fastest: number }): string[] {
  return [median.toFixed(2), fastest.toFixed(2)];
}

function ms(value: number): string {
  return value.toFixed(0);
}

function range({ min, max }: Figure): string {
  return `${ms(min)}–${ms(max)}`;
}
