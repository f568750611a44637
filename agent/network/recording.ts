/** A runner for tests: it answers from a table, and records the commands that would change the machine. */
import { HostCommandError, type Runner } from "../host/runner.ts";

/** `answers` maps a command line to its stdout, or to the error it fails with. Other commands print nothing. */
export function recordingRunner(answers: Record<string, string | Error> = {}) {
  const lines: string[] = [];
  const runner: Runner = {
    async run(argv, options) {
      const line = argv.join(" ");
      if (!argv.includes("show")) {
        const input = options?.input === undefined ? [] : options.input.trimEnd().split("\n");
        lines.push([line, ...input.map((each) => `  ${each}`)].join("\n"));
      }
      const answer = answers[line] ?? "";
      if (answer instanceof Error) throw answer;
      return answer;
    },
  };
  /** All changes so far: each command with its input indented below it. */
  return { runner, changes: () => lines.join("\n") };
}

/** The error of a command that iproute2 refuses. */
export function refusal(line: string, stderr: string): HostCommandError {
  return new HostCommandError(line.split(" "), "exited with 1", 1, "", stderr);
}
