# Completions of poof for bash: poof itself knows the names.
_poof() {
    local candidate line
    COMPREPLY=()
    # The cursor counts bytes.
    local LC_ALL=C
    line=${COMP_LINE:0:COMP_POINT}
    # Only the poof in PATH: one in the directory at hand may be anybody's.
    while IFS= read -r candidate; do
        COMPREPLY+=("$candidate")
    done < <(command poof __complete bash "$line" "$COMP_WORDBREAKS" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/=] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o bashdefault -o default -F _poof poof
