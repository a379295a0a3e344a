#!/bin/sh
# Makes a wheel of a poof that was built, for PyPI: wheel.sh PROGRAM [DIRECTORY].
# Prints where it is. Needs python3 (Debian: python3-venv) and cargo, and a network the
# first time only: maturin, which writes the wheel, is installed from PyPI into the cache.
# `wheel.sh --prepare` does that and makes no wheel.
set -eu
umask 022
root=$(cd "$(dirname "$0")/.." && pwd)
program=$1
out=${2:-$root/target/wheel}
# Another version writes another wheel.
version=1.16.0
maturin=${XDG_CACHE_HOME:-$HOME/.cache}/poof-tools/maturin-$version
[ -x "$maturin/bin/maturin" ] || {
    rm -rf "$maturin"
    python3 -m venv "$maturin"
    "$maturin/bin/pip" install --quiet --disable-pip-version-check "maturin==$version" >&2
}
[ "$program" != --prepare ] || exit 0
[ -x "$program" ] || {
    echo "$program is not there: \`make build\` builds it" >&2
    exit 1
}
has=$("$program" --version | sed -n '1s/^poof \([^ ]*\).*/\1/p')
wants=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
[ "$has" = "$wants" ] || {
    echo "$program is poof $has, and Cargo.toml is $wants: \`make build\` builds it" >&2
    exit 1
}
# The same program gives the same wheel.
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH="$epoch"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
project=$work/poof
mkdir "$project" "$project/vendor"
for file in Cargo.toml Cargo.lock pyproject.toml README.md LICENSE vendor/NOTICES; do
    cp "$root/$file" "$project/$file"
done
# Links into the repository lead nowhere on PyPI: their words stay.
sed -E 's/\[([^]]*)\]\(([^)h#][^)]*)\)/\1/g' "$root/README.md" >"$project/README.md"
for source in src build.rs benches; do
    ln -s "$root/$source" "$project/$source"
done

# What maturin packs is moved away, so it is a copy, and without what debuggers need.
mkdir "$work/built"
cp "$program" "$work/built/poof"
chmod 755 "$work/built/poof"
strip "$work/built/poof"
# What goes with it, as `make install` has it, is the data of the wheel: it comes to lie
# below the same prefix as the program. The licences are in its metadata.
DESTDIR=$work/stage PREFIX=/usr RECEIPT=no "$root/scripts/install.sh" "$program"
mkdir "$project/poof.data" "$project/poof.data/data"
mv "$work/stage/usr/share" "$project/poof.data/data/share"
rm -r "$project/poof.data/data/share/doc"

# maturin always builds what it packs. Here a cargo that has built already says, in the
# words of cargo (`--message-format=json`), where the program is; all else is for the real one.
mkdir "$work/bin"
cat >"$work/bin/cargo" <<'END'
#!/bin/sh
set -eu
[ "$1" = rustc ] || exec "$POOF_CARGO" "$@"
id=$("$POOF_CARGO" pkgid --offline --manifest-path "$POOF_PROJECT/Cargo.toml")
printf '%s' '{"reason":"compiler-artifact","package_id":"'"$id"'",' \
    '"manifest_path":"'"$POOF_PROJECT"'/Cargo.toml","target":{"kind":["bin"],' \
    '"crate_types":["bin"],"name":"poof","src_path":"'"$POOF_PROJECT"'/src/main.rs",' \
    '"edition":"2024","doc":true,"doctest":false,"test":true},"profile":{"opt_level":"3",' \
    '"debuginfo":0,"debug_assertions":false,"overflow_checks":false,"test":false},' \
    '"features":[],"filenames":["'"$POOF_PROGRAM"'"],"executable":"'"$POOF_PROGRAM"'",' \
    '"fresh":true}'
echo
echo '{"reason":"build-finished","success":true}'
END
chmod 755 "$work/bin/cargo"
cargo=$(command -v "${CARGO:-cargo}")
# Named, so that no crate of another system has to be in cargo's cache.
target=$("${RUSTC:-rustc}" -vV | sed -n 's/^host: //p')
export POOF_CARGO="$cargo" POOF_PROJECT="$project" POOF_PROGRAM="$work/built/poof"
# `check`: the tag says which C library it needs, or there is no wheel.
(cd "$project" && env -u CARGO_TARGET_DIR CARGO="$work/bin/cargo" PATH="$work/bin:$PATH" \
    "$maturin/bin/maturin" build --release --offline --target "$target" --auditwheel check \
    --out "$work/out" \
    >"$work/log" 2>&1) || {
    cat "$work/log" >&2
    exit 1
}
mkdir -p "$out"
for wheel in "$work/out"/*.whl; do
    mv -f "$wheel" "$out/"
    echo "$out/${wheel##*/}"
done
