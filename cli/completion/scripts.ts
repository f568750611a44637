/** What a shell runs at its start. Each asks `skein completion SHELL -- WORDS` at the TAB key, with the words after `skein`. */

const BASH = `_skein() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <("\${COMP_WORDS[0]}" completion bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _skein skein
`;

const ZSH = `#compdef skein
_skein() {
  local -a found
  local line
  while IFS= read -r line; do
    found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done < <("\${words[1]}" completion zsh -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( $#found )); then _describe skein found; else _files; fi
}
compdef _skein skein
`;

const FISH = `function __skein_complete
  set -l words (commandline -opc)
  set -l typed (commandline -ct)
  $words[1] completion fish -- $words[2..-1] "$typed" 2>/dev/null
end
complete -c skein -f -a '(__skein_complete)'
complete -c skein -n '__fish_seen_subcommand_from cp' -F
`;

export const SCRIPTS: Record<string, string> = { bash: BASH, zsh: ZSH, fish: FISH };
