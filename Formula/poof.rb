# The Homebrew formula of poof.
#
# REPOSITORY and the checksum cannot be known before a version is tagged and
# published: scripts/formula.sh prints this file with both, for the tap.
class Poof < Formula
  desc "Backups on any cloud storage that are proven, and vanish here if you wish"
  homepage "REPOSITORY"
  url "REPOSITORY/archive/refs/tags/v2.0.0.tar.gz"
  sha256 "SHA256"
  license "MIT"
  head "REPOSITORY.git", branch: "main"

  depends_on "go" => :build
  depends_on "rust" => :build

  uses_from_macos "llvm" => :build # for libclang

  def install
    system "cargo", "install", *std_cargo_args

    generate_completions_from_executable(bin/"poof", "completions", shells: [:bash, :zsh, :fish])
    (man1/"poof.1").write Utils.safe_popen_read(bin/"poof", "man")
    (man5/"poof.conf.5").write Utils.safe_popen_read(bin/"poof", "man", "poof.conf")
    doc.install "vendor/NOTICES"
  end

  test do
    ENV["TMPDIR"] = testpath
    assert_match "everything came back whole", shell_output("#{bin}/poof demo")
  end
end
