#!/bin/sh
# Links the whole program for macOS on Linux, with zig as the C compiler (ziglang of PyPI),
# and says of it what can be known without a Mac: architecture, oldest system, libraries,
# and that every symbol that it lacks is one of Apple's. It runs nowhere here.
#
#     scripts/link-macos.sh [aarch64-apple-darwin | x86_64-apple-darwin]...
#
# zig brings the headers of the C library, but neither frameworks nor all of Mach: one header
# is made up here, and symbols are left to be found when the program starts.
set -eu
cd "$(dirname "$0")/.."
go=${GO:-go}
command -v apt-get >/dev/null || {
    echo 'Not linked for macOS: that takes packages of Debian'
    exit 0
}
scripts/install-packages.sh rustc-web cargo-web rust-web-src libclang-dev python3-venv llvm
cache=${XDG_CACHE_HOME:-$HOME/.cache}/poof-tools
zig=$cache/ziglang-0.17.1
[ -x "$zig/bin/python-zig" ] ||
    { python3 -m venv "$zig" && "$zig/bin/pip" install --quiet ziglang==0.17.1; }

work=$(mktemp -d)
# cgo tries the compiler with the name - for what it makes.
trap 'rm -rf "$work" go/-.o' EXIT
mkdir -p "$work/include/mach"
# mach/mach_vm.h of macOS, as far as the crates and modules want it.
cat >"$work/include/mach/mach_vm.h" <<'END'
#include <mach/mach.h>
kern_return_t mach_vm_read_overwrite(vm_map_read_t, mach_vm_address_t, mach_vm_size_t, mach_vm_address_t, mach_vm_size_t *);
kern_return_t mach_vm_region(vm_map_read_t, mach_vm_address_t *, mach_vm_size_t *, vm_region_flavor_t, vm_region_info_t, mach_msg_type_number_t *, mach_port_t *);
END

headers=$(echo "$zig"/lib/python*/site-packages/ziglang/lib/libc/include/any-darwin-any)
# Go 1.26 wants macOS 12.
oldest=12.0
# shellcheck disable=SC2048 # names without blanks
for target in ${*:-aarch64-apple-darwin x86_64-apple-darwin}; do
    arch=${target%%-*}
    name=$(echo "$target" | tr - _)
    upper=$(echo "$name" | tr '[:lower:]' '[:upper:]')
    cat >"$work/cc-$arch" <<END
#!/bin/sh
# What is of a framework is found at the start.
count=\$#
while [ \$count -gt 0 ]; do
    word=\$1
    shift
    count=\$((count - 1))
    case \$word in
    -framework) shift; count=\$((count - 1)) ;;
    -lobjc | -liconv | -lresolv | -mmacosx-version-min=* | --target=* | -arch) ;;
    arm64 | x86_64) ;;
    *) set -- "\$@" "\$word" ;;
    esac
done
exec "$zig/bin/python-zig" cc -target $arch-macos.$oldest -isystem "$work/include" "\$@"
END
    cat >"$work/ld-$arch" <<END
#!/bin/sh
exec "$work/cc-$arch" -Wl,-undefined,dynamic_lookup "\$@"
END
    chmod +x "$work/cc-$arch" "$work/ld-$arch"
    # With cgo, and the files that are for macOS alone: scripts/check-macos.sh has no headers.
    (
        cd go
        goarch=arm64
        [ "$arch" = aarch64 ] || goarch=amd64
        GOOS=darwin GOARCH=$goarch CGO_ENABLED=1 CC="$work/cc-$arch" "$go" vet -trimpath .
    )
    env "CC_$name=$work/cc-$arch" "AR_$name=llvm-ar" "CARGO_TARGET_${upper}_LINKER=$work/ld-$arch" \
        "BINDGEN_EXTRA_CLANG_ARGS_$name=-isystem $headers" MACOSX_DEPLOYMENT_TARGET=$oldest RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 \
        CARGO_TARGET_DIR="$cache/macos-link" PATH="/usr/bin:$PATH" \
        /usr/bin/cargo build --locked --target "$target" -Z build-std=std,panic_abort,panic_unwind
    program=$cache/macos-link/$target/debug/poof
    llvm-objdump --macho --private-headers "$program" |
        awk '/LC_BUILD_VERSION/ { at = 1 } at && /minos/ { print "oldest macOS:", $2; exit }'
    llvm-objdump --macho --dylibs-used "$program"
    # All that it lacks is known to be Apple's: the C library, the runtime of Objective-C and
    # frameworks. What is new has to be looked at, and is then added there.
    llvm-nm --undefined-only --just-symbol-name "$program" | LC_ALL=C sort -u >"$work/lacks"
    LC_ALL=C comm -13 scripts/macos-symbols.txt "$work/lacks" >"$work/new"
    if [ -s "$work/new" ]; then
        echo "$target lacks what is not in scripts/macos-symbols.txt:" >&2
        cat "$work/new" >&2
        exit 1
    fi
    echo "$target: $(wc -l <"$work/lacks") symbols to be found at the start, all of them Apple's"
done
