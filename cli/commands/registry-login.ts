/** `skein registry login`. */
import { askUnseen } from "../ask-unseen.ts";
import { CliError, UsageError } from "../cli-error.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { print, printJson } from "../print.ts";

export const registryLogin = defineCommand({
  options: {
    username: { type: "string", short: "u", value: "NAME", about: "who the registry is asked as" },
    "password-stdin": { type: "boolean", about: "take the password from stdin, instead of asking for it" },
    ...JSON_OPTION,
  },
  positionals: { name: "HOST", min: 1, max: 1 },
  notes:
    "HOST as image names write it: ghcr.io, registry.example:5000; docker.io is Docker Hub.\n" +
    "Sessions of the project pull images from there with these credentials, on all nodes. The API stores them encrypted\n" +
    "and does not try them: a session whose pull is refused says so.",
  async run({ options, positionals: [host] }) {
    const { username } = options;
    if (username === undefined) throw new UsageError("--username is missing");
    if (!options["password-stdin"] && !process.stdin.isTTY)
      throw new UsageError("without a terminal, --password-stdin is needed");
    const password = await askUnseen(`password of ${username} at ${host}`);
    if (password === "") throw new CliError("the password is empty");
    const stored = await withApi((skein) =>
      skein.setRegistry({ path: { host: host! }, body: { username, password } }),
    );
    if (options.json) return printJson(stored);
    print(`sessions of this project pull from ${stored.host} as ${stored.username} now`);
  },
});
