# SPDX-License-Identifier: Apache-2.0
# fish completion for takt: takt itself knows the words; what it does not know are files.
function __takt_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found (takt __complete $words[2..] 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c takt -f -a '(__takt_complete)'
