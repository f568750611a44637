/** Why a stream ends, as one table. docs/streams.md is this table; a test compares them. */

export const STREAM_ENDS = {
  done: "the command ended, both sides of the connection were closed, or all was read",
  not_running: "the container does not run, or has ended meanwhile",
  refused: "nothing in the container accepts connections at that port",
  cannot_run: "the command could not be started",
  no_such_path: "files: the path is not there",
  bad_files: "files: the path is no directory, or cannot be written to, or the archive cannot be unpacked",
  no_space: "files: the disk is full",
  failed: "the node could not do its part",
  node_disconnected: "the node's link or tunnel broke",
  client_gone: "the client is gone, or was silent for too long",
  revoked: "the client's token was revoked or has expired",
  bad_frame: "a frame could not be understood, or came before its time",
  over_credit: "more was sent than the receiver had granted",
  too_many_streams: "the tunnel to that node carries as many streams as it may",
} as const satisfies Record<string, string>;

export type StreamEnd = keyof typeof STREAM_ENDS;
export const STREAM_END_CODES = Object.keys(STREAM_ENDS) as [StreamEnd, ...StreamEnd[]];
