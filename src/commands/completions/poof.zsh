#compdef poof
# Completions of poof for zsh: poof itself knows the names.
_poof() {
    local line
    local -a open whole shown
    while IFS= read -r line; do
        if [[ ${line%%$'\t'*} == *[/=] ]]; then
            open+=("${line%%$'\t'*}")
        else
            whole+=("${line%%$'\t'*}")
            shown+=("${line/$'\t'/  -- }")
        fi
    done < <(command poof __complete zsh "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)
    if (( ! $#open && ! $#whole )); then
        _files
        return
    fi
    (( $#open )) && compadd -S '' -a open
    if [[ ${(j::)shown} == *'  -- '* ]]; then
        compadd -l -d shown -a whole
    elif (( $#whole )); then
        compadd -a whole
    fi
}
if [[ ${funcstack[1]} == _poof ]]; then
    _poof "$@"
else
    compdef _poof poof
fi
