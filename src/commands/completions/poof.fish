# Completions of poof for fish: poof itself knows the names.
function __poof_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l plain (string unescape -- $current; or printf '%s\n' $current)
    set -l found (command poof __complete fish $before "$plain" 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path "$plain"
    end
end
complete -c poof -f -a '(__poof_complete)'
