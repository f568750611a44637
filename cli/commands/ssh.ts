/** `skein ssh` and `skein ssh-config`: the user's own OpenSSH into containers. */
import { pinnedEnvironment, withApi } from "../client.ts";
import { defineCommand, JSON_ERRORS, JSON_OPTION } from "../command.ts";
import { print, printJson, say } from "../print.ts";
import { runSsh } from "../ssh/run-ssh.ts";
import { aliasOf, sshConfigBlock, sshOptions } from "../ssh/ssh-settings.ts";
import { chooseHost, wayInto } from "../ssh/way-into.ts";

export const ssh = defineCommand({
  options: JSON_ERRORS,
  positionals: { name: "SESSION", min: 1, max: 1 },
  passesOn: "[HOST] [ARGS…]",
  notes:
    "HOST is main1 unless the word after SESSION is a container's name. ARGS go to OpenSSH's ssh: its options, then a command. Its exit code is ours.\n" +
    "Host keys are pinned, and the way leads through the API: no node needs an open port. The default key of this user is added to the session if it is missing.",
  async run({ positionals: [session], rest }) {
    const { options, alias, args } = await withApi(async (skein) => {
      const { way, containers } = await wayInto(skein, session!, pinnedEnvironment());
      const chosen = chooseHost(containers, rest);
      const { host } = chosen.container;
      return {
        ...chosen,
        options: sshOptions(way, chosen.container),
        alias: aliasOf(host, way.session.name),
      };
    });
    return await runSsh([...options, alias, ...args]);
  },
});

export const sshConfig = defineCommand({
  options: JSON_OPTION,
  positionals: { name: "SESSION", min: 1, max: 1 },
  notes:
    "A block for OpenSSH's clients, on stdout; then ssh, scp, sftp, rsync and editors reach HOST.SESSION.skein:\n" +
    "  skein ssh-config train >~/.ssh/train.conf    and in ~/.ssh/config, at the top: Include train.conf\n" +
    "The default key of this user is added to the session if it is missing.",
  async run({ options, positionals: [session] }) {
    await withApi(async (skein) => {
      const { way, containers } = await wayInto(skein, session!, pinnedEnvironment());
      const block = sshConfigBlock(way, containers).trimEnd();
      if (options.json)
        printJson({ hosts: containers.map(({ host }) => aliasOf(host, way.session.name)), config: block });
      else print(block);
      if (process.env["SKEIN_TOKEN"])
        say("ssh will need SKEIN_TOKEN in its environment, too; skein login stores it");
    });
  },
});
