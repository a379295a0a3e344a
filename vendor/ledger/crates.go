package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

type crate struct {
	Name, Version string
	License       string
	LicenseFile   string `json:"license_file"`
	Authors       []string
	Repository    string
	ManifestPath  string `json:"manifest_path"`
	Source        string
}

// rustCrates asks cargo for every crate that is linked. Procedural macros and
// build scripts run at compile time and leave nothing of theirs in the binary.
func rustCrates(root string) ([]*work, error) {
	sums, err := cargoSums(filepath.Join(root, "Cargo.lock"))
	if err != nil {
		return nil, err
	}
	works := map[string]*work{std: {
		kind: "rust", name: std, version: "-", checksum: "-", licence: "MIT OR Apache-2.0", slim: true,
		systems: map[string]bool{"linux": true, "macos": true}, authors: "The Rust Project Developers",
	}}
	for _, t := range targets {
		linked, err := cargoTree(root, t)
		if err != nil {
			return nil, err
		}
		crates, err := cargoMetadata(root, t)
		if err != nil {
			return nil, err
		}
		for _, c := range crates {
			key := c.Name + " " + c.Version
			if c.Source == "" || !linked[key] {
				continue
			}
			if works[key] == nil {
				w, err := newCrate(c, sums[key])
				if err != nil {
					return nil, err
				}
				works[key] = w
			}
			works[key].systems[t.system] = true
		}
	}
	return sorted(works), nil
}

func newCrate(c crate, sum string) (*work, error) {
	if sum == "" {
		return nil, fmt.Errorf("no checksum in Cargo.lock for %s %s", c.Name, c.Version)
	}
	if c.License == "" {
		return nil, fmt.Errorf("%s %s declares no licence", c.Name, c.Version)
	}
	authors := strings.Join(c.Authors, ", ")
	if authors == "" {
		authors = "the authors of " + c.Name + ", " + c.Repository
	}
	w := &work{
		kind: "rust", name: c.Name, version: c.Version, checksum: sum, slim: true,
		licence: strings.ReplaceAll(c.License, "/", " OR "), // the form before SPDX
		systems: map[string]bool{}, files: map[string]bool{}, authors: authors,
	}
	dir := filepath.Dir(c.ManifestPath)
	if c.LicenseFile != "" {
		w.files[filepath.Join(dir, c.LicenseFile)] = true
	}
	return w, addLicenceFiles(w.files, dir, dir)
}

// cargoTree names the linked crates as "name version".
func cargoTree(root string, t target) (map[string]bool, error) {
	out, err := cargo(root, "tree", "--locked", "--edges=normal,no-proc-macro", "--prefix=none", "--format={p}", "--target="+t.triple)
	if err != nil {
		return nil, err
	}
	linked := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) >= 2 {
			linked[f[0]+" "+strings.TrimPrefix(f[1], "v")] = true
		}
	}
	return linked, nil
}

func cargoMetadata(root string, t target) ([]crate, error) {
	out, err := cargo(root, "metadata", "--locked", "--format-version=1", "--filter-platform="+t.triple)
	if err != nil {
		return nil, err
	}
	var metadata struct{ Packages []crate }
	return metadata.Packages, json.Unmarshal(out, &metadata)
}

func cargo(root string, args ...string) ([]byte, error) {
	command := exec.Command("cargo", args...)
	command.Dir = root
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("cargo %s: %w", args[0], err)
	}
	return out, nil
}

// cargoSums maps "name version" to the checksum in Cargo.lock.
func cargoSums(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for block := range strings.SplitSeq(string(text), "[[package]]") {
		value := map[string]string{}
		for line := range strings.Lines(block) {
			if key, rest, ok := strings.Cut(strings.TrimSpace(line), " = "); ok {
				value[key] = strings.Trim(rest, `"`)
			}
		}
		sums[value["name"]+" "+value["version"]] = value["checksum"]
	}
	return sums, nil
}
