#!/bin/sh
# Brings what the tests run and nobody else needs: MinIO as the S3 server, stock
# rclone to see the remote with the eyes of another, and some Debian packages.
set -eu
cd "$(dirname "$0")"
go=${GO:-go}
bin=${XDG_CACHE_HOME:-$HOME/.cache}/poof-tools/bin

# install NAME MODULE VERSION [FLAG...]: unless it is there in that version,
# which a Go program knows of itself.
install() {
    name=$1 module=$2 version=$3
    shift 3
    "$go" version -m "$bin/$name" 2>/dev/null | grep -q "^	mod	$module	$version	" && return
    echo "Building $name $version (a few minutes the first time)"
    GOBIN=$bin GOTOOLCHAIN=local GOWORK=off "$go" install -trimpath "$@" "$module@$version"
}

mkdir -p "$bin"
install minio github.com/minio/minio v0.0.0-20250907161309-07c3a429bfed
# The version that go/go.mod pins, with the flags of rclone's own releases.
rclone=$(sed -n 's|^.*github.com/rclone/rclone \(v[^ ]*\).*|\1|p' ../go/go.mod)
install rclone github.com/rclone/rclone "$rclone" \
    "-ldflags=-s -X github.com/rclone/rclone/fs.Version=$rclone"

# What poof is compared with by `make bench` alone.
restic() {
    module=github.com/restic/restic version=v0.18.1
    "$go" version -m "$bin/restic" 2>/dev/null | grep -q "^	mod	$module	$version	" && return
    GOBIN=$bin GOTOOLCHAIN=local GOWORK=off "$go" install -trimpath "$module/cmd/restic@$version"
}
if [ "${1:-}" = --peers ]; then
    restic
    exit
fi

# The Python poof, whose successor this one is.
python_poof() {
    poof=$bin/python-poof-1.6.0
    [ -x "$poof/bin/poof" ] && return
    python3 -m venv "$poof" && "$poof/bin/pip" install --quiet poof==1.6.0
}

# S3 servers that do not show names as they are sent.
odd_servers() {
    moto=$bin/../moto-5.2.5
    [ -x "$moto/bin/moto_server" ] ||
        { python3 -m venv "$moto" && "$moto/bin/pip" install --quiet 'moto[server]==5.2.5'; }
    s3rver=$bin/../s3rver-3.7.1
    command -v npm >/dev/null || ./install-packages.sh npm
    [ -x "$s3rver/node_modules/.bin/s3rver" ] ||
        { mkdir -p "$s3rver" && npm install --silent --no-audit --no-fund --prefix "$s3rver" s3rver@3.7.1; }
}

# MinIO's own client for its users and policies, in Python (tests/minio).
minio_client() {
    client=$bin/../minio-client-7.2.20
    [ -f "$client/complete" ] && return
    python3 -m venv "$client" && "$client/bin/pip" install --quiet minio==7.2.20
    : >"$client/complete"
}

# What the independent reader of snapshots needs (tests/format). Where that cannot be
# installed, its tests say so and are skipped.
format_reader() {
    reader=$bin/../format-reader wants=../tests/format/requirements.txt
    cmp -s "$wants" "$reader/requirements.txt" && return
    rm -rf "$reader"
    if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        why='Python 3.11 or newer is not here'
    elif ! { python3 -m venv "$reader" &&
        "$reader/bin/pip" install --quiet --disable-pip-version-check -r "$wants"; }; then
        why='its packages of tests/format/requirements.txt cannot be installed'
    else
        cp "$wants" "$reader/requirements.txt"
        return
    fi
    mkdir -p "$reader"
    echo "$why" | tee "$reader/unavailable"
}

if command -v apt-get >/dev/null; then
    ./install-packages.sh xvfb xclip rclone python3-venv rsync minisign tmux fuse3 zsh fish unzip \
        acl attr time strace groff-base e2fsprogs xfsprogs btrfs-progs systemd dbus cron \
        gnome-keyring libsecret-tools exfat-fuse exfatprogs ntfs-3g dosfstools fusefat
fi
python_poof
odd_servers
minio_client
format_reader
