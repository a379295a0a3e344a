#!/bin/sh
# What only a Mac can show of poof, point by point: each is said to pass or to fail, and the
# exit status is the number of those that fail.
#
#     scripts/acceptance-macos.sh [PROGRAM]
#
# It works in a directory of its own below /tmp, with a home of its own and a bucket that is
# a directory there; on disk images that it makes; and with an agent of launchd of its own
# configuration, which it removes. For the network and the keychain it asks first.
#
# Some functions are called by their names alone; where `a && b || c` is, b does not fail.
# shellcheck disable=SC2317,SC2015,SC2012
set -u
[ "$(uname -s)" = Darwin ] || {
    echo 'This is for a Mac.' >&2
    exit 64
}
program=${1:-target/release/poof}
program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program")
[ -x "$program" ] || {
    echo "There is no program $program: make build" >&2
    exit 64
}
user_home=$HOME
work=$(mktemp -d /tmp/poof-acceptance.XXXXXX)
work=$(cd "$work" && pwd -P)
export HOME="$work/home"
mkdir -p "$HOME" "$work/bucket"
failed=0
images=

finish() {
    "$program" --confdir "$work/conf" lpurge >/dev/null 2>&1
    for image in $images; do hdiutil detach -quiet "$image" 2>/dev/null; done
    chflags -R nouchg,nohidden "$work" 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

pass() { echo "pass  $1"; }
fail() {
    echo "FAIL  $1${2:+: $2}"
    failed=$((failed + 1))
}
# check WHAT COMMAND...
check() {
    what=$1
    shift
    if "$@" >"$work/said" 2>&1; then pass "$what"; else fail "$what" "$(tail -3 "$work/said" | tr '\n' ' ')"; fi
}
ask() {
    [ -t 0 ] || return 1
    printf '%s [y/N] ' "$1"
    read -r answer && [ "$answer" = y ]
}

# configure DIR: its tree goes to the bucket as `data`.
configure() {
    mkdir -p "$work/conf"
    chmod 700 "$work/conf"
    cat >"$work/conf/poof.conf" <<END
{"bucket":"bucket","confFile":"c","paths":{"$1":"data","$work/conf":"conf"},"remote":"disk"}
END
    cat >"$work/conf/rclone-poof.conf" <<END
[disk]
type = alias
remote = $work
END
    chmod 600 "$work/conf/poof.conf" "$work/conf/rclone-poof.conf"
}
poof() { "$program" --confdir "$work/conf" "$@"; }

# exact DIR: backs up, forgets and wipes here, and compares what comes back.
listing() {
    (
        cd "$1" || exit 1
        find . -print | LC_ALL=C sort | while IFS= read -r path; do
            ls -ldOeT "$path" | awk '{ print $1, $3, $4, $5, $6, $7, $8, $9, $10 }'
            xattr "$path" 2>/dev/null | LC_ALL=C sort | while IFS= read -r name; do
                printf '%s %s ' "$path" "$name"
                xattr -px "$name" "$path" | tr -d ' \n' | shasum -a 256
            done
            stat -f '%N created %FB' "$path"
            [ -f "$path" ] && shasum -a 256 "$path"
        done
    )
}
exact() {
    listing "$1" >"$work/before"
    poof backup || return 1
    poof check || return 1
    chflags -R nouchg "$1"
    rm -rf "${1:?}"/* "$1"/.[!.]*
    poof download --yes --allow mass-deletion || return 1
    listing "$1" >"$work/after"
    diff "$work/before" "$work/after"
}

tree=$work/tree
mkdir -p "$tree"
configure "$tree"
echo content >"$tree/file"

# Attributes: of every size, and a shorter one in the place of a longer one.
for size in 5000 1048576 8388608; do
    cp "$tree/file" "$tree/fork-$size"
    head -c "$size" /dev/urandom >"$tree/fork-$size/..namedfork/rsrc"
done
cp "$tree/file" "$tree/fork-too-large"
head -c 20971520 /dev/urandom >"$tree/fork-too-large/..namedfork/rsrc"
poof backup >"$work/said" 2>&1
code=$?
if [ "$code" = 5 ] && grep -q 'too large' "$work/said"; then
    pass 'a resource fork of 20 MB is named, exit 5'
else
    fail 'a resource fork of 20 MB is named, exit 5' "exit $code"
fi
rm "$tree/fork-too-large"
xattr -w com.apple.metadata:kMDItemFinderComment comment "$tree/file"
xattr -w user.long "$(head -c 3000 /dev/zero | tr '\0' x)" "$tree/file"
cp "$tree/file" "$tree/locked" && chflags uchg "$tree/locked"
cp "$tree/file" "$tree/hidden" && chflags hidden "$tree/hidden"
mkfifo "$tree/fifo"
ln -s file "$tree/link"
mkdir "$tree/dir" && touch -t 202001020304 "$tree/dir"
# Made before and after its last change. An older time of that moves when it was made, so
# that this is set last (SetFile is of the command line tools of Xcode).
cp "$tree/file" "$tree/old" && touch -t 201901020304 "$tree/old"
if command -v SetFile >/dev/null; then
    cp "$tree/file" "$tree/made-later" && touch -t 201901020304 "$tree/made-later"
    SetFile -d '01/02/2020 03:04:05' "$tree/made-later" "$tree/dir"
fi
check 'attributes, flags, FIFO, links, times and creation dates come back as they were' exact "$tree"
(
    cd "$tree" && for _ in 1 2 3 4 5 6; do
        name=$(head -c 200 /dev/zero | tr '\0' d)
        mkdir "$name" && cd "$name" || exit 1
    done
    echo deep >deep && xattr -w user.deep value deep
)
check 'attributes below a path of more than 1,024 bytes are saved' poof backup
rm -rf "${tree:?}/$(head -c 200 /dev/zero | tr '\0' d)"
mkfifo "$tree/unreadable-fifo" && echo closed >"$tree/closed" && xattr -w user.closed value "$tree/closed" && chmod 000 "$tree/closed"
poof backup >"$work/said" 2>&1
[ $? = 5 ] && pass 'a file that nobody may read is named, exit 5' || fail 'a file that nobody may read is named, exit 5'
chmod 600 "$tree/closed" && rm "$tree/closed" "$tree/unreadable-fifo"
head -c 100 /dev/urandom >"$work/short"
cp "$work/short" "$tree/fork-5000/..namedfork/rsrc"
check 'a backup with a shorter resource fork' poof backup
head -c 9000 /dev/urandom >"$tree/fork-5000/..namedfork/rsrc"
check 'a download over a longer one' poof download --yes
check 'the shorter one has replaced it' cmp "$work/short" "$tree/fork-5000/..namedfork/rsrc"

# Disks of other kinds.
image() {
    hdiutil create -quiet -size 200m -fs "$1" -volname "poof-$2" "$work/$2.dmg" &&
        hdiutil attach -quiet -nobrowse -mountpoint "$work/mount-$2" "$work/$2.dmg" &&
        images="$images $work/mount-$2"
}
for kind in 'ExFAT exfat' 'HFS+ hfs' 'Case-sensitive_APFS apfsx'; do
    fs=$(echo "${kind% *}" | tr _ ' ')
    name=${kind#* }
    if ! image "$fs" "$name"; then
        fail "an image with $fs"
        continue
    fi
    mkdir -p "$work/mount-$name/tree"
    echo content >"$work/mount-$name/tree/file"
    echo other >"$work/mount-$name/tree/other"
    [ "$name" = apfsx ] && echo twin >"$work/mount-$name/tree/FILE"
    rm -rf "$work/bucket" "$HOME/Library"
    mkdir -p "$work/bucket"
    configure "$work/mount-$name/tree"
    check "$fs: backup" poof backup
    check "$fs: nothing changed, nothing sent" sh -c "'$program' --confdir '$work/conf' backup 2>&1 | grep -q 'data: 0 new, 0 changed, 0 removed'"
    poof upload --yes --keep-poof --allow no-kit >"$work/said" 2>&1
    [ -e "$work/mount-$name/tree/file" ] && fail "$fs: upload wipes" || pass "$fs: upload wipes"
    case $name in
    apfsx) grep -q 'tmutil listlocalsnapshots' "$work/said" && pass "$fs: snapshots are named" || fail "$fs: snapshots are named" ;;
    esac
    check "$fs: download" poof download --yes
    check "$fs: it is back" grep -q content "$work/mount-$name/tree/file"
done

# The signature, by which macOS knows poof again. (`secret set` uses the keychain as well.)
bare() { codesign -dv --verbose=2 "$program" 2>&1 | grep -q '^Signature=adhoc\|not signed at all'; }

# The clipboard.
if ask 'Shall the clipboard be replaced, and emptied?'; then
    check 'poof cconfig' poof cconfig
    cat >"$work/kinds" <<'END'
use framework "AppKit"
(current application's NSPasteboard's generalPasteboard's types) as list
END
    marked() { osascript "$work/kinds" | grep -q org.nspasteboard.ConcealedType; }
    check 'a secret is marked as one' marked
    pbpaste >"$work/pasted"
    check 'it pastes' cmp "$work/pasted" "$work/conf/rclone-poof.conf"
    holder=$(pgrep -f __hold-clipboard | head -1)
    kill -TERM "$holder" && sleep 1
    if [ -z "$(pbpaste)" ]; then pass 'the end of its holder takes it away'; else fail 'the end of its holder takes it away'; fi
    poof cconfig >/dev/null 2>&1
    echo other | pbcopy
    sleep 5
    if pgrep -f __hold-clipboard >/dev/null; then fail 'the next copy ends the holder'; else pass 'the next copy ends the holder'; fi
    if [ "$(pbpaste)" = other ]; then pass 'and stays'; else fail 'and stays'; fi
    poof cconfig >/dev/null 2>&1
    echo '     Look: a paste on an iPhone or another Mac of yours must not give it (Universal Clipboard).'
    poof neuter --dry-run >/dev/null 2>&1
    if [ -n "$(pbpaste)" ]; then pass 'a dry run leaves it there'; else fail 'a dry run leaves it there'; fi
    pgrep -f __hold-clipboard | while read -r holder; do kill -TERM "$holder"; done
fi

# launchd, in the session at the screen. The home is the real one, as launchd has it.
rm -rf "$work/bucket" "$HOME/Library"
mkdir -p "$work/bucket" "$tree"
configure "$tree"
export HOME="$user_home"
check 'lconfig' poof lconfig --every 6h
label=$(poof paths 2>/dev/null | sed -n 's|.*/\(org\.pypi\.poof[^/]*\)\.plist$|\1|p' | head -1)
check 'launchctl knows the agent' launchctl print "gui/$(id -u)/$label"
check 'launchctl starts it' launchctl kickstart -k "gui/$(id -u)/$label"
poof verify --offline >"$work/said" 2>&1
warned() { grep -q 'not signed with a certificate' "$work/said"; }
if bare; then check 'verify says what an update of a program without a certificate loses' warned; else
    if warned; then fail 'a program with a certificate is not warned of'; else pass 'a program with a certificate is not warned of'; fi
fi
sleep 20
check 'its run has saved a snapshot' sh -c "'$program' --confdir '$work/conf' check"
check 'its logs are in ~/Library/Logs/poof' ls "$HOME/Library/Logs/poof"
check 'lpurge' poof lpurge
if launchctl print "gui/$(id -u)/$label" >/dev/null 2>&1; then fail 'the agent is gone'; else pass 'the agent is gone'; fi
if [ -d "$HOME/Library/LaunchAgents" ]; then pass 'LaunchAgents stays'; else fail 'LaunchAgents stays'; fi

# Idle sleep: a run of more than 20 seconds holds it off, and no longer than that.
awake() { pmset -g assertions | grep -q 'caffeinate.*PreventUserIdleSystemSleep\|PreventUserIdleSystemSleep.*caffeinate'; }
sed 's|^{|{"before":["sleep","30"],|' "$work/conf/poof.conf" >"$work/waiting" && cat "$work/waiting" >"$work/conf/poof.conf"
poof backup >/dev/null 2>&1 &
sleep 25
check 'a long run keeps the Mac awake' awake
wait
sleep 2
if awake; then fail 'and no longer than it takes' 'or another program has called caffeinate'; else pass 'and no longer than it takes'; fi
configure "$tree"

if ask 'Shall a secret be put into the login keychain, and taken out again?'; then
    cat >>"$work/conf/rclone-poof.conf" <<END
[other]
type = s3
provider = Other
secret_access_key = poof-acceptance
END
    check 'poof secret set' poof secret set other.secret_access_key
    if grep -q poof-acceptance "$work/conf/rclone-poof.conf"; then fail 'it has left the file'; else pass 'it has left the file'; fi
    check 'the keychain has it' security find-generic-password -s poof -a other.secret_access_key
    check 'it is taken out' security delete-generic-password -s poof -a other.secret_access_key
fi
if ask 'Shall Wi-Fi be off for half a minute (and is there no other network)?'; then
    sed 's|^type = alias|type = s3|; s|^remote = .*|provider = Other\nendpoint = https://s3.example.org\naccess_key_id = x\nsecret_access_key = y|' \
        "$work/conf/rclone-poof.conf" >"$work/away" && cat "$work/away" >"$work/conf/rclone-poof.conf"
    device=$(networksetup -listallhardwareports | awk '/Wi-Fi/ { getline; print $2; exit }')
    networksetup -setairportpower "$device" off
    sleep 5
    check 'a scheduled run without a network is no failure' poof backup --scheduled --every 6h
    networksetup -setairportpower "$device" on
fi

echo "$failed failed"
exit "$failed"
