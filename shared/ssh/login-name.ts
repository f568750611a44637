/** Names that SSH's files take. */

/** A login name that ssh_config(5), passwd(5) and a shell's `ssh NAME@host` all read as a name. Dropbear allows 99 characters. */
export const LOGIN_NAME = /^[\p{L}\p{N}_.][\p{L}\p{N}_.@$+-]{0,98}$/u;
