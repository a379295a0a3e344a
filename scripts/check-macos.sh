#!/bin/sh
# Has Rust and Go check all that is compiled for macOS, on Linux: types and lints. Nothing
# is linked and nothing runs, so stand-ins take the place of cgo's archive and of the C
# compiler. TARGETS are the targets of Rust to check.
#
# It takes a compiler that has the sources of the standard library: Debian's, which lies
# beside the one on PATH (rust-web-src, in Debian's security archive for 12).
set -eu
cd "$(dirname "$0")/.."
go=$(command -v "${GO:-go}")
targets=${TARGETS:-aarch64-apple-darwin}
command -v apt-get >/dev/null || {
    scripts/skip.sh tool macOS 'to check it takes packages of Debian'
    exit 0
}
scripts/install-packages.sh rustc-web cargo-web rust-web-clippy rust-web-src libclang-dev

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/go" <<'END'
#!/bin/sh
# An empty archive, and the header that cgo writes.
case $1 in
env) exec "$REAL_GO" "$@" ;;
build)
    while [ "$1" != -o ]; do shift; done
    printf '!<arch>\n' >"$2"
    cat >"${2%.a}.h" <<'HEADER'
extern void PoofStart(void);
extern char* PoofVersion(void);
extern char* PoofCall(char* method, char* input);
extern void PoofFree(char* text);
HEADER
    ;;
esac
END
cat >"$work/cc" <<'END'
#!/bin/sh
# Empty objects.
while [ $# -gt 0 ]; do
    [ "$1" != -o ] || : >"$2"
    shift
done
END
cat >"$work/ar" <<'END'
#!/bin/sh
# Empty archives.
for word; do case $word in *.a) printf '!<arch>\n' >"$word" ;; esac; done
END
chmod +x "$work/go" "$work/cc" "$work/ar"

export REAL_GO="$go"
# Kept between checkouts: the standard library and the crates are checked once.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/poof-tools/macos
for target in $targets; do
    name=$(echo "$target" | tr - _)
    env "CC_$name=$work/cc" "AR_$name=$work/ar" GO="$work/go" RUSTC=/usr/bin/rustc \
        RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$cache" PATH="/usr/bin:$PATH" \
        /usr/bin/cargo clippy --quiet --locked --all-targets --target "$target" \
        -Z build-std=std,panic_abort,panic_unwind,test -- -D warnings
done

# All but the package with the C functions, which wants the headers of macOS.
cd go
for target in $targets; do
    arch=arm64
    case $target in x86_64-*) arch=amd64 ;; esac
    packages=$(GOOS=darwin GOARCH=$arch CGO_ENABLED=0 "$go" list ./... | grep -vx bridge)
    # shellcheck disable=SC2086 # a list of names
    GOOS=darwin GOARCH=$arch CGO_ENABLED=0 "$go" vet -trimpath $packages
done
