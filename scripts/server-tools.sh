#!/bin/sh
# Brings servers that `make soak` backs up to: OpenSSH, Apache and Samba from Debian's
# packages, Azurite from npm. Debian's are unpacked into the cache and not installed:
# nothing of them runs on this machine but what a test starts. Also brings what prints and
# reads a kit on paper, and that is installed.
set -eu
cd "$(dirname "$0")"
tools=${XDG_CACHE_HOME:-$HOME/.cache}/poof-tools
root=$tools/servers
azurite=3.35.0

# More S3 servers. What cannot be built here is not there, and its test says so. Of
# SeaweedFS there is none: the Go module proxy has no list of its versions.
odd() {
    [ -x "$tools/bin/$1" ] && return
    echo "Building $1 (minutes)"
    shift
    "$@" || echo 'not built: its test is skipped'
}
s3mock() {
    command -v java >/dev/null && command -v mvn >/dev/null || return
    mvn --quiet --batch-mode org.apache.maven.plugins:maven-dependency-plugin:3.6.0:copy \
        "-Dartifact=com.adobe.testing:s3mock:$1:jar:exec" "-DoutputDirectory=$tools/bin" &&
        chmod +x "$tools/bin/s3mock-$1-exec.jar"
}
odd versitygw env GOBIN="$tools/bin" GOTOOLCHAIN=local GOWORK=off "${GO:-go}" install -trimpath \
    github.com/versity/versitygw/cmd/versitygw@v1.8.0
odd s3s-fs "${CARGO:-cargo}" install --quiet --locked --root "$tools" --features binary s3s-fs@0.14.1
# s3mock: Adobe's, in Java, from Maven Central.
odd s3mock-3.12.0-exec.jar s3mock 3.12.0

# What installs programs from wheels, beside pip.
installers=$tools/installers
[ -x "$installers/bin/uv" ] || {
    rm -rf "$installers"
    python3 -m venv "$installers"
    "$installers/bin/pip" install --quiet uv==0.13.9 pipx==1.18.4
}
./wheel.sh --prepare
./package.sh --prepare

command -v apt-get >/dev/null || {
    echo 'apt-get is not there: OpenSSH, Apache and Samba are not fetched'
    exit 0
}
./install-packages.sh debootstrap dpkg-dev binutils lintian ruby rubocop openssl openssh-client \
    rpm rpmlint chromium tesseract-ocr tesseract-ocr-eng poppler-utils zbar-tools

if ! [ -f "$root/.complete" ]; then
    mkdir -p "$root/packages"
    packages='openssh-server apache2-bin samba'
    # shellcheck disable=SC2086 # a list of names
    packages="$packages $(apt-get install --simulate --no-install-recommends $packages |
        sed -n 's/^Inst \([^ ]*\).*/\1/p')"
    # shellcheck disable=SC2086
    (cd "$root/packages" && apt-get download -q $packages)
    for package in "$root"/packages/*.deb; do
        dpkg-deb --extract "$package" "$root"
    done
    rm -r "$root/packages"
    : >"$root/.complete"
fi

if command -v npm >/dev/null; then
    [ -x "$tools/azurite-$azurite/node_modules/.bin/azurite-blob" ] ||
        npm install --no-audit --no-fund --prefix "$tools/azurite-$azurite" "azurite@$azurite"
else
    echo 'npm is not there: Azurite is not fetched'
fi
