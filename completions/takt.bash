# SPDX-License-Identifier: Apache-2.0
# bash completion for takt: takt itself knows the words; what it does not know are files.
_takt() {
  local cur prev words cword line
  _init_completion -n =: || return
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("${line%%$'\t'*}")
  done < <(takt __complete "${words[@]:1:cword}" 2>/dev/null)
  # A word that ends in "=" or "/" goes on.
  [[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *[=/] ]] || compopt -o nospace
  # readline replaces only what stands after the last of these.
  if [[ $cur == *[=:]* ]]; then
    local i head=${cur%"${cur##*[=:]}"}
    for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"$head"}; done
  fi
} && complete -o default -F _takt takt
