/** All commands. Each is loaded only when called, so that `skein ps` does not load the agent. */
import type { Command } from "../command.ts";

export interface Entry {
  summary: string;
  // biome-ignore lint/suspicious/noExplicitAny: each command has its own options; main.ts only passes them on.
  load(): Promise<Command<any>>;
}

export const COMMANDS: Record<string, Entry> = {
  setup: {
    summary: "fetch and build what the other commands need",
    load: async () => (await import("./setup.ts")).setup,
  },
  demo: {
    summary: "the whole of Skein on this machine: an API, Docker hosts, two sessions",
    load: async () => (await import("./demo.ts")).demo,
  },
  serve: { summary: "run the API, embedded", load: async () => (await import("./serve.ts")).serve },
  "join-token": {
    summary: "print a token with which one node joins",
    load: async () => (await import("./join-token.ts")).joinToken,
  },
  agent: {
    summary: "make this machine a node: the agent, in the foreground",
    load: async () => (await import("./agent.ts")).agent,
  },
  login: {
    summary: "store an API and a token, for all commands from now on",
    load: async () => (await import("./login.ts")).login,
  },
  "context ls": {
    summary: "list the APIs that you are logged in to",
    load: async () => (await import("./login.ts")).contextLs,
  },
  "context use": {
    summary: "go to another API that you are logged in to",
    load: async () => (await import("./login.ts")).contextUse,
  },
  "context rm": {
    summary: "forget an API and its token",
    load: async () => (await import("./login.ts")).contextRm,
  },
  run: {
    summary: "start a session; with -- COMMAND, a job",
    load: async () => (await import("./run.ts")).run,
  },
  start: {
    summary: "start a session that waits at its gate",
    load: async () => (await import("./start.ts")).start,
  },
  plan: {
    summary: "show what would run where, and change nothing",
    load: async () => (await import("./plan.ts")).plan,
  },
  ps: { summary: "list sessions", load: async () => (await import("./ps.ts")).ps },
  describe: {
    summary: "show everything about a session",
    load: async () => (await import("./describe.ts")).describe,
  },
  events: { summary: "follow what happens", load: async () => (await import("./events.ts")).events },
  logs: { summary: "read containers' output", load: async () => (await import("./logs.ts")).logs },
  exec: { summary: "run a command in a container", load: async () => (await import("./exec.ts")).exec },
  shell: { summary: "open a shell in a container", load: async () => (await import("./exec.ts")).shell },
  ssh: {
    summary: "log in to a container with OpenSSH",
    load: async () => (await import("./ssh.ts")).ssh,
  },
  "ssh-config": {
    summary: "print settings for ssh, scp, rsync and editors",
    load: async () => (await import("./ssh.ts")).sshConfig,
  },
  forward: {
    summary: "make a container's port reachable on this machine",
    load: async () => (await import("./forward.ts")).forward,
  },
  open: {
    summary: "open an app of a session in the browser",
    load: async () => (await import("./open.ts")).open,
  },
  cp: {
    summary: "copy files into a container, or out of one",
    load: async () => (await import("./cp.ts")).cp,
  },
  wait: {
    summary: "wait until a session has ended, or runs",
    load: async () => (await import("./wait.ts")).wait,
  },
  rm: { summary: "end sessions", load: async () => (await import("./rm.ts")).rm },
  "node ls": { summary: "list nodes", load: async () => (await import("./node-ls.ts")).nodeLs },
  "node describe": {
    summary: "show everything about a node",
    load: async () => (await import("./node-describe.ts")).nodeDescribe,
  },
  "node cordon": {
    summary: "place nothing new on a node",
    load: async () => (await import("./node-cordon.ts")).nodeCordon,
  },
  "node uncordon": {
    summary: "place sessions on a node again",
    load: async () => (await import("./node-cordon.ts")).nodeUncordon,
  },
  "node label": {
    summary: "set and remove labels of a node",
    load: async () => (await import("./node-label.ts")).nodeLabel,
  },
  "node rm": { summary: "forget a node", load: async () => (await import("./node-rm.ts")).nodeRm },
  "token create": {
    summary: "print a token for a project and a role",
    load: async () => (await import("./token-create.ts")).tokenCreate,
  },
  "token ls": { summary: "list tokens", load: async () => (await import("./token-ls.ts")).tokenLs },
  "token revoke": {
    summary: "revoke a token for good",
    load: async () => (await import("./token-revoke.ts")).tokenRevoke,
  },
  "registry login": {
    summary: "store the project's credentials for private images",
    load: async () => (await import("./registry-login.ts")).registryLogin,
  },
  "registry ls": {
    summary: "list registries that the project has credentials for",
    load: async () => (await import("./registry-ls.ts")).registryLs,
  },
  "registry rm": {
    summary: "forget the credentials for a registry",
    load: async () => (await import("./registry-rm.ts")).registryRm,
  },
  audit: {
    summary: "show who changed what, who entered which container, and what was refused",
    load: async () => (await import("./audit.ts")).audit,
  },
  version: { summary: "print the version", load: async () => (await import("./version.ts")).version },
  completion: {
    summary: "print what makes a shell complete skein's commands",
    load: async () => (await import("./completion.ts")).completionOf(COMMANDS),
  },
};
