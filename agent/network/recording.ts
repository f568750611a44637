/** A runner for tests: answers from a table, and writes down what would have changed the machine. */
import { HostCommandError, type Runner } from "../host/runner.ts";

/** `answers`: from a command line to its stdout, or to an Error to reject with; what is not in it says nothing. */
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
  /** Changes so far, one command a paragraph, with its input indented below it. */
  return { runner, changes: () => lines.join("\n") };
}

/** How a command fails that iproute2 has an objection to. */
export function refusal(line: string, stderr: string): HostCommandError {
  return new HostCommandError(line.split(" "), "exited with 1", 1, "", stderr);
}
